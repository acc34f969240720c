/** Creates a Transport over plain WebSockets, without Redis: stations connect to this process. */
import { faultAnswer } from '../ocpp/errors.ts';
import { type Protocol, PROTOCOLS } from '../ocpp/frame.ts';
import { systemClock } from '../runtime/clock.ts';
import type { StationObserver } from '../station-server/socket-host.ts';
import { WebSocketTransport } from './websocket-transport.ts';
import { createAdmission } from '../station-server/admission.ts';
import { HandshakeLine } from '../station-server/rates/handshake-line.ts';
import { transactionsAfter } from '../station-server/running-transactions.ts';

export interface WebSocketSettings {
  /** 0 selects a free port; `port` of the started transport holds it. */
  readonly port: number;
  /** Address to listen on; all addresses by default. */
  readonly host?: string;
  /** Stations connect to `<path>/<identity>`; `/ocpp` by default. */
  readonly path?: string;
  readonly protocols?: readonly Protocol[];
  /** The version of stations that name no subprotocol; without it they are closed. */
  readonly defaultProtocol?: Protocol;
  /** `Tolerant` (default) repairs invalid frames whose meaning is clear. */
  readonly validation?: 'Tolerant' | 'Strict';
  readonly maxSessions?: number;
  /** Handshakes admitted per second; further ones wait in line. */
  readonly connectsPerSecond?: number;
  /** Receives the events of the sockets. */
  readonly observer?: Partial<StationObserver>;
}

/** @throws ConfigError for an invalid path or invalid protocols */
export function newWebSocketTransport(settings: WebSocketSettings): WebSocketTransport {
  const { port, host = '0.0.0.0', path = '/ocpp', protocols = PROTOCOLS, observer } = settings;
  const {
    maxSessions = 20_000,
    connectsPerSecond = 1000,
    validation = 'Tolerant',
    defaultProtocol,
  } = settings;
  const rules = { protocols, maxSessions, ...(defaultProtocol && { defaultProtocol }) };
  return new WebSocketTransport({
    host,
    listeners: [{ port, path }],
    clock: systemClock,
    admit: createAdmission(rules, systemClock),
    line: new HandshakeLine({ perSecond: () => connectsPerSecond, clock: systemClock }),
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
