/**
 * The streams that a bill sink moves to a database (services/bill-sink). Where one is configured, only the sink trims them: writes of a
 * processor carry no bound, so that nothing is dropped before it has been moved. A full Redis refuses further stations, not bills.
 */
import type { StateWrite } from '../../transport/stored-state.ts';
import { key } from '../state.ts';
import { BILLS } from './bill.ts';
import { REPORTS } from './reports.ts';

export const SINK_STREAMS = [BILLS, key.settlements, key.meterValues, REPORTS] as const;
export type SinkStream = (typeof SINK_STREAMS)[number];

const MOVED: ReadonlySet<string> = new Set(SINK_STREAMS);

/** The same writes, with the bounds of these streams removed. */
export function withoutBounds(writes: readonly StateWrite[]): readonly StateWrite[] {
  return writes.map((write) => {
    if (write.kind !== 'append' || !MOVED.has(write.key)) return write;
    const { maxLength: _, ...unbounded } = write;
    return unbounded;
  });
}
