import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys, Role } from '../keys.ts';

const script = loadScript<number>(new URL('./register.lua', import.meta.url));

export interface Lease {
  readonly role: Role;
  readonly processId: string;
  readonly leaseMs: number;
  /** Of its Redis connections. */
  readonly clientIds: readonly number[];
}

/** @returns whether it is registered now; false when the id is in use */
export async function register(
  connection: RedisConnection,
  keys: Keys,
  { role, processId, leaseMs, clientIds }: Lease,
): Promise<boolean> {
  const names = [keys.process(processId), keys.members(role)];
  return (await script(connection, names, [processId, leaseMs, clientIds.join()])) === 1;
}
