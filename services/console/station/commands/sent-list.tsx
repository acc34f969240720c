/** The commands that this page sent to a station, and what became of them. */
import { when } from '../../parts/format.ts';
import { JsonView } from '../../parts/json-view.tsx';
import { TEXTS } from '../../texts.ts';
import { type Answer, checkOf, type Outcome, statusOf, toneOf } from './outcome.ts';
import { cancel, type Sent, sendAgain, sendCommand, sentCommands } from './sent.ts';

const WORDS = TEXTS.station.outcome;

export function SentList({ station, canSend }: { readonly station: string; readonly canSend: boolean }) {
  const own = sentCommands.value.filter((one) => one.station === station);
  return (
    <div class="station-stack">
      <h3>{TEXTS.station.commands.sent}</h3>
      {own.length === 0 && <p class="quiet">{TEXTS.station.commands.noneSent}</p>}
      <div role="log" aria-label={TEXTS.station.commands.sent}>
        <ol class="command-list">
          {own.map((one) => (
            <li key={one.key}>
              <Row sent={one} canSend={canSend} />
            </li>
          ))}
        </ol>
      </div>
    </div>
  );
}

function Row({ sent, canSend }: { readonly sent: Sent; readonly canSend: boolean }) {
  const { action, at, intent, outcome } = sent;
  const { payload = intent.body } = intent.body as { readonly payload?: object };
  return (
    <>
      <div class="card-head">
        <span class="quiet number">{when(at)}</span>
        <strong>{action}</strong>
        <Badge outcome={outcome} />
        {canSend && <Tools sent={sent} />}
      </div>
      <Explained outcome={outcome} action={action} />
      <div class="command-details">
        <JsonView name={WORDS.command} value={payload} isOpen={false} />
        {outcome.kind === 'answered' && (
          <JsonView
            name={WORDS.answer}
            value={outcome.answer.payload ?? outcome.answer.details ?? {}}
            isOpen={false}
          />
        )}
      </div>
    </>
  );
}

function Badge({ outcome }: { readonly outcome: Outcome }) {
  switch (outcome.kind) {
    case 'sending':
      return <span class="badge busy">{WORDS.sending}</span>;
    case 'running':
      return <span class="badge busy">{WORDS[outcome.state]}</span>;
    case 'answered': {
      const tone = toneOf(outcome.answer);
      return <span class={`badge ${tone === 'plain' ? 'good' : tone}`}>{WORDS.answered}</span>;
    }
    case 'not-sent':
      return <span class="badge idle">{WORDS.notSent}</span>;
    case 'uncertain':
      return <span class="badge warn">{WORDS.uncertain}</span>;
    default:
      return <span class="badge warn">{WORDS.lost}</span>;
  }
}

function Explained({ outcome, action }: { readonly outcome: Outcome; readonly action: string }) {
  switch (outcome.kind) {
    case 'sending':
      return null;
    case 'running':
      return outcome.problem === undefined ? null : <p class="quiet">{WORDS.notReadable(outcome.problem)}</p>;
    case 'answered':
      return <p>{answerText(outcome.answer)}</p>;
    case 'not-sent': {
      const known = wordsIn(WORDS.notSentReasons, outcome.reason);
      return <p>{known ?? outcome.detail}</p>;
    }
    case 'uncertain':
      return (
        <>
          <p>
            {wordsIn(WORDS.uncertainReasons, outcome.reason) ?? outcome.reason}{' '}
            {outcome.detail !== '' && <span class="quiet">({outcome.detail})</span>}
          </p>
          <p class="station-notice">
            <strong>{WORDS.check.title}</strong> {WORDS.check[checkOf(action)]}
          </p>
        </>
      );
    default:
      return (
        <p class="station-notice">
          {outcome.isAsked ? WORDS.unknown : WORDS.maybe} <span class="quiet">({outcome.detail})</span>
        </p>
      );
  }
}

function answerText(answer: Answer): string {
  if (answer.kind === 'error') return WORDS.error(answer.code ?? '', answer.description ?? '');
  const status = statusOf(answer);
  return status === undefined ? WORDS.noStatus : (wordsIn(WORDS.statuses, status) ?? status);
}

const wordsIn = (words: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(words, name) ? words[name] : undefined;

function Tools({ sent }: { readonly sent: Sent }) {
  const { outcome, station, intent } = sent;
  if (outcome.kind === 'running' && outcome.state === 'queued')
    return (
      <button type="button" class="station-end" onClick={() => void cancel(sent)}>
        {WORDS.cancel}
      </button>
    );
  // The same key: what the cluster has is not sent twice.
  if (outcome.kind === 'lost' || (outcome.kind === 'not-sent' && outcome.isRefused))
    return (
      <button type="button" class="station-end" onClick={() => sendAgain(sent)}>
        {WORDS.again}
      </button>
    );
  // It has ended for good: this is another command.
  if (outcome.kind === 'not-sent')
    return (
      <button type="button" class="station-end" onClick={() => sendCommand(station, intent)}>
        {WORDS.again}
      </button>
    );
  return null;
}
