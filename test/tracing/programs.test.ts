/** Traces of real programs on a real Redis, as a collector receives them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ENV, PATH } from '../../services/contract.ts';
import { socketStation } from '../processor/security/station.ts';
import { SECRET } from '../processor/decisions/world.ts';
import { type Environment, startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { SettingsFolder } from '../support/settings-folder.ts';
import { until } from '../support/until.ts';
import { startWebhook, type WebhookReply } from '../support/webhook-server.ts';
import { type Collector, type Span, startCollector } from './collector.ts';

const HEARTBEAT = 'Heartbeat';
const START = { connectorId: 1, idTag: 'SECRETTAG', meterStart: 5, timestamp: '2026-11-23T09:00:00Z' };

/** The spans of the only trace with a root of this action, once all of them have arrived. */
async function traceOf(
  t: ExecutionContext,
  { spans }: Collector,
  action: string,
  count: number,
): Promise<Span[]> {
  const roots = () => spans.filter(({ name, parentId }) => name === action && parentId === '');
  const own = () => spans.filter(({ traceId }) => traceId === roots()[0]?.traceId);
  await until(
    () => own().length >= count,
    `${count} spans of ${action}: ${spans.map(({ name }) => name).join()}`,
  );
  t.is(roots().length, 1);
  t.is(
    own().length,
    count,
    own()
      .map(({ name }) => name)
      .join(),
  );
  return own();
}

/** The parents of all spans, and the times of those that follow each other. */
function checkChain(t: ExecutionContext, spans: readonly Span[]): Map<string, Span> {
  const byName = new Map(spans.map((span) => [span.name.split(' ')[0] ?? '', span]));
  const root = spans.find(({ parentId }) => parentId === '');
  const send = byName.get('send');
  for (const { name, parentId, start, end } of spans) {
    const parent = parentId === '' ? undefined : name.startsWith('send') ? root : send;
    t.is(parentId, parent?.spanId ?? '', `the parent of ${name}`);
    t.true(start <= end, `${name} ends after it began`);
    t.true(start >= (root?.start ?? 0n), `${name} began within its trace`);
  }
  const times = [
    send?.start,
    byName.get('receive')?.end,
    byName.get('process')?.end,
    byName.get('settle')?.end,
  ];
  t.deepEqual(
    times,
    times.toSorted((a, b) => Number((a ?? 0n) - (b ?? 0n))),
    'sent, claimed, handled, settled in this order',
  );
  t.is(byName.get('process')?.start, byName.get('receive')?.end);
  return byName;
}

const services = (spans: readonly Span[]) =>
  spans.map(({ name, kind, service }) => `${service} ${kind} ${name}`).toSorted();

test('a CALL is one trace from its arrival to its response; so is one that gets an error', async (t) => {
  t.timeout(90_000);
  await using collector = await startCollector();
  await using server = await startRedis();
  await using live = await SettingsFolder.make({ [ENV.traceShare]: '1' });
  const folder = await mkdtemp(join(tmpdir(), 'traces-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'headers'), 'Authorization: Bearer x:y\n\nX-Scope-OrgID:  one \n');
  const env: Environment = {
    REDIS_ADDR: server.addr,
    [ENV.traceEndpoint]: collector.url,
    [ENV.traceHeadersFile]: join(folder, 'headers'),
    [ENV.clusterId]: 'cities/city/1234',
  };
  await using proxy = await startProgram('ws-proxy', { ...env, [ENV.settingsFolder]: live.path });
  await using processor = await startProgram('processor', env);
  await using station = socketStation(proxy.url, 'CP-1', 'ocpp1.6');
  await station.connect();

  await station.ask('StartTransaction', START);
  const spans = await traceOf(t, collector, 'StartTransaction', 5);
  t.deepEqual(services(spans), [
    'processor client receive ocpp:requests',
    'processor client settle ocpp:requests',
    'processor consumer process StartTransaction',
    'ws-proxy producer send ocpp:requests',
    'ws-proxy server StartTransaction',
  ]);
  const byName = checkChain(t, spans);
  const root = byName.get('StartTransaction');
  t.true((root?.end ?? 0n) >= (byName.get('process')?.end ?? 0n), 'the response follows the handler');
  t.deepEqual(root?.attributes, {
    'ocpp.station.id': 'CP-1',
    'ocpp.version': 'ocpp1.6',
    'ocpp.action': 'StartTransaction',
    'messaging.message.id': 'm-1',
    'ocpp.outcome': 'result',
  });
  t.like(byName.get('process')?.attributes, {
    'messaging.system': 'redis',
    'messaging.destination.name': 'ocpp:requests',
    'ocpp.delivery.count': 1,
    'ocpp.outcome': 'result',
  });
  t.false(spans.some(({ isError }) => isError));

  await t.throwsAsync(station.ask('NoSuchAction', { idTag: 'SECRETTAG' }));
  const failed = checkChain(t, await traceOf(t, collector, 'NoSuchAction', 5));
  t.like(failed.get('NoSuchAction'), { isError: true, attributes: { 'error.type': 'callerror' } });
  t.like(failed.get('process'), { isError: true, attributes: { 'error.type': 'NotImplemented' } });
  t.false(failed.get('settle')?.isError);

  t.notRegex(collector.bytes, /SECRETTAG/, 'no token and no payload');
  t.regex(collector.bytes, /cities\/city/);
  t.like(collector.requests[0], {
    path: '/v1/traces',
    headers: { authorization: 'Bearer x:y', 'x-scope-orgid': 'one' },
  });
  for (const program of [proxy, processor]) {
    const { text } = await program.ask(PATH.metrics);
    t.regex(text, /ocpp_trace_spans_total\{result="exported"\} [1-9]/);
    t.regex(text, /ocpp_trace_spans_total\{result="failed"\} 0/);
  }

  await live.replace({ [ENV.traceShare]: '0' });
  await until(() => proxy.log.includes('OCPP_TRACE_SHARE: 1 -> 0'), 'the changed share');
  const before = collector.spans.length;
  await station.ask(HEARTBEAT, {});
  await live.replace({ [ENV.traceShare]: '1' });
  await until(() => proxy.log.includes('OCPP_TRACE_SHARE: 0 -> 1'), 'the share to change back');
  await station.ask(HEARTBEAT, {});
  // Both end at once: what waits is sent.
  await Promise.all([proxy.kill(), processor.kill()]);
  t.is(collector.spans.length - before, 5, 'one of both Heartbeats was traced');
  await traceOf(t, collector, HEARTBEAT, 5);
});

test('a processor is killed while it handles a CALL: the trace goes on in the next one', async (t) => {
  t.timeout(90_000);
  let reply: WebhookReply;
  await using decider = await startWebhook(() => reply);
  await using collector = await startCollector();
  await using server = await startRedis();
  const folder = await mkdtemp(join(tmpdir(), 'traces-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'secret'), SECRET);
  const env = {
    REDIS_ADDR: server.addr,
    [ENV.lease]: '2s',
    [ENV.traceEndpoint]: collector.url,
    [ENV.traceShare]: '1',
  };
  const decided = {
    ...env,
    [ENV.traceShare]: undefined,
    [ENV.decisionUrl]: decider.url,
    [ENV.decisionSecretFile]: join(folder, 'secret'),
    [ENV.decisionTimeout]: '10s',
    [ENV.decisionActions]: 'StartTransaction=Own',
  };
  await using proxy = await startProgram('ws-proxy', env);
  await using first = await startProgram('processor', decided);
  await using station = socketStation(proxy.url, 'CP-1', 'ocpp1.6');
  await station.connect();
  const answer = station.ask('StartTransaction', START);
  await until(() => decider.requests.length === 1, 'the handler to begin');
  await first.kill('SIGKILL');
  reply = { body: { status: 'Accepted' } };
  await using _second = await startProgram('processor', decided);
  await answer;
  // The span of the wait for the first processor may have been sent before it died.
  const isFirst = ({ attributes }: Span) => attributes['ocpp.delivery.count'] === 1;
  await until(() => collector.spans.filter((one) => !isFirst(one)).length >= 5, 'the trace');
  const spans = collector.spans.filter((one) => !isFirst(one));
  t.is(new Set(collector.spans.map(({ traceId }) => traceId)).size, 1);
  const byName = checkChain(t, spans);
  t.deepEqual(byName.get('receive')?.events, ['redelivered']);
  t.is(byName.get('process')?.attributes['ocpp.delivery.count'], 2);
  t.false(spans.some(({ isError }) => isError));
});

test('a collector that hangs, is away or refuses does not slow stations, and fills no log', async (t) => {
  t.timeout(120_000);
  await using server = await startRedis();
  await using collector = await startCollector('hang');
  const env = { REDIS_ADDR: server.addr, [ENV.traceEndpoint]: collector.url, [ENV.traceShare]: '1' };
  await using proxy = await startProgram('ws-proxy', env);
  await using processor = await startProgram('processor', env);
  await using station = socketStation(proxy.url, 'CP-1', 'ocpp1.6');
  await station.connect();
  const slowest: number[] = [];
  const spansOf = async (result: string) => {
    const { text } = await proxy.ask(PATH.metrics);
    return Number(new RegExp(`ocpp_trace_spans_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1]);
  };
  // 2 spans each in the proxy, of which 4096 may wait.
  for (let i = 0; i < 2400; i += 1) {
    const begun = performance.now();
    await station.ask(HEARTBEAT, {});
    slowest.push(performance.now() - begun);
  }
  t.true(collector.requests.length > 0, 'it was asked');
  t.is(await spansOf('exported'), 0);
  await until(async () => (await spansOf('failed')) > 0, 'the batch to be given up');
  t.true((await spansOf('overflowed')) + (await spansOf('failed')) > 0);
  const [median = 0] = slowest.toSorted((a, b) => a - b).slice(slowest.length / 2);
  t.true(median < 50, `half of the CALLs took ${median} ms or more`);
  const warnings = proxy.log.match(/spans of traces could not be sent/g)?.length ?? 0;
  t.true(warnings >= 1 && warnings <= 6, `${warnings} warnings`);

  collector.answer = 503;
  await station.ask(HEARTBEAT, {});
  collector.answer = 200;
  await until(async () => {
    await station.ask(HEARTBEAT, {});
    return (await spansOf('exported')) > 0;
  }, 'traces once the collector is back');

  collector.answer = 'hang';
  await station.ask(HEARTBEAT, {});
  await station.disconnect();
  const begun = performance.now();
  t.deepEqual(await Promise.all([proxy.kill(), processor.kill()]), [0, 0]);
  t.true(performance.now() - begun < 10_000, 'they end although the collector hangs');
});

test('an endpoint that is no URL stops the program, and so does a share above 1', async (t) => {
  await t.throwsAsync(startProgram('processor', { [ENV.traceEndpoint]: 'collector:4318' }), {
    message: /OCPP_TRACE_ENDPOINT must be the URL of a collector/,
  });
  await t.throwsAsync(startProgram('ws-proxy', { [ENV.traceShare]: '5' }), {
    message: /OCPP_TRACE_SHARE: must be a number from 0 to 1/,
  });
});
