/** A process that asks stations to do things, as far as the data path knows it; it may die, and another asks on. */
import { setTimeout as wait } from 'node:timers/promises';
import { createTransport } from '../../services/library/transport-factory.ts';
import type { CallOutcome } from '../../services/transport/station-call.ts';
import type { Transport } from '../../services/transport/transport.ts';
import type { CommandPlan } from './plan.ts';

const RETRY_MS = 200;

/** Who makes calls. */
export interface Caller {
  /** Rejects while the outcome cannot be known: the same call again asks for it. */
  call(plan: CommandPlan): Promise<CallOutcome>;
}

export class Requester implements Caller {
  readonly #transport: Transport;

  constructor(redisPort: number) {
    const redis = { addr: `127.0.0.1:${redisPort}`, db: 0, clientTimeoutMs: 1000 };
    // Never started: it takes no messages.
    this.#transport = createTransport({ kind: 'redis', name: 'requester', redis, channelPrefix: 'ocpp' });
  }

  die(): void {
    void this.#transport.stop();
  }

  /** @throws what Transport.call rejects with */
  call({ stationId, key, queueable, ttlMs, timeoutMs }: CommandPlan): Promise<CallOutcome> {
    const payload = { vendorId: 'chaos', data: key };
    return this.#transport.calls.make({
      stationId,
      action: 'DataTransfer',
      payload,
      idempotencyKey: key,
      queueable,
      ttlMs,
      timeoutMs,
    });
  }
}

/** Asks until the outcome is known. */
export async function command(
  plan: CommandPlan,
  requester: () => Caller,
  signal: AbortSignal,
): Promise<CallOutcome | undefined> {
  while (!signal.aborted) {
    try {
      return await requester().call(plan);
    } catch {
      await wait(RETRY_MS);
    }
  }
  return undefined;
}
