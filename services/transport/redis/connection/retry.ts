/**
 * One-off operations (a session taken, state read, a frame or a call queued for a station) are tried again by the settings.
 * The loops of the data path do not come here: they never give up.
 */
import { sleep } from '../../../runtime/clock.ts';
import { TransportError } from '../../errors.ts';
import { isRefusal } from './connection.ts';
import { RETRY_ATTEMPTS, RETRY_DELAY_MS, type RedisSettings } from './settings.ts';

/**
 * @param mayRepeat whether an operation that failed so may be done again; left out: it has the same effect twice as once
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
