/** What the parts of the suite share: a station's side of a conversation, and short forms of messages. */
import type { ClientTransport } from '../../services/transport/client-transport.ts';
import type { Answer, Outcome } from '../../services/transport/outcome.ts';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';

export const ok = (payload: object = {}): Answer => ({ kind: 'result', payload });

export const outcome = (parts: Partial<Outcome> = {}): Outcome => ({
  answer: ok(),
  writes: [],
  events: [],
  ...parts,
});

/** OCPP-J text of a CALL. */
export const call = (id: string, action = 'Heartbeat', payload: object = {}): string =>
  JSON.stringify([2, id, action, payload]);

/** Records everything that a station receives, and waits for more. */
export class Received {
  readonly texts: string[] = [];

  constructor(station: ClientTransport) {
    station.onMessage((text) => this.texts.push(text));
  }

  /** All messages, parsed, as soon as there are `count` of them. */
  async until(count: number): Promise<readonly unknown[][]> {
    await until(() => this.texts.length >= count, `${count} messages, got ${this.texts.length}`);
    return this.texts.map((text) => JSON.parse(text) as unknown[]);
  }
}

/** A station that records the CALLs it gets, and responds on demand. */
export class ObedientStation {
  readonly got: { readonly id: string; readonly action: string; readonly payload: unknown }[] = [];
  readonly link: Promise<ClientTransport>;

  private constructor({ connect }: TransportHarness, answersAtOnce: boolean) {
    this.link = connect('CP-1', 'ocpp1.6', (text) => {
      const [, id, action, payload] = JSON.parse(text) as [number, string, string, unknown];
      this.got.push({ id, action, payload });
      if (answersAtOnce) this.accept(this.got.length - 1);
    });
  }

  static async connect(harness: TransportHarness, answersAtOnce = false): Promise<ObedientStation> {
    const station = new ObedientStation(harness, answersAtOnce);
    await station.link;
    return station;
  }

  /** Tells that it has started. Whatever its CALL is answered, calls that waited for the station may follow. */
  async boot(): Promise<void> {
    await (await this.link).write(call('boot', 'BootNotification'));
  }

  accept(index: number): void {
    void this.#write([3, this.got[index]?.id, { status: 'Accepted' }]);
  }

  refuse(index: number): void {
    void this.#write([4, this.got[index]?.id, 'NotSupported', 'no "such" thing', { a: 1 }]);
  }

  /** @param text of the answer, with ID for the message id */
  async answer(index: number, text: string): Promise<void> {
    await (await this.link).write(text.replace('ID', JSON.stringify(this.got[index]?.id)));
  }

  async #write(frame: readonly unknown[]): Promise<void> {
    await (await this.link).write(JSON.stringify(frame));
  }

  async until(count: number): Promise<void> {
    await until(() => this.got.length >= count, `${count} calls, got ${this.got.length}`);
  }
}
