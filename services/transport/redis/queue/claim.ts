import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

/** What to do next, or `gone` or `busy`; then delivery tag, entry, delivery tag, entry ..., oldest first. See claim.lua. */
export type ClaimReply = readonly [word: string, ...tagsAndEntries: string[]];

const script = loadScript<ClaimReply>(new URL('./claim.lua', import.meta.url));

export interface Claim {
  readonly processId: string;
  /** Highest delivery tag that was received. */
  readonly received: number;
  readonly most: number;
  readonly pollLeaseMs: number;
  /** It computed for long over its last batch. */
  readonly slow: boolean;
}

export function claim(
  connection: RedisConnection,
  keys: Keys,
  { processId, received, most, pollLeaseMs, slow }: Claim,
): Promise<ClaimReply> {
  const names = [
    keys.process(processId),
    keys.processing(processId),
    keys.staging(processId),
    keys.requests,
    keys.reclaimed,
    keys.deliveryTags,
    keys.pollLease,
    keys.wakeUpTokens,
  ];
  return script(connection, names, [received, most, processId, pollLeaseMs, slow ? 'slow' : '']);
}
