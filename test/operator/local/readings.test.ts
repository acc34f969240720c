/** The figures on the screen of `npm start`: from the operator's own scrape, whole or unknown. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import type { Pod } from '../../../operator/local/kinds.ts';
import { Readings } from '../../../operator/local/readings.ts';
import { targetOf } from '../../../operator/reconcile/measure.ts';
import { METRIC } from '../../../services/contract.ts';

/** The admin ports of all Pods; counts requests. */
async function admin(body: () => string) {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.end(body());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, requests: () => requests, [Symbol.dispose]: () => void server.close() };
}

const pod = (uid: string, component: string, containerPort: number): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: uid, namespace: 'n', uid, labels: { 'app.kubernetes.io/component': component } },
  spec: { containers: [{ name: component, image: 'i', ports: [{ name: 'admin', containerPort }] }] },
  status: { phase: 'Running', podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
});

test('figures come from what the operator scraped; a part that is missing or old makes them unknown', async (t) => {
  let now = 1_000_000;
  using one = await admin(() =>
    [
      `${METRIC.proxySessions} 7`,
      `${METRIC.queueDepth} 3`,
      `${METRIC.queueOldestSeconds} 0.5`,
      `${METRIC.queueInFlight} 2`,
      `${METRIC.queueSampledAt} ${now}`,
      `${METRIC.transactionsOpen} 4`,
    ].join('\n'),
  );
  const readings = new Readings(() => now, 2000);
  const proxies = [pod('a', 'ws-proxy', one.port), pod('b', 'ws-proxy', one.port)];
  const pods = [...proxies, pod('c', 'processor', one.port)];
  const nothing = { stations: undefined, transactions: undefined, queue: undefined };
  t.deepEqual(readings.figures(pods), nothing, 'nothing is read yet');

  await readings.scrape(proxies.slice(0, 1).flatMap((pod) => targetOf(pod)));
  t.is(readings.figures(pods).stations, undefined, 'one proxy of two');
  await readings.scrape(pods.flatMap((pod) => targetOf(pod)));
  t.is(one.requests(), 4);
  const { queue, ...figures } = readings.figures(pods);
  t.deepEqual(figures, { stations: 14, transactions: 4 });
  t.like(queue, { depth: 3, oldestSeconds: 0.5, inFlight: 2 });
  t.is(one.requests(), 4, 'the screen reads no Pod');

  now += 60_000;
  t.deepEqual(readings.figures(pods), nothing, 'old is unknown');
  readings.forgetAllBut([]);
  t.deepEqual(readings.figures([]), nothing);
});

test('the status of the last reconcile is known before it is written', (t) => {
  const readings = new Readings(Date.now, 2000);
  const cluster: OcppCluster = {
    apiVersion: 'ocpp.dev/v1alpha1',
    kind: 'OcppCluster',
    metadata: { name: 'c', namespace: 'n', uid: 'u' },
    spec: {},
    status: { phase: 'Pending' },
  };
  t.is(readings.statusOf(cluster)?.phase, 'Pending');
  readings.show(cluster, { phase: 'Running' });
  t.is(readings.statusOf(cluster)?.phase, 'Running');
});
