/** The transactions of a station since the page was opened: open ones with their curves, and ended ones with their bills. */
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type ApiProblem, api, read, type Schemas } from '../../api/client.ts';
import { usePolled } from '../../api/polled.ts';
import type { RecordedFrame } from '../live/frames.ts';
import type { LiveFrames } from '../live/recording.ts';
import { useAfterEvents } from '../station.ts';
import { type Curve, readingOf, readingsIn, withReading } from './curves.ts';

export type Transaction = Schemas['Transaction'];

export interface Shown {
  readonly transaction: Transaction;
  readonly curve: Curve;
}

export interface ChargingState {
  /** Open ones first, then ended ones, the newest first. */
  readonly shown: ReadonlySignal<readonly Shown[]>;
  readonly problem: ReadonlySignal<ApiProblem | undefined>;
}

/** ms */
const EVERY = 4000;
/** Ended ones that stay. */
const ENDED_KEPT = 5;
/** Curves of transactions that are not listed yet: a recording may know of them first. */
const EARLY_KEPT = 20;

export function useCharging(station: string, frames: LiveFrames): ChargingState {
  const shown = useSignal<readonly Shown[]>([]);
  const early = useSignal<ReadonlyMap<string, Curve>>(new Map());
  const polled = usePolled((signal) => readOpen(station, shown.peek(), signal), EVERY, [station]);
  const found = polled.value.value;
  useEffect(() => {
    if (found !== undefined) shown.value = merged(shown.peek(), found, early.peek());
  }, [found]);
  useAfterEvents(station, (type) => /^(?:transaction|charging-state)/.test(type), polled.refresh);
  useEffect(
    () =>
      frames.listen((given) => {
        early.value = withEarly(early.peek(), given);
        shown.value = withFrames(shown.peek(), given);
      }),
    [frames],
  );
  return { shown, problem: polled.problem };
}

/** The open transactions, and those that were open before as they are now. */
async function readOpen(
  station: string,
  before: readonly Shown[],
  signal: AbortSignal,
): Promise<readonly Transaction[]> {
  const query = { station, state: 'open' as const, limit: 100 };
  const { items } = await read(api.GET('/v1/transactions', { params: { query }, signal }));
  const open = new Set(items.map(({ transaction }) => transaction));
  const ended = before.flatMap(({ transaction: { transaction: id, state } }) =>
    state === 'open' && !open.has(id) ? [id] : [],
  );
  const bills = await Promise.all(
    ended.map((transaction) =>
      read(
        api.GET('/v1/stations/{station}/transactions/{transaction}', {
          params: { path: { station, transaction } },
          signal,
        }),
      ),
    ),
  );
  return [...items, ...bills];
}

function merged(
  before: readonly Shown[],
  found: readonly Transaction[],
  early: ReadonlyMap<string, Curve>,
): readonly Shown[] {
  const known = new Map(before.map((one) => [one.transaction.transaction, one]));
  const now = found.map((transaction): Shown => {
    const { transaction: id } = transaction;
    const curve = known.get(id)?.curve ?? early.get(id) ?? [];
    known.delete(id);
    return { transaction, curve: withRegister(curve, transaction) };
  });
  const [open, ended] = [...now, ...known.values()].reduce<[Shown[], Shown[]]>(
    ([first, second], one) =>
      one.transaction.state === 'open' ? [[...first, one], second] : [first, [...second, one]],
    [[], []],
  );
  return [...open, ...ended.slice(0, ENDED_KEPT)];
}

/** With what the transaction itself says: its start, its newest reading, and its end. */
function withRegister(curve: Curve, transaction: Transaction): Curve {
  const { startedAt, meterStart, lastMeter, lastMeterAt, stoppedAt, meterStop } = transaction;
  return [
    { lastMeter: meterStart, lastMeterAt: startedAt },
    { lastMeter, lastMeterAt },
    { lastMeter: meterStop, lastMeterAt: stoppedAt },
  ].reduce<Curve>((known, { lastMeter: meter, lastMeterAt: at }) => {
    if (meter === undefined || at === undefined) return known;
    const reading = readingOf({ lastMeter: meter, lastMeterAt: at });
    return reading === undefined ? known : withReading(known, reading);
  }, curve);
}

function withFrames(shown: readonly Shown[], frames: readonly RecordedFrame[]): readonly Shown[] {
  let next = shown;
  for (const frame of frames) {
    const found = readingsIn(frame);
    if (found === undefined) continue;
    next = next.map((one) =>
      one.transaction.transaction === found.transaction
        ? { ...one, curve: found.readings.reduce<Curve>(withReading, one.curve) }
        : one,
    );
  }
  return next;
}

function withEarly(
  early: ReadonlyMap<string, Curve>,
  frames: readonly RecordedFrame[],
): ReadonlyMap<string, Curve> {
  const next = new Map(early);
  for (const frame of frames) {
    const found = readingsIn(frame);
    if (found === undefined) continue;
    const curve = found.readings.reduce<Curve>(withReading, next.get(found.transaction) ?? []);
    next.delete(found.transaction);
    next.set(found.transaction, curve);
    const [oldest] = next.keys();
    if (next.size > EARLY_KEPT && oldest !== undefined) next.delete(oldest);
  }
  return next;
}
