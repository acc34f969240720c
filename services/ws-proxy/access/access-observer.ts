/** Turns what access control finds into metrics, log lines and events. Metrics never name a station; no password ever gets here. */
import type { AccessObserver } from '../../access/access-control.ts';
import { errorFields } from '../../runtime/log.ts';
import type { QuietLog } from '../../runtime/quiet-log.ts';
import type { StationSession } from '../../transport/gateway.ts';
import type { DomainEvent } from '../../transport/stored-state.ts';
import type { ProxyMetrics } from '../metrics.ts';

export interface ProxyAccessObserver extends AccessObserver {
  /** A connected station is no longer accepted. */
  closed(session: StationSession, fault: string): void;
}

/** @param emit appends to the event stream */
export function createAccessObserver(
  metrics: Pick<ProxyMetrics, 'accepted' | 'enrolled'>,
  quiet: QuietLog,
  emit: (event: DomainEvent) => void,
): ProxyAccessObserver {
  return {
    unproven(identity, address, fault = 'unknown-station', reason) {
      metrics.accepted.inc({ reason: fault });
      const about = { stationId: identity, remoteAddress: address, fault, reason };
      quiet.warn(`unproven ${fault} ${identity}`, about, 'mode Enforce would refuse this station');
    },
    enrolled(identity) {
      metrics.enrolled.inc();
      emit({ type: 'station-enrolled', stationId: identity, fields: {} });
      quiet.warn(
        `enrolled ${identity}`,
        { stationId: identity },
        'the first password of a station was stored',
      );
    },
    error(error) {
      quiet.warn(
        'station source',
        errorFields(error),
        'the entries of stations cannot be used: new stations may be refused, connected ones stay',
      );
    },
    closed({ stationId, remoteAddress }, fault) {
      emit({ type: 'station-access-ended', stationId, fields: { reason: fault } });
      const about = { stationId, remoteAddress, fault };
      quiet.warn(
        `access ${fault} ${stationId}`,
        about,
        'closed the connection of a station that is no longer accepted',
      );
    },
  };
}
