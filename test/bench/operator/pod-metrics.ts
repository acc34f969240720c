/** One HTTP server that answers as the admin port of every ws-proxy and processor would: the text that those have, as long as theirs. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Gauge } from 'prom-client';
import { METRIC } from '../../../services/contract.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { createProxyMetrics } from '../../../services/ws-proxy/metrics.ts';

export interface PodMetrics extends AsyncDisposable {
  readonly port: number;
  /** Stations come and go from now on, or not any more. */
  busy: boolean;
  /** Requests answered so far. */
  readonly answered: number;
}

const SESSIONS = 100;
/** How long an answer serves: many Pods are read at once, and rendering each answer would be the bench's own load. */
const FRESH_MS = 500;

export async function startPodMetrics(): Promise<PodMetrics> {
  const load = { depth: 0, oldestSeconds: 0, inFlight: 0 };
  const state = { busy: false, answered: 0 };
  const { registry } = createProxyMetrics({
    sessions: () => SESSIONS + (state.busy ? Math.floor(Date.now() / 1000) % 60 : 0),
    held: () => 0,
    unproven: () => 0,
    sourceFailing: () => false,
    bootsWaiting: () => 0,
    handshakesWaiting: () => 0,
    lost: () => 0,
    share: () => 1,
    load: () => Promise.resolve(load),
    clock: systemClock,
  });
  for (const name of [METRIC.processorCompleted, METRIC.processorBusySeconds]) {
    new Gauge({ name, help: 'as a processor has it', registers: [registry] }).set(1);
  }
  let madeAt = 0;
  let text = registry.metrics();
  const server = createServer((_request, response) => {
    state.answered++;
    if (Date.now() - madeAt > FRESH_MS) {
      madeAt = Date.now();
      text = registry.metrics();
    }
    void text.then((metrics) => response.end(metrics));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
