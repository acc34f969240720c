/** One dead letter with what was in the queue, or one unreadable text. */
import { refusalOf } from '../api/caller.ts';
import { api, read } from '../api/client.ts';
import { usePolled } from '../api/polled.ts';
import { ActionButton } from '../parts/action.tsx';
import { Facts } from '../parts/facts.tsx';
import { when } from '../parts/format.ts';
import { JsonView } from '../parts/json-view.tsx';
import { Panel } from '../parts/panel.tsx';
import { Problem } from '../parts/problem.tsx';
import { linkTo } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import type { Letter, Unreadable } from './entries.ts';

const WORDS = TEXTS.deadLetters;

export interface LetterPanelProps {
  readonly letter: Letter;
  readonly onClose: () => void;
  readonly onReplay: () => void;
  readonly onDrop: () => void;
}

export function LetterPanel({ letter, onClose, onReplay, onDrop }: LetterPanelProps) {
  const { id, station } = letter;
  const found = usePolled(
    (signal) => read(api.GET('/v1/dead-letters/{id}', { params: { path: { id } }, signal })),
    0,
    [id],
  );
  const entry = found.value.value?.entry;
  const refusal = refusalOf('admin');
  return (
    <Panel title={WORDS.letterTitle} onClose={onClose}>
      {letter.mayRepeat && <p class="notice">{WORDS.repeatWarning(1, 1)}</p>}
      <Facts
        of={[
          [WORDS.columns.at, when(letter.at)],
          [WORDS.receivedAt, letter.receivedAt !== undefined && when(letter.receivedAt)],
          [
            WORDS.columns.station,
            station !== undefined && <a href={linkTo(['stations', station])}>{station}</a>,
          ],
          [WORDS.protocol, letter.protocol],
          [WORDS.columns.action, letter.action],
          [WORDS.messageId, letter.messageId],
          [WORDS.columns.deliveries, letter.deliveries],
          [WORDS.columns.reason, letter.reason],
          [WORDS.id, id],
        ]}
      />
      <div class="buttons start">
        <ActionButton refusal={refusal} onClick={onReplay}>
          {WORDS.verbs.replay}
        </ActionButton>
        <ActionButton refusal={refusal} kind="danger" onClick={onDrop}>
          {WORDS.verbs.drop}
        </ActionButton>
      </div>
      <h3>{WORDS.entry}</h3>
      <Problem of={found.problem.value} onRetry={found.refresh} />
      {entry === undefined && found.problem.value === undefined && <p class="quiet">{TEXTS.loading}</p>}
      {entry !== undefined && <Text of={entry} />}
    </Panel>
  );
}

export interface UnreadablePanelProps {
  readonly entry: Unreadable;
  readonly onClose: () => void;
  readonly onDrop: () => void;
}

export function UnreadablePanel({ entry, onClose, onDrop }: UnreadablePanelProps) {
  return (
    <Panel title={WORDS.unreadableTitle} onClose={onClose}>
      <Facts
        of={[
          [WORDS.columns.at, when(entry.at)],
          [WORDS.columns.station, <a href={linkTo(['stations', entry.station])}>{entry.station}</a>],
          [WORDS.protocol, entry.protocol],
          [WORDS.columns.reason, entry.reason],
          [WORDS.id, entry.id],
        ]}
      />
      <div class="buttons start">
        <ActionButton refusal={refusalOf('admin')} kind="danger" onClick={onDrop}>
          {WORDS.verbs.drop}
        </ActionButton>
      </div>
      <h3>{WORDS.columns.text}</h3>
      <pre class="raw" tabIndex={0}>
        <bdi>{entry.text}</bdi>
      </pre>
    </Panel>
  );
}

/** Of a text that is shown raw; characters. */
const LONGEST = 100_000;

/** As a tree where it is JSON, otherwise as it is. */
function Text({ of }: { readonly of: string }) {
  const value = jsonOf(of);
  if (value !== undefined) return <JsonView value={value} />;
  return (
    <pre class="raw" tabIndex={0}>
      <bdi>{of.slice(0, LONGEST)}</bdi>
    </pre>
  );
}

function jsonOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}
