/** Figures of the last hour: of a real Prometheus that scrapes real programs, and of servers that are none. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createClusterReader } from '../../services/api/cluster/cluster-object.ts';
import { type DoorConfig, readClusterPlace, readHistoryPlace } from '../../services/api/config.ts';
import { createHistory, type History } from '../../services/api/history/history.ts';
import { FIGURES } from '../../services/api/history/queries.ts';
import { ConfigError } from '../../services/runtime/config.ts';
import { startStation } from '../client/station.ts';
import { hasPrometheus, startPrometheus } from '../faults/prometheus-server.ts';
import { until } from '../support/until.ts';
import { RawStation } from '../ws-proxy/raw-station.ts';
import { startApiCluster } from './cluster.ts';
import { createJudge, type Document } from './document.ts';
import { memoryApi } from './memory-api.ts';

const prometheusTest = hasPrometheus() ? test : test.skip;
const SELECTOR = 'namespace="default",ocpp_cluster="city"';
const nothing = { tokenFile: '', caFile: '', cluster: SELECTOR, operator: '' };
/** The last point of the grid is after the last sample: it has the newest values at once. */
const ahead = () => Date.now() + 15_000;

prometheusTest(
  'every figure has points from the programs themselves, in the shape that the document promises',
  async (t) => {
    await using cluster = await startApiCluster();
    await using station = await startStation(cluster.proxy.url, 'CP-1', () => Promise.resolve());
    // What the operator exports about the cluster.
    const operator = await serve(t, (_request, response) =>
      response.end('ocpp_operator_processors_wanted{namespace="default",cluster="city"} 3\n'),
    );
    const target = (job: string, url: string, honor = false) => ({
      job_name: job,
      scrape_interval: '1s',
      scrape_timeout: '1s',
      honor_labels: honor,
      static_configs: [
        { targets: [new URL(url).host], labels: honor ? {} : { namespace: 'default', ocpp_cluster: 'city' } },
      ],
    });
    const { proxy, processor } = cluster;
    await using prometheus = await startPrometheus([
      target('proxy', `http://127.0.0.1:${proxy.adminPort}`),
      target('processor', `http://127.0.0.1:${processor.adminPort}`),
      target('operator', operator, true),
    ]);
    await RawStation.open(proxy.stationPort, '/wrong/x', ['Sec-WebSocket-Protocol: ocpp1.6']);
    const place = { ...nothing, url: prometheus.url, operator: 'namespace="default",cluster="city"' };
    const fresh = () => createHistory(place, ahead)(60);
    let history: History | undefined;
    await until(
      async () => {
        await station.sendRequest('Heartbeat', {});
        history = await fresh();
        const { series, why } = history;
        const missing = FIGURES.filter((figure) => series[figure] === undefined);
        return missing.length === 0 || Promise.reject(new Error(`${why}: ${missing.join(', ')} missing`));
      },
      'all figures',
      30_000,
      300,
    );
    t.like(history, { source: 'prometheus', step: 30, why: undefined });
    const last = (figure: (typeof FIGURES)[number]) => history?.series[figure]?.at(-1)?.[1];
    const figures = [
      'stationsConnected',
      'processors',
      'processorsWanted',
      'proxies',
      'openTransactions',
    ] as const;
    t.deepEqual(figures.map(last), [1, 1, 3, 1, 0]);
    await until(async () => {
      history = await fresh();
      return (last('messagesPerSecond') ?? 0) > 0 && (last('serviceP95Seconds') ?? 0) > 0;
    }, 'rates');
    const points = history?.series.stationsConnected ?? [];
    t.is(points.length, 121);
    t.deepEqual(points[0]?.[1], null, 'before there was a sample');
    t.true(points.every(([time], i) => i === 0 || time - (points[i - 1]?.[0] ?? 0) === 30));
    t.true(Math.abs((points.at(-1)?.[0] ?? 0) * 1000 - ahead()) < 31_000);

    const other = await createHistory({ ...place, cluster: 'namespace="other"', operator: '' }, ahead)(15);
    t.deepEqual([other.source, other.step, other.series], ['prometheus', 15, {}]);
    t.regex(
      (await createHistory({ ...place, cluster: 'oops' }, ahead)(15)).why ?? '',
      /answered 400: .*parse error/,
    );

    await using api = await memoryApi({ readHistory: createHistory(place, ahead) }).api;
    const answer = await api.inject({
      url: '/v1/history?minutes=60',
      headers: { authorization: 'Bearer x' },
    });
    const document = (await api.inject('/openapi.json')).json<Document>();
    t.is(answer.statusCode, 200);
    const [path, type, body] = ['/v1/history', 'application/json', answer.json<object>()];
    t.notThrows(() => createJudge(document)({ method: 'GET', path, status: 200, type, body }));
    await prometheus.kill();
    t.like(await fresh(), { source: 'none', series: {} });
    t.regex((await fresh()).why ?? '', /the Prometheus at http.*: .*ECONNREFUSED/);
  },
);

test('without a Prometheus there is no figure, and the answer says so', async (t) => {
  await using api = await memoryApi().api;
  const ask = (url: string) => api.inject({ url, headers: { authorization: 'Bearer x' } });
  t.like((await ask('/v1/history')).json(), { source: 'none', series: {}, step: 15 });
  t.regex((await ask('/v1/history')).json<History>().why ?? '', /spec\.api\.prometheus/);
  for (const minutes of ['0', '1441', 'x', 'rate(x[1m])'])
    t.is((await ask(`/v1/history?minutes=${encodeURIComponent(minutes)}`)).statusCode, 400, minutes);
  t.is((await ask('/v1/history?query=up')).statusCode, 400);
});

test('no user or password in a configured URL: it is refused, and none is quoted', async (t) => {
  const config = {
    apiPrometheusUrl: '',
    apiPrometheusTokenFile: '',
    apiPrometheusCaFile: '',
    apiPrometheusSelector: '',
    apiPrometheusOperatorSelector: '',
    clusterUrl: '',
    clusterTokenFile: '',
    clusterCaFile: '',
  } as DoorConfig;
  for (const url of [
    'http://user:secret@prometheus:9090',
    'http://secret@prometheus',
    'https://:secret@p/x',
  ]) {
    for (const read of [
      () => readHistoryPlace({ ...config, apiPrometheusUrl: url }),
      () => readClusterPlace({ ...config, clusterUrl: url }),
    ]) {
      const { message } = t.throws(read, { instanceOf: ConfigError }) ?? {};
      t.regex(message, /^OCPP_\w+URL: has a user or password.*TOKEN_FILE/);
      t.notRegex(message, /secret/);
    }
  }
  t.is(readHistoryPlace({ ...config, apiPrometheusUrl: 'http://p:9090/x' }).url, 'http://p:9090/x');
  const away = 'http://user:secret@127.0.0.1:1/of/it?key=secret#secret';
  const { why = '' } = await createHistory({ ...nothing, url: away })(15);
  t.regex(why, /^the Prometheus at http:\/\/127\.0\.0\.1:1\/of\/it: /);
  const { clusterProblem = '' } = await createClusterReader({ ...nothing, url: away })();
  t.regex(clusterProblem, /cannot be read from http:\/\/127\.0\.0\.1:1\/of\/it: /);
  t.notRegex(why + clusterProblem, /secret/);
});

async function serve(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const matrix = (values: readonly (readonly [number, string])[]) =>
  JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, values }] } });

test('a value that is no number is a hole, and a query that fails leaves the others', async (t) => {
  const end = 1_800_000_000;
  const url = await serve(t, ({ url = '' }, response) => {
    if (url.includes('histogram_quantile'))
      response.writeHead(422).end('{"status":"error","error":"no <b>'.concat('x'.repeat(1000), '"}'));
    else
      response.end(
        matrix([
          [end - 60, '1.5'],
          [end - 30, 'NaN'],
          [end, '+Inf'],
        ]),
      );
  });
  const history = await createHistory({ ...nothing, url }, () => end * 1000 + 29_000)(60);
  t.deepEqual(history.series.proxies?.slice(-3), [
    [end - 60, 1.5],
    [end - 30, null],
    [end, null],
  ]);
  t.false('serviceP95Seconds' in history.series);
  t.false('processorsWanted' in history.series, 'not asked for');
  t.is(history.source, 'prometheus');
  t.regex(history.why ?? '', /answered 422: no <b>x+$/);
  t.true((history.why?.length ?? 0) < 420);
});

for (const [what, listener, why] of [
  ['refuses', (_, response) => response.writeHead(401).end('secret words'), /answered 401$/],
  [
    'redirects',
    (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    /answered 302$/,
  ],
  ['is no Prometheus', (_, response) => response.end('<html>secret words'), /as no Prometheus does/],
  ['sends too much', (_, response) => response.end('x'.repeat(200_000)), /more than 131072 bytes/],
  ['hangs up', (request) => request.destroy(), /ECONNRESET|hang up/],
  ['never answers', () => undefined, /no answer within 5 s/],
] as const satisfies readonly (readonly [string, RequestListener, RegExp])[])
  test(`a server that ${what} is no source, and the answer says why`, async (t) => {
    const url = await serve(t, listener);
    const history = await createHistory({ ...nothing, url })(60);
    t.like(history, { source: 'none', series: {} });
    t.regex(history.why ?? '', why);
    t.notRegex(history.why ?? '', /secret words/);
  });

test('one set of queries serves all requests of a while, and runs alone; the token is a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'history-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'its-token\n');
  let [count, open, spans] = [0, new Set<string>(), 0];
  const url = await serve(t, (request, response) => {
    t.is(request.headers.authorization, 'Bearer its-token');
    count++;
    const span = String(new URL(request.url ?? '', 'http://x').searchParams.get('step'));
    open.add(span);
    spans = Math.max(spans, open.size);
    setTimeout(() => {
      open = new Set();
      response.end(matrix([]));
    }, 50);
  });
  const read = createHistory({ ...nothing, url, tokenFile });
  const requests = Array.from({ length: 20 }, (_, i) => read([5, 15, 60, 61, 1000][i % 5] ?? 60));
  const steps = (await Promise.all(requests)).map(({ step }) => step);
  t.deepEqual(steps.slice(0, 5), [15, 15, 30, 90, 720]);
  t.is(count, 4 * (FIGURES.length - 1));
  t.is(spans, 1, 'one set at a time');
});
