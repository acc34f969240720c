/** What a station server is made of. */
import type { AccessControl } from '../access/access-control.ts';
import type { CallTracing } from '../runtime/tracing/tracing.ts';
import type { Gateway, StationSession, StationSessions } from '../transport/gateway.ts';
import type { Admit } from './handshake.ts';
import type { TrustedNetworks } from './forwarded/trusted-networks.ts';
import type { HandshakeLine } from './rates/handshake-line.ts';
import type { ListenerLimits, StationServerLimits } from './limits.ts';
import type { SocketHost, StationObserver } from './socket-host.ts';
import type { StationListener } from './station-listener.ts';
import type { SelfTestSecret } from './self-test.ts';
import type { TlsObserver } from './tls/tls-listener.ts';

export interface StationServerOptions extends Pick<
  SocketHost,
  'clock' | 'faultAnswer' | 'transactionsAfter' | 'recorder'
> {
  readonly host: string;
  /** At least one; rules and limits apply to all of them. */
  readonly listeners: readonly StationListener[];
  readonly gateway: Gateway;
  /** Opens the sessions; the gateway by default. */
  readonly sessions?: StationSessions;
  readonly admit: Admit;
  /** Decides who a station is; without it every station is who it says. */
  readonly access?: Pick<AccessControl, 'authenticate'>;
  /** Of listeners with certificates; without it nothing is reported. */
  readonly tls?: StationServerTls;
  /** Where accepted handshakes wait; without it there is no limit on their rate. */
  readonly line?: HandshakeLine;
  readonly observer: StationObserver;
  /** Whether an invalid frame is repaired where its meaning is clear; true by default. Read for each message, as it may change. */
  readonly tolerant?: boolean;
  /** Load balancers whose statements about clients count; none by default. */
  readonly trusted?: TrustedNetworks;
  /** A limit that is a getter may change. */
  readonly limits?: Partial<StationServerLimits>;
  /** What a listener limits in its own way; read each time, as it may change. */
  readonly listenerLimits?: (listener: StationListener) => ListenerLimits;
  /** Handshakes with it are tests: see self-test.ts. */
  readonly selfTest?: SelfTestSecret;
  /** Omitted: no CALL is traced. */
  readonly tracing?: CallTracing | undefined;
  readonly random?: () => number;
}

export interface StationServerTls {
  readonly observer: TlsObserver;
  /** Whether a connected station is closed when its certificate is no longer trusted: not in mode Report. */
  readonly isEnforcing: () => boolean;
  readonly onClosed: (session: StationSession) => void;
  /** How often the files of certificates are read; ms. */
  readonly intervalMs?: number;
}
