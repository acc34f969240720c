/** The first sentence: what is wrong, since when, and what to do. */
import type { ApiProblem } from '../api/client.ts';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import type { Finding, Severity } from './status.ts';

const WORDS = TEXTS.network.headline;

export interface HeadlineProps {
  readonly findings: readonly Finding[];
  /** Whether the status of an OcppCluster object is among what is known. */
  readonly hasCluster: boolean;
  /** Of the last poll that succeeded, ms since 1970. */
  readonly at: number | undefined;
  /** Of the last poll. */
  readonly problem: ApiProblem | undefined;
}

export function Headline({ findings, hasCluster, at, problem }: HeadlineProps) {
  const { isKnown, state, title } = stateOf({ findings, hasCluster, at, problem });
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

function stateOf({ findings, hasCluster, at, problem }: HeadlineProps) {
  if (at === undefined) {
    const title = problem === undefined ? TEXTS.loading : WORDS.unknown(problem.message);
    return { isKnown: false, state: 'unknown' as State, title };
  }
  if (problem !== undefined)
    return { isKnown: false, state: 'unknown' as State, title: WORDS.stale(when(at), problem.message) };
  const [first] = findings.filter(({ severity }) => severity !== 'note');
  if (first !== undefined) return { isKnown: true, state: first.severity as State, title: first.title };
  return { isKnown: true, state: 'good' as State, title: hasCluster ? WORDS.good : WORDS.goodWithout };
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
      {message !== '' && <p class="net-message">{message}</p>}
      {step !== undefined && (
        <p class="net-step">
          <span class="quiet">{WORDS.step}</span> {step}
        </p>
      )}
    </>
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
