import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';
import type { Lease } from './register.ts';

const script = loadScript<number>(new URL('./renew.lua', import.meta.url));

/** @returns whether the lease is renewed; false without a living registration */
export async function renew(
  connection: RedisConnection,
  keys: Keys,
  { role, processId, leaseMs, clientIds }: Lease,
): Promise<boolean> {
  const names = [keys.process(processId), keys.members(role)];
  return (await script(connection, names, [processId, leaseMs, clientIds.join()])) === 1;
}
