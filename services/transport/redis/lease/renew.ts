import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';
import type { Lease } from './register.ts';

const script = loadScript<number>(new URL('./renew.lua', import.meta.url));

/**
 * @param leaving it takes nothing more, and will end
 * @returns whether the lease is renewed; false without a living registration
 */
export async function renew(
  connection: RedisConnection,
  keys: Keys,
  { role, processId, leaseMs, clientIds, leaving = false }: Lease & { readonly leaving?: boolean },
): Promise<boolean> {
  const names = [keys.process(processId), keys.members(role), keys.ending];
  const words = [processId, leaseMs, clientIds.join(), leaving ? role : '', keys.prefix];
  return (await script(connection, names, words)) === 1;
}
