/**
 * Turns socket events into metrics and log lines. The log names a station that is at fault or refused, and each station at
 * level debug. Metrics never name one.
 */
import { MessageType } from '../ocpp/frame.ts';
import { apparentIdentity } from '../ocpp/identity.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import type { DomainEvent } from '../transport/stored-state.ts';
import type { StationObserver } from '../station-server/socket-host.ts';
import type { ProxyMetrics } from './metrics.ts';
import { REFUSAL_ADVICE } from './refusal-advice.ts';
import type { Refused, RefusedHandshakes } from './refused-handshakes.ts';
import type { QuietLog } from '../runtime/quiet-log.ts';

const TYPE_NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, type]) => [type, name.toLowerCase()]),
);

/** Close reasons that are no problem. */
const ORDINARY: ReadonlySet<string> = new Set(['station', 'lost', 'drain', 'stop', 'replaced', 'access']);
/** Close reasons that are a fault of the station: each station gets its own log line. */
const AT_FAULT: ReadonlySet<string> = new Set(['binary', 'bad-message', 'slow-reader']);

/** @param emit appends to the event stream @param record of refusals, for people who look for a station */
export function createObserver(
  metrics: ProxyMetrics,
  log: Log,
  quiet: QuietLog,
  emit: (event: DomainEvent) => void,
  record?: Pick<RefusedHandshakes, 'opened' | 'note'>,
): StationObserver {
  // Read for each message: the registry's own look-up by labels costs several times as much.
  const received = new Map<string, ReturnType<typeof metrics.received.labels>>();
  return {
    opened(session) {
      metrics.opened.inc({ protocol: session.protocol });
      const { stationId, protocol, remoteAddress } = session;
      record?.opened(stationId);
      log.debug({ stationId, protocol, remoteAddress }, 'station connected');
    },
    closed({ stationId, remoteAddress }, why, code) {
      metrics.closed.inc({ why });
      log.debug({ stationId, remoteAddress, why, code }, 'station disconnected');
      if (ORDINARY.has(why)) return;
      const kind = AT_FAULT.has(why) ? `closed ${why} ${stationId}` : `closed ${why}`;
      quiet.warn(kind, { stationId, remoteAddress, why, code }, 'closed the connection of a station');
    },
    duplicate({ stationId, remoteAddress }) {
      metrics.duplicates.inc();
      emit({ type: 'duplicate-identity', stationId, fields: { remoteAddress } });
      quiet.warn(
        'duplicate identity',
        { stationId, remoteAddress },
        'a station reconnected while its previous connection was alive: two stations may share one identity',
      );
    },
    refused({ status, code, reason }, { remoteAddress, url, listener }) {
      metrics.refused.inc({ status: String(status), reason: code });
      // The identity only: the query of the request target may hold a secret.
      const identity = url === undefined ? '' : apparentIdentity(url);
      const about: Refused = {
        identity,
        status,
        code,
        reason,
        remoteAddress,
        ...(listener !== undefined && { listener }),
        advice: REFUSAL_ADVICE[code],
      };
      const { identity: _identity, ...facts } = about;
      const who = identity === '' ? {} : { stationId: identity };
      quiet.warn(`refused ${code} ${identity}`, { ...who, ...facts }, 'refused a handshake');
      record?.note(about);
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
      quiet.warn(`error ${kind}`, errorFields(error), 'the message store reported an error');
    },
  };
}
