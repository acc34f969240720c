import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./end-calls-in-time.lua', import.meta.url));

/** Calls that one script ends, and stations whose calls it releases, at most. */
const AT_ONCE = 100;

/** Ends the calls whose time is over, whichever process made them, and releases those that were held for long enough. */
export async function endCallsInTime(connection: RedisConnection, keys: Keys): Promise<void> {
  while (
    (await script(connection, [keys.callDeadlines, keys.heldCalls], [keys.prefix, AT_ONCE])) === AT_ONCE
  );
}
