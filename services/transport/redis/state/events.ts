/** The bounded stream of events, for whoever watches the network. */
import type { DomainEvent } from '../../stored-state.ts';
import type { RedisConnection } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';

/** About as many events are kept. */
export const EVENTS_KEPT = 10_000;

/** Names and values by turns. */
export function eventTexts({ type, stationId, fields }: DomainEvent): string[] {
  return ['type', type, 'stationId', stationId, ...Object.entries(fields).flat()];
}

/** Appends an event that belongs to no delivery. */
export async function addEvent(commands: RedisConnection, keys: Keys, event: DomainEvent): Promise<void> {
  await commands.xadd(keys.events, 'MAXLEN', '~', EVENTS_KEPT, '*', ...eventTexts(event));
}
