/** The first sentence: what is wrong, since when, and what to do. */
import type { ApiProblem } from '../api/client.ts';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import type { Finding, Severity } from './status.ts';

const WORDS = TEXTS.network.headline;

export interface HeadlineProps {
  readonly findings: readonly Finding[];
  /** Whether the status of an OcppCluster object is among what is known. */
  readonly knows: 'all' | 'figures' | 'nothing';
  /** Of the last poll that succeeded, ms since 1970. */
  readonly at: number | undefined;
  /** Of the last poll. */
  readonly problem: ApiProblem | undefined;
}

export function Headline(props: HeadlineProps) {
  const { findings } = props;
  const { isKnown, state, title, message } = sentenceOf(props);
  const shown = findings.filter(({ severity }) => severity !== 'note');
  const notes = findings.filter(({ severity }) => severity === 'note');
  const [first, ...others] = shown;
  return (
    <section class={`net-headline ${state}`} aria-label={TEXTS.network.states[state]}>
      <div class="net-first" role="status">
        <StateBadge state={state} />
        <h2>{title}</h2>
        {isKnown && <Since of={first?.since} />}
      </div>
      {isKnown && <Details of={first} />}
      {message !== undefined && <p class="net-message">{message}</p>}
      {(isKnown ? others : shown).length > 0 && (
        <ul class="net-findings">
          {(isKnown ? others : shown).map((one) => (
            <li key={one.key}>
              <StateBadge state={one.severity} /> <strong>{one.title}</strong> <Since of={one.since} />
              <Details of={one} />
            </li>
          ))}
        </ul>
      )}
      {notes.length > 0 && <Notes of={notes} />}
    </section>
  );
}

type State = Severity | 'good' | 'unknown';

interface Sentence {
  /** Whether the findings are those of now. */
  readonly isKnown: boolean;
  readonly state: State;
  readonly title: string;
  readonly message?: string;
}

function sentenceOf({ findings, knows, at, problem }: HeadlineProps): Sentence {
  const unknown = (title: string): Sentence => ({ isKnown: false, state: 'unknown', title });
  if (at === undefined)
    return unknown(problem === undefined ? TEXTS.loading : WORDS.unknown(problem.message));
  if (problem !== undefined) return unknown(WORDS.stale(when(at), problem.message));
  const first = findings.find(({ severity }) => severity !== 'note');
  if (first !== undefined) return { isKnown: true, state: first.severity, title: first.title };
  if (knows === 'nothing') return unknown(WORDS.nothing);
  if (knows === 'figures')
    return { isKnown: true, state: 'good', title: WORDS.goodWithout, message: WORDS.without };
  return { isKnown: true, state: 'good', title: WORDS.good };
}

function StateBadge({ state }: { readonly state: State }) {
  return <span class={`badge ${state}`}>{TEXTS.network.states[state]}</span>;
}

function Since({ of }: { readonly of: string | undefined }) {
  return of === undefined ? null : <span class="quiet net-since">{WORDS.since(when(of))}</span>;
}

function Details({ of }: { readonly of: Finding | undefined }) {
  if (of === undefined) return null;
  const { message = '', step } = of;
  return (
    <>
      <Message of={message} />
      {step !== undefined && (
        <p class="net-step">
          <span class="quiet">{WORDS.step}</span> {step}
        </p>
      )}
    </>
  );
}

/** Characters that are always shown. */
const SHOWN = 400;

/** A message may have thousands of characters. */
function Message({ of }: { readonly of: string }) {
  if (of === '') return null;
  if (of.length <= SHOWN) return <p class="net-message">{of}</p>;
  return (
    <details class="net-message">
      <summary>
        {of.slice(0, SHOWN)} … <span class="quiet">({WORDS.whole})</span>
      </summary>
      {of}
    </details>
  );
}

function Notes({ of }: { readonly of: readonly Finding[] }) {
  return (
    <details class="net-notes">
      <summary>{WORDS.remarks(of.map(({ title }) => title))}</summary>
      <ul class="net-findings">
        {of.map((one) => (
          <li key={one.key}>
            <strong>{one.title}</strong>
            <Details of={one} />
          </li>
        ))}
      </ul>
    </details>
  );
}
