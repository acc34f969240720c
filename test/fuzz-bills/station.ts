/** One station on the memory bus, as its socket sees it: it sends texts, one at a time, and waits for each answer. */
import { MessageType, type Protocol } from '../../services/ocpp/frame.ts';
import { Peer, type Step } from '../../services/ocpp/peer.ts';
import type { Processor } from '../../services/csms/processor.ts';
import type { MemoryBus } from '../../services/transport/memory/bus.ts';
import type { Gateway, GatewayConnection } from '../../services/transport/transport.ts';
import { readMessage } from '../../services/transport/reading.ts';

export const STATION = 'CP-1';
/** Turns of the event loop that a message gets while nothing is in flight. */
const PATIENCE = 20;

export class Station implements AsyncDisposable {
  readonly #gateway: Gateway;
  readonly #protocol: Protocol;
  readonly #processor: Processor;
  #connection: GatewayConnection | undefined;
  #peer = new Peer();
  #answer: string | undefined;

  constructor(bus: MemoryBus, protocol: Protocol, processor: Processor) {
    this.#gateway = bus.gateway('proxy');
    this.#protocol = protocol;
    this.#processor = processor;
  }

  async connect(): Promise<void> {
    const session = { stationId: STATION, protocol: this.#protocol, remoteAddress: '127.0.0.1' };
    const peer = new Peer();
    this.#peer = peer;
    this.#connection = await this.#gateway.open(session, {
      deliver: (frame) => {
        const step = peer.deliver(frame, 0);
        this.#perform(step);
        return step.dropped === undefined;
      },
      revoked() {},
    });
  }

  /** @returns text of the answer; undefined for silence */
  async send(raw: string, receivedAt: number): Promise<string | undefined> {
    const { text, read, facts } = readMessage(Buffer.from(raw), this.#protocol, true);
    // What is no frame is kept by the proxy, and answered by nothing that is judged here.
    if (!read.ok) return undefined;
    this.#answer = undefined;
    this.#perform(this.#peer.receive(read.frame, read.text ?? text, receivedAt, facts));
    if (read.frame.type === MessageType.Call) await this.#answered();
    return this.#answer;
  }

  #perform({ forward, write }: Step): void {
    if (write !== undefined) this.#answer = write.text;
    if (forward !== undefined) void this.#connection?.forward(forward);
  }

  async #answered(): Promise<void> {
    for (let left = PATIENCE; this.#answer === undefined && left > 0; left--) {
      await new Promise(setImmediate);
      if (this.#processor.inFlight() > 0) left++;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway.stop();
  }
}
