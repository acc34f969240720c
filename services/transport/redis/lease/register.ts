import { randomBytes } from 'node:crypto';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys, Role } from '../keys.ts';

const script = loadScript<[number, string?]>(new URL('./register.lua', import.meta.url));

export interface Lease {
  readonly role: Role;
  readonly processId: string;
  readonly leaseMs: number;
  /** Of its Redis connections. */
  readonly clientIds: readonly number[];
}

/** `in-use`: another process has this id. `taken`: the keys belong to another cluster, `namespace/name/uid`. */
export type Registration =
  | { readonly kind: 'registered'; readonly identity: number }
  | { readonly kind: 'in-use' }
  | { readonly kind: 'taken'; readonly owner: string };

/** What a registration says of its process, besides the lease. */
export interface Identity {
  /** `namespace/name/uid`; omitted: it has none and is never refused. */
  readonly cluster?: string | undefined;
  /** Of a processor; omitted or empty: not known. */
  readonly release?: string;
}

export async function register(
  connection: RedisConnection,
  keys: Keys,
  { role, processId, leaseMs, clientIds, cluster = '', release = '' }: Lease & Identity,
): Promise<Registration> {
  const names = [
    keys.process(processId),
    keys.members(role),
    keys.members(role === 'proxy' ? 'processor' : 'proxy'),
    keys.store,
  ];
  const fresh = String(randomBytes(4).readUInt32BE());
  const words = [processId, leaseMs, clientIds.join(), fresh, cluster, release];
  const [result, text = ''] = await script(connection, names, words);
  if (result === 1) return { kind: 'registered', identity: Number(text) };
  return result === 0 ? { kind: 'in-use' } : { kind: 'taken', owner: text };
}
