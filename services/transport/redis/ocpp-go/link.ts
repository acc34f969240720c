/** One station of a gateway with fork interop: knows whether a CALL of the station waits for its answer. */
import { MessageType } from '../../../ocpp/frame.ts';
import type {
  GatewayConnection,
  IncomingFrame,
  OutgoingFrame,
  Revocation,
  StationSession,
  StationSink,
} from '../../transport.ts';

export interface ForkLinkHost {
  /** Whether an answer is waited for from now on. */
  eager(on: boolean): void;
  closed(): void;
}

export class ForkLink implements GatewayConnection, StationSink {
  readonly session: StationSession;
  /** The registration under which the session was taken. */
  readonly pid: string;
  /** ms since 1970 */
  readonly openedAt = Date.now();
  askedAt = 0;
  /** Of the gateway within; set once it is open. */
  connection: GatewayConnection | undefined;
  readonly #sink: StationSink;
  readonly #host: ForkLinkHost;
  #sequence = 0;
  #asked: string | undefined;

  constructor(session: StationSession, sink: StationSink, pid: string, host: ForkLinkHost) {
    this.session = session;
    this.pid = pid;
    this.#sink = sink;
    this.#host = host;
  }

  get epoch(): number {
    return this.connection?.epoch ?? 0;
  }

  /** Number of the last CALL of the station that is not open any more. */
  get settled(): number {
    return this.#asked === undefined ? this.#sequence : this.#sequence - 1;
  }

  async forward(incoming: IncomingFrame): Promise<void> {
    if (incoming.frame.type === MessageType.Call) {
      this.#sequence = incoming.sequence;
      this.#asked = incoming.frame.id;
      this.askedAt = Date.now();
      this.#host.eager(true);
    }
    await this.connection?.forward(incoming);
  }

  async close(): Promise<void> {
    this.#host.closed();
    await this.connection?.close();
  }

  deliver(frame: OutgoingFrame): boolean {
    if (frame.type !== MessageType.Call && frame.messageId === this.#asked) {
      // Before the sink, which may forward the next CALL at once.
      this.#asked = undefined;
      this.#host.eager(false);
    }
    return this.#sink.deliver(frame);
  }

  revoked(why: Revocation, reason: string): void {
    this.#host.closed();
    this.#sink.revoked(why, reason);
  }
}
