/** Plain WebSockets, without Redis, as a Transport: stations connect to this very process. */
import { faultAnswer } from '../ocpp/errors.ts';
import { type Protocol, PROTOCOLS } from '../ocpp/frame.ts';
import { systemClock } from '../runtime/clock.ts';
import type { StationObserver } from '../station-server/socket-host.ts';
import { WebSocketTransport } from './websocket-transport.ts';
import { createAdmission } from '../station-server/admission-rules.ts';
import { transactionsAfter } from '../station-server/running-transactions.ts';

export interface WebSocketSettings {
  /** 0 picks a free one, which the transport's `port` tells once it has started. */
  readonly port: number;
  /** Address to listen on; every one where left out. */
  readonly host?: string;
  /** Stations connect to `<path>/<identity>`; `/ocpp` where left out. */
  readonly path?: string;
  readonly protocols?: readonly Protocol[];
  /** The version of stations that name no subprotocol; left out: they are closed. */
  readonly defaultProtocol?: Protocol;
  /** `Tolerant`, where left out: a text that is no valid frame is repaired where it can be understood. */
  readonly validation?: 'Tolerant' | 'Strict';
  readonly maxSessions?: number;
  /** Handshakes admitted per second. */
  readonly connectsPerSecond?: number;
  /** Told of what happens at the sockets. */
  readonly observer?: Partial<StationObserver>;
}

/** @throws ConfigError for a path or protocols that make no sense */
export function newWebSocketTransport(settings: WebSocketSettings): WebSocketTransport {
  const { port, host = '0.0.0.0', path = '/ocpp', protocols = PROTOCOLS, observer } = settings;
  const {
    maxSessions = 20_000,
    connectsPerSecond = 1000,
    validation = 'Tolerant',
    defaultProtocol,
  } = settings;
  const rules = { protocols, maxSessions, connectsPerSecond, ...(defaultProtocol && { defaultProtocol }) };
  return new WebSocketTransport({
    host,
    listeners: [{ port, path }],
    clock: systemClock,
    admit: createAdmission(rules, systemClock),
    faultAnswer,
    transactionsAfter,
    tolerant: validation === 'Tolerant',
    observer: { ...SILENT, ...observer },
  });
}

const nothing = () => undefined;
const SILENT: StationObserver = {
  opened: nothing,
  paused: nothing,
  closed: nothing,
  duplicate: nothing,
  refused: nothing,
  received: nothing,
  repaired: nothing,
  unreadable: nothing,
  forwarded: nothing,
  dropped: nothing,
  error: nothing,
};
