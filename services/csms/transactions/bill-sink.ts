/**
 * The streams that a bill sink moves to a database (services/bill-sink), and how long processors let them grow. With a sink only the sink
 * trims bills, settlements and reports, so that nothing is dropped before it has been moved: a full Redis refuses further stations, not
 * bills. Meter values come a thousand times as often, and are bounded even then, so that bills have the memory while the database is away.
 */
import type { StateWrite } from '../../transport/stored-state.ts';
import { key } from '../state.ts';
import { BILLS } from './bill.ts';
import { REPORTS } from './reports.ts';

export const SINK_STREAMS = [BILLS, key.settlements, key.meterValues, REPORTS] as const;
export type SinkStream = (typeof SINK_STREAMS)[number];

/** Entries that wait for a sink, at most. */
const METER_VALUES_WAITING = 100_000;

/**
 * The same writes, with the bounds of these streams as they are with or without a sink. Without one, a stream that is far beyond its
 * bound is not trimmed either: its sink was removed before it had moved them.
 */
export function boundedFor(hasSink: boolean, writes: readonly StateWrite[]): readonly StateWrite[] {
  return writes.map((write) => {
    if (write.kind !== 'append' || !MOVED.has(write.key)) return write;
    if (write.key === key.meterValues) return hasSink ? { ...write, maxLength: METER_VALUES_WAITING } : write;
    if (!hasSink) return { ...write, keepsExcess: true };
    const { maxLength: _, ...unbounded } = write;
    return unbounded;
  });
}

const MOVED: ReadonlySet<string> = new Set(SINK_STREAMS);
