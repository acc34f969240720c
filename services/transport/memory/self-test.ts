/** The way of a message through the bus to its handler and back, without a session. */
import type { Clock } from '../../runtime/clock.ts';
import { sleep } from '../../runtime/clock.ts';
import { TransportError } from '../errors.ts';
import type { IncomingFrame } from '../gateway.ts';
import { noAnswer, selfTestCall } from '../self-test.ts';

export class MemorySelfTests {
  readonly #clock: Clock;
  /** By message id. */
  readonly #waiting = new Map<string, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param enqueue hands the message to the bus, and returns how to take it back */
  async run(enqueue: (incoming: IncomingFrame) => () => void, timeoutMs: number): Promise<void> {
    const incoming = selfTestCall(this.#clock.now());
    const { id } = incoming.frame;
    const done = new AbortController();
    const answered = new Promise<true>((resolve) => this.#waiting.set(id, () => resolve(true)));
    try {
      const takeBack = enqueue(incoming);
      if ((await Promise.race([answered, sleep(timeoutMs, done.signal)])) === true) return;
      takeBack();
      throw new TransportError('store-unavailable', noAnswer('memory', timeoutMs));
    } finally {
      this.#waiting.delete(id);
      done.abort();
    }
  }

  answered({ frame }: IncomingFrame): void {
    this.#waiting.get(frame.id)?.();
  }
}
