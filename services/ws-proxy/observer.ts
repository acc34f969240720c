/**
 * What happens at the sockets, as metrics and log lines. A station is named in the log where it is at fault, or refused; at
 * debug always; in a metric never.
 */
import { MessageType } from '../ocpp/frame.ts';
import { apparentIdentity } from '../ocpp/identity.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import type { DomainEvent } from '../transport/stored-state.ts';
import type { StationObserver } from '../station-server/socket-host.ts';
import type { ProxyMetrics } from './metrics.ts';
import type { QuietLog } from '../runtime/quiet-log.ts';

const TYPE_NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, type]) => [type, name.toLowerCase()]),
);

/** Why sockets end when nothing is wrong. */
const ORDINARY: ReadonlySet<string> = new Set(['station', 'lost', 'drain', 'stop', 'replaced']);
/** Why sockets end by a fault of their station: each is a line of its own. */
const AT_FAULT: ReadonlySet<string> = new Set(['binary', 'bad-message', 'slow-reader']);

/** @param tell appends to the stream of events */
export function createObserver(
  metrics: ProxyMetrics,
  log: Log,
  quiet: QuietLog,
  tell: (event: DomainEvent) => void,
): StationObserver {
  // Looked up for every message: the registry's own look-up by labels is several times as dear.
  const received = new Map<string, ReturnType<typeof metrics.received.labels>>();
  return {
    opened(session) {
      metrics.opened.inc({ protocol: session.protocol });
      const { stationId, protocol, remoteAddress } = session;
      log.debug({ stationId, protocol, remoteAddress }, 'station connected');
    },
    closed({ stationId, remoteAddress }, why, code) {
      metrics.closed.inc({ why });
      log.debug({ stationId, remoteAddress, why, code }, 'station disconnected');
      if (ORDINARY.has(why)) return;
      const kind = AT_FAULT.has(why) ? `closed ${why} ${stationId}` : `closed ${why}`;
      quiet.warn(kind, { stationId, remoteAddress, why, code }, 'a station was cut off');
    },
    duplicate({ stationId, remoteAddress }) {
      metrics.duplicates.inc();
      tell({ type: 'duplicate-identity', stationId, fields: { remoteAddress } });
      quiet.warn(
        'duplicate identity',
        { stationId, remoteAddress },
        'a station connected again while its older connection was alive: two stations may have the same identity',
      );
    },
    refused({ status, code, reason }, { remoteAddress, url }) {
      metrics.refused.inc({ status: String(status), reason: code });
      // Of the request target its query may be a secret.
      const identity = url === undefined ? '' : apparentIdentity(url);
      const about = { identity, status, code, reason, remoteAddress };
      quiet.warn(`refused ${code} ${identity}`, about, 'a handshake was refused');
    },
    received(type) {
      const word = typeof type === 'number' ? (TYPE_NAMES.get(type) ?? 'other') : type;
      let counter = received.get(word);
      if (counter === undefined) received.set(word, (counter = metrics.received.labels(word)));
      counter.inc();
    },
    repaired(kinds) {
      for (const kind of kinds) metrics.repaired.inc({ kind });
    },
    unreadable(reason) {
      metrics.unreadable.inc({ reason });
    },
    forwarded() {
      metrics.forwarded.inc();
    },
    paused(why) {
      metrics.paused.inc({ why });
    },
    dropped(why) {
      metrics.dropped.inc({ why });
    },
    error(error) {
      const kind = 'code' in error ? String(error.code) : error.message;
      quiet.warn(`trouble ${kind}`, errorFields(error), 'trouble with the message store');
    },
  };
}
