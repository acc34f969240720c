/** The station server of a proxy with its real rules, over a gateway that a test can inspect. */
import type { AccessControl } from '../../services/access/access-control.ts';
import { faultAnswer } from '../../services/ocpp/errors.ts';
import { type Protocol, PROTOCOLS } from '../../services/ocpp/frame.ts';
import type { CallTracing } from '../../services/runtime/tracing/tracing.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import type {
  Gateway,
  GatewayConnection,
  GatewayEvents,
  IncomingFrame,
  LeaseRates,
  ReadLoad,
  StationSession,
  StationSink,
  StateStore,
  Transport,
} from '../../services/transport/transport.ts';
import type { GatewayRollouts } from '../../services/transport/rollout.ts';
import type { UnreadableText } from '../../services/transport/unreadable.ts';
import type { StationServerLimits } from '../../services/station-server/limits.ts';
import type { StationListener } from '../../services/station-server/station-listener.ts';
import { TrustedNetworks } from '../../services/station-server/forwarded/trusted-networks.ts';
import { HandshakeLine } from '../../services/station-server/rates/handshake-line.ts';
import { StationServer } from '../../services/station-server/station-server.ts';
import { type AdmissionSettings, createAdmission } from '../../services/station-server/admission.ts';
import { transactionsAfter } from '../../services/station-server/running-transactions.ts';

export interface Forwarded extends IncomingFrame {
  readonly stationId: string;
  readonly epoch: number;
}

/**
 * A gateway of the memory bus that records frames and can be made to fail. Its processor answers Heartbeats; a test answers
 * everything else.
 */
export class ProbedGateway implements Gateway {
  readonly id = 'probed';
  readonly forwarded: Forwarded[] = [];
  readonly sinks = new Map<string, StationSink>();
  readonly ended: number[] = [];
  readonly unreadable: UnreadableText[] = [];
  /** Of the sessions, in the order in which they were opened. */
  readonly protocols: Protocol[] = [];
  healthy = true;
  full = false;
  /** What open() waits for. */
  opening: Promise<void> = Promise.resolve();
  readonly events: GatewayEvents = {
    emit: () => undefined,
    keepUnreadable: (text) => void this.unreadable.push(text),
    noteRefused: () => undefined,
    recordFrames: async () => undefined,
  };
  readonly state: StateStore;
  load: ReadLoad;
  readonly rollouts: GatewayRollouts;
  leaseRates: LeaseRates;
  readonly #transport: Transport;
  readonly #gateway: Gateway;

  constructor() {
    const bus = createMemoryBus();
    this.#transport = bus.transport;
    this.#gateway = bus.gateway(this.id);
    this.state = this.#gateway.state;
    this.load = this.#gateway.load;
    this.rollouts = this.#gateway.rollouts;
    this.leaseRates = this.#gateway.leaseRates;
  }

  async start(): Promise<void> {
    this.#transport.onMessage(async ({ frame }) => {
      const nothing = { writes: [], events: [] };
      const heartbeat = 'action' in frame && frame.action === 'Heartbeat';
      return heartbeat ? { answer: { kind: 'result', payload: {} }, ...nothing } : nothing;
    });
    await this.#transport.start();
  }

  async stop(): Promise<void> {
    await this.#gateway.stop();
    await this.#transport.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  selfTest(timeoutMs: number): Promise<void> {
    return this.#gateway.selfTest(timeoutMs);
  }

  onError(): void {}

  isHealthy(): boolean {
    return this.healthy;
  }

  isFull(): boolean {
    return this.full;
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    await this.opening;
    const { stationId } = session;
    const connection = await this.#gateway.open(session, sink);
    const { epoch } = connection;
    this.sinks.set(stationId, sink);
    this.protocols.push(session.protocol);
    return {
      epoch,
      forward: (incoming) => {
        this.forwarded.push({ ...incoming, stationId, epoch });
        return connection.forward(incoming);
      },
      close: () => {
        this.ended.push(epoch);
        return connection.close();
      },
    };
  }

  answer(stationId: string, messageId: string): void {
    this.sinks.get(stationId)?.deliver({ type: 3, messageId, text: `[3,"${messageId}",{}]` });
  }
}

export interface Endpoint extends AsyncDisposable {
  readonly port: number;
  readonly gateway: ProbedGateway;
  readonly server: StationServer;
  /** Words of the observer: `closed silent`, `refused 404 path /x`, `dropped late-answer` and the like. */
  readonly seen: string[];
  /** The close code of each closed socket. */
  readonly codes: number[];
  /** Of opened sessions and refusals: the word and the address of the client. */
  readonly addresses: string[];
}

/** Handshakes that wait in line at most. */
export const MAX_WAITING = 5;

export async function startEndpoint(
  limits: Partial<StationServerLimits> = {},
  {
    connectsPerSecond = 1000,
    tracing,
    ...admission
  }: Partial<AdmissionSettings> & {
    connectsPerSecond?: number | (() => number);
    tracing?: CallTracing;
  } = {},
  listeners: readonly StationListener[] = [{ port: 0, path: '/ocpp' }],
  tolerant = true,
  networks: readonly string[] = [],
  access?: Pick<AccessControl, 'authenticate'>,
): Promise<Endpoint> {
  const gateway = new ProbedGateway();
  const seen: string[] = [];
  const codes: number[] = [];
  const addresses: string[] = [];
  const server = new StationServer({
    host: '127.0.0.1',
    listeners,
    gateway,
    clock: systemClock,
    faultAnswer,
    transactionsAfter,
    tolerant,
    tracing,
    admit: createAdmission({ protocols: PROTOCOLS, maxSessions: 1000, ...admission }, systemClock),
    line: new HandshakeLine({
      // A rate that the test changes says nothing about the length of the line.
      ...(typeof connectsPerSecond === 'number'
        ? { perSecond: () => connectsPerSecond }
        : { perSecond: connectsPerSecond, expectedPerSecond: () => 1000 }),
      clock: systemClock,
      maxWaiting: MAX_WAITING,
    }),
    observer: {
      opened({ stationId, remoteAddress }) {
        seen.push(`opened ${stationId}`);
        addresses.push(`opened ${remoteAddress}`);
      },
      closed(_session, why, code) {
        seen.push(`closed ${why}`);
        codes.push(code);
      },
      duplicate: ({ stationId }) => void seen.push(`duplicate ${stationId}`),
      refused({ status, code }, { url, remoteAddress }) {
        seen.push(`refused ${status} ${code} ${url ?? ''}`.trim());
        addresses.push(`${code} ${remoteAddress}`);
      },
      received: () => undefined,
      repaired: (kinds) => void seen.push(`repaired ${kinds.join(' ')}`),
      unreadable: (kind) => void seen.push(`unreadable ${kind}`),
      forwarded: () => undefined,
      paused: (why) => void seen.push(`paused ${why}`),
      dropped: (why) => void seen.push(`dropped ${why}`),
      error: (error) => void seen.push(`error ${error.message}`),
    },
    limits,
    trusted: new TrustedNetworks(() => networks),
    ...(access !== undefined && { access }),
  });
  await gateway.start();
  await server.start();
  return {
    port: server.ports[0] ?? 0,
    gateway,
    server,
    seen,
    codes,
    addresses,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await gateway.stop();
    },
  };
}
