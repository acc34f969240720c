/** The certificates of the listeners as metrics: when they expire, and whether changed files are refused. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { METRIC } from '../../contract.ts';
import type { TlsState } from '../../station-server/tls/tls-listener.ts';

const PROBLEM_LENGTH = 300;

export type TlsMetrics = ReturnType<typeof createTlsMetrics>;

/** @param states of the listeners with certificates */
export function createTlsMetrics(registry: Registry, states: () => readonly TlsState[]) {
  const registers = [registry];
  return {
    expiry: new Gauge({
      name: METRIC.certificateExpiry,
      help: 'When the first certificate or revocation list of a listener expires',
      labelNames: ['listener', 'what'],
      registers,
      collect() {
        this.reset();
        for (const { listener, expiries } of states())
          for (const [what, at] of expiries) this.set({ listener, what }, at / 1000);
      },
    }),
    rejected: new Gauge({
      name: METRIC.tlsRejected,
      help: '1 while changed certificate files of a listener are refused; the last good ones are in use',
      labelNames: ['listener'],
      registers,
      collect() {
        for (const { listener, problem } of states()) this.set({ listener }, problem === undefined ? 0 : 1);
      },
    }),
    refusal: new Gauge({
      name: METRIC.tlsRefusal,
      help: 'Which changed file of a listener is refused, and why; absent while none is',
      labelNames: ['listener', 'problem'],
      registers,
      collect() {
        this.reset();
        for (const { listener, problem } of states())
          if (problem !== undefined) this.set({ listener, problem: problem.slice(0, PROBLEM_LENGTH) }, 1);
      },
    }),
    handshakes: new Counter({
      name: 'ocpp_proxy_tls_handshakes_total',
      help: 'TLS handshakes completed, by version',
      labelNames: ['listener', 'version'],
      registers,
    }),
  };
}
