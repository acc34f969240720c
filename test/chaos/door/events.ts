/** The reckoning at the receiver of events: it got each event of the stream, those of a station in their order. */
import { until } from '../../support/until.ts';
import type { Ledger } from '../ledger.ts';
import type { Door } from './door.ts';

/**
 * @param patienceMs in which the API has to deliver what is left
 * @returns how many events there were, and how often one came again
 */
export async function checkEvents(
  door: Door,
  ledger: Pick<Ledger, 'violated'>,
  patienceMs: number,
): Promise<{ readonly events: number; readonly repeated: number }> {
  const stream = await door.look.xrange('ocpp:events', '-', '+');
  const ids = stream.map(([id]) => id);
  const got = () => door.receivers.flatMap((receiver) => receiver.got);
  const hasAll = () => {
    const known = new Set(got().map(({ id }) => id));
    return ids.every((id) => known.has(id));
  };
  await until(hasAll, 'all events at the receiver', patienceMs).catch(() => undefined);
  const received = got();
  const first = new Map<string, number>();
  for (const [index, { id }] of received.entries()) if (!first.has(id)) first.set(id, index);
  const missing = ids.filter((id) => !first.has(id));
  if (missing.length > 0)
    ledger.violated(
      `${missing.length} of ${ids.length} events were not delivered: ${missing.slice(0, 5).join(', ')}`,
    );
  for (const [stationId, own] of Map.groupBy(stream, ([, fields]) => stationOf(fields))) {
    let last = -1;
    for (const [id] of own) {
      const at = first.get(id) ?? last;
      if (at < last) ledger.violated(`${stationId}: event ${id} came before the one in front of it`);
      last = Math.max(last, at);
    }
  }
  for (const fault of door.receivers.flatMap(({ faults }) => faults)) ledger.violated(fault);
  return { events: ids.length, repeated: received.length - first.size };
}

function stationOf(fields: readonly string[]): string {
  return fields[fields.indexOf('stationId') + 1] ?? '';
}
