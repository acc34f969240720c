import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

/** The number of the batch, -1 without a living registration; then its entries, newest first. */
export type OutboxBatch = readonly [batch: number, ...entries: string[]];

const script = loadScript<OutboxBatch>(new URL('./claim-outbox.lua', import.meta.url));

export interface ClaimOutbox {
  readonly proxyId: string;
  /** Number of the last batch that was received. */
  readonly received: number;
}

export function claimOutbox(
  connection: RedisConnection,
  keys: Keys,
  { proxyId, received }: ClaimOutbox,
): Promise<OutboxBatch> {
  const names = [keys.process(proxyId), keys.outbox(proxyId), keys.inflight(proxyId)];
  return script(connection, names, [received, keys.prefix]);
}
