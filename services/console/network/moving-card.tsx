/** Stations that move, as they move. */
import { count, duration, rounded, when } from '../parts/format.ts';
import { Chart } from '../parts/chart.tsx';
import { TEXTS } from '../texts.ts';
import { type History, isEmpty } from './history.ts';
import {
  type LeavingView,
  leavingView,
  type PhaseMark,
  rebalanceView,
  type RolloutView,
  rolloutView,
  type SetOfProxies,
} from './moving.ts';
import { Card, type Fact, Facts, warnIf } from './parts.tsx';
import type { Status } from './status.ts';

const WORDS = TEXTS.network.moving;

export function Moving({ status, polled }: { readonly status: Status; readonly polled: History }) {
  const rollout = rolloutView(status);
  const leaving = leavingView(status);
  const rebalance = rebalanceView(status);
  return (
    <>
      {rollout !== undefined && <Rollout of={rollout} polled={polled} />}
      {leaving !== undefined && <Leaving of={leaving} />}
      {rebalance !== undefined && (
        <Card title={WORDS.rebalance(rebalance.round)} isWide>
          <Waits message={rebalance.message} />
          <p class="quiet net-message">{WORDS.before(rebalance.before.map(count).join(', '))}</p>
        </Card>
      )}
    </>
  );
}

function Rollout({ of, polled }: { readonly of: RolloutView; readonly polled: History }) {
  const { counts } = WORDS;
  const part = (number: number | undefined) =>
    of.stations === undefined ? count(number) : WORDS.of(count(number), count(of.stations));
  const facts: readonly Fact[] = [
    [counts.began, when(of.startedTime)],
    [counts.moved, part(of.moved)],
    [counts.returned, count(of.returned)],
    [counts.missing, count(of.missing), warnIf((of.missing ?? 0) > 0)],
    [counts.movedAgain, count(of.movedAgain), warnIf((of.movedAgain ?? 0) > 0)],
    [counts.forced, count(of.forced), warnIf((of.forced ?? 0) > 0)],
    [counts.rate, rounded(of.ratePerSecond)],
    [counts.gap, `${duration(of.gapSeconds?.p50)} / ${duration(of.gapSeconds?.p99)}`],
    [counts.eta, when(of.eta)],
  ];
  const lines = [
    { label: WORDS.old, colour: 2, points: polled.stationsOld },
    { label: WORDS.new, colour: 1, points: polled.stationsNew },
  ] as const;
  return (
    <Card title={WORDS.rollout} isWide>
      <Phases of={of.phases} />
      <Waits message={of.message} />
      <div class="net-sets">
        <SetFigure title={WORDS.old} of={of.old} tone="old" />
        <div class="net-set">
          <span class="net-set-title between">{WORDS.between}</span>
          <strong>{count(of.between)}</strong>
          <span class="quiet">{WORDS.betweenWhy}</span>
        </div>
        <SetFigure title={WORDS.new} of={of.new} tone="new" />
      </div>
      <SetsBar of={of} />
      <div class="net-rollout">
        <Facts of={facts} />
        {!isEmpty(polled.stationsNew) && <Chart title={WORDS.chart} lines={lines} height={150} />}
      </div>
    </Card>
  );
}

function Phases({ of }: { readonly of: readonly PhaseMark[] }) {
  return (
    <ol class="net-phases">
      {of.map(({ name, state }) => (
        <li key={name} class={state} aria-current={state === 'now' ? 'step' : undefined}>
          {WORDS.phases[name] ?? name} <span class="only-read">{WORDS.steps[state]}</span>
        </li>
      ))}
    </ol>
  );
}

function SetFigure({
  title,
  of: { name, stations, pods },
  tone,
}: {
  readonly title: string;
  readonly of: SetOfProxies;
  readonly tone: string;
}) {
  return (
    <div class="net-set">
      <span class={`net-set-title ${tone}`}>{title}</span>
      <strong>{count(stations)}</strong>
      <span class="quiet">{WORDS.pods(count(pods))}</span>
      <span class="quiet net-name">{name ?? WORDS.several}</span>
    </div>
  );
}

function SetsBar({ of }: { readonly of: RolloutView }) {
  const [before, between, after] = [of.old.stations, of.between ?? 0, of.new.stations];
  if (before === undefined || after === undefined) return null;
  const all = Math.max(1, before + between + after);
  const part = (number: number) => ({ width: `${(number / all) * 100}%` });
  return (
    <div
      class="net-sets-bar"
      role="img"
      aria-label={WORDS.bar(count(before), count(of.between), count(after))}
    >
      <div class="old" style={part(before)} />
      <div class="between" style={part(between)} />
      <div class="new" style={part(after)} />
    </div>
  );
}

function Leaving({ of: { pods, message } }: { readonly of: LeavingView }) {
  const facts = pods.map(({ name, stations, deadline }): Fact => [
    name,
    <>
      {count(stations)}{' '}
      {deadline !== undefined && <span class="quiet">{WORDS.deadline(when(deadline))}</span>}
    </>,
  ]);
  return (
    <Card title={WORDS.leaving} isWide>
      <Waits message={message} />
      <Facts of={facts} />
    </Card>
  );
}

function Waits({ message = '' }: { readonly message?: string | undefined }) {
  if (message === '') return null;
  return (
    <p class="net-message">
      <span class="quiet">{WORDS.waits}</span> {message}
    </p>
  );
}
