/** Opens the session of a station, or rejects in time for its handshake to be refused. */
import { TransportError } from '../transport/errors.ts';
import type {
  Gateway,
  GatewayConnection,
  StationSession,
  StationSessions,
  StationSink,
} from '../transport/gateway.ts';

export interface SessionOpener {
  readonly gateway: Gateway;
  /** Opens the sessions; the gateway by default. */
  readonly sessions?: StationSessions;
}

export async function openSession(
  { gateway, sessions = gateway }: SessionOpener,
  session: StationSession,
  sink: StationSink,
  timeoutMs: number,
): Promise<GatewayConnection> {
  const opening = sessions.open(session, sink);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const message = `no session could be opened within ${timeoutMs} ms`;
      reject(new TransportError('store-unavailable', message));
      // A session that is opened after all has no socket.
      opening.then((connection) => connection.close()).catch(() => undefined);
    }, timeoutMs);
  });
  try {
    return await Promise.race([opening, late]);
  } finally {
    clearTimeout(timer);
  }
}
