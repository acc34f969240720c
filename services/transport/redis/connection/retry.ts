/**
 * Retries one-off operations (opening a session, reading state, queueing a frame or a call) as the settings say. The loops of
 * the data path retry without a limit: until-done.ts.
 */
import { sleep } from '../../../runtime/clock.ts';
import { TransportError } from '../../errors.ts';
import { isRefusal } from './connection.ts';
import { RETRY_ATTEMPTS, RETRY_DELAY_MS, type RedisSettings } from './settings.ts';

/**
 * @param mayRepeat whether an operation that failed so may be repeated; omitted: repeating it has no further effect
 * @throws the last failure as it was
 */
export async function retrying<T>(
  { retryAttempts = RETRY_ATTEMPTS, retryDelayMs = RETRY_DELAY_MS }: RedisSettings,
  action: () => Promise<T>,
  mayRepeat: (error: unknown) => boolean = (error) => !isRefusal(error),
): Promise<T> {
  for (let again = 0; ; again++) {
    try {
      return await action();
    } catch (error) {
      if (again >= retryAttempts || error instanceof TransportError || !mayRepeat(error)) throw error;
      await sleep(retryDelayMs);
    }
  }
}
