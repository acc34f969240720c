/** Turns changes of certificate files into log lines and metrics. No key and no certificate ever gets here. */
import type { Log } from '../../runtime/log.ts';
import type { TlsObserver } from '../../station-server/tls/tls-listener.ts';
import type { TlsMetrics } from './tls-metrics.ts';

export function createTlsObserver(metrics: Pick<TlsMetrics, 'handshakes'>, log: Log): TlsObserver {
  return {
    applied(listener, expiries) {
      const dates = [...expiries].map(([what, at]) => [what, new Date(at).toISOString()] as const);
      log.info({ listener, expires: Object.fromEntries(dates) }, 'certificates of the listener are in use');
    },
    refused(listener, problem) {
      log.error(
        { listener, problem },
        'changed certificate files are refused; the last good ones stay in use',
      );
    },
    secured(listener, version) {
      metrics.handshakes.inc({ listener, version });
    },
  };
}
