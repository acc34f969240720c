/** The whole operator on a real API server, with a load that only a Prometheus knows. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { COMPUTED, FIGURE } from '../../../operator/signals/prometheus/queries.ts';
import { METRIC } from '../../../services/contract.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { eventually, Scene } from '../api-server/operator-scene.ts';

const shared = commonApiServer(test);
const POD = 'city-ws-proxy-0';

/** Answers with this load to those who have the token. */
async function startLoad(token: string) {
  const load = { arrivalRate: 0 };
  const server = createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end();
      return;
    }
    const now = Date.now() / 1000;
    const element = (label: string, name: string, value: number) => ({
      metric: { [label]: name, pod: POD },
      value: [now, String(value)],
    });
    const result = [
      element('__name__', METRIC.queueDepth, 0),
      element('__name__', METRIC.queueOldestSeconds, 0),
      element('__name__', METRIC.queueInFlight, 0),
      element('__name__', METRIC.queueSampledAt, now),
      element(FIGURE, COMPUTED.sampledProxy, now),
      element(FIGURE, COMPUTED.rate, load.arrivalRate),
      element(FIGURE, COMPUTED.recentRate, load.arrivalRate),
    ];
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, load, close, [Symbol.asyncDispose]: close };
}

test('processors follow the load in Prometheus; without it the number is held, and the condition says what to do', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  await using prometheus = await startLoad('the-token');
  await using scene = await Scene.open(api);
  const autoscaling = {
    maxReplicas: 4,
    prometheus: { url: prometheus.url, tokenSecretRef: { name: 'login', key: 'token' } },
  };
  await scene.create({ processor: { autoscaling } });
  const message = async () => (await scene.condition('AutoscalingActive')).message ?? '';
  const says = (words: RegExp) => eventually(t, async () => words.test(await message()), true, String(words));
  await says(
    /^holding 1: Prometheus http:\/\/127\.0\.0\.1:\d+ was not asked: Secret \S+\/login does not exist/,
  );

  const data = { token: Buffer.from('the-token').toString('base64') };
  // In a scene of its own: the operator would read the Secret again after 30 s.
  await scene[Symbol.asyncDispose]();
  await using next = await Scene.open(api, { namespace: scene.namespace });
  await next.post('secrets', { metadata: { name: 'login' }, data });
  await next.settleAll();
  // Nothing listens on its admin port, so that no figure can be of the Pod.
  await next.pod('ws-proxy', 1);
  const wanted = async () => (await next.get('deployments/city-processor'))?.spec.replicas;
  await eventually(t, async () => (await next.condition('AutoscalingActive')).reason, 'FollowingQueue');
  prometheus.load.arrivalRate = 1200;
  await eventually(t, wanted, 3);
  await eventually(t, async () => (await next.status()).autoscaling?.inputs?.source, 'Prometheus');
  await prometheus.close();
  const active = async () => (await next.condition('AutoscalingActive')).status;
  await eventually(t, active, 'False');
  t.regex(
    (await next.condition('AutoscalingActive')).message ?? '',
    /^holding 3: Prometheus \S+ cannot be reached/,
  );
  t.is(await wanted(), 3);
});
