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
  /** Of the process; '' where it is not known. */
  readonly release: string;
}

export function claim(
  connection: RedisConnection,
  keys: Keys,
  { processId, received, most, pollLeaseMs, slow, release }: Claim,
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
  const args = [received, most, processId, pollLeaseMs, slow ? 'slow' : '', release, keys.prefix];
  return script(connection, names, args);
}
