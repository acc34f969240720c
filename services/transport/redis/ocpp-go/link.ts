/** One station of a gateway with ocpp-go interop: knows whether a CALL of the station is open. */
import { MessageType } from '../../../ocpp/frame.ts';
import type {
  GatewayConnection,
  IncomingFrame,
  OutgoingFrame,
  Revocation,
  StationSession,
  StationSink,
} from '../../transport.ts';

export interface OcppGoLinkHost {
  /** Whether a CALL of the station is open from now on. */
  eager(on: boolean): void;
  closed(): void;
}

export class OcppGoLink implements GatewayConnection, StationSink {
  readonly session: StationSession;
  /** The registration under which the session was opened. */
  readonly proxyId: string;
  /** ms since 1970 */
  readonly openedAt = Date.now();
  askedAt = 0;
  /** Of the inner gateway; set once it is open. */
  connection: GatewayConnection | undefined;
  readonly #sink: StationSink;
  readonly #host: OcppGoLinkHost;
  #sequence = 0;
  #asked: string | undefined;

  constructor(session: StationSession, sink: StationSink, proxyId: string, host: OcppGoLinkHost) {
    this.session = session;
    this.proxyId = proxyId;
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
