/** Rate-limited BootNotifications: the queue, the gateway, and a ws-proxy process. */
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { PATH } from '../../../services/contract.ts';
import type { IncomingFrame, StationSink } from '../../../services/transport/transport.ts';
import { BootPacing } from '../../../services/ws-proxy/pacing/boot-pacing.ts';
import { RateQueue } from '../../../services/station-server/rates/rate-queue.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { createTransport } from '../../../services/library/transport-factory.ts';
import { ProbedGateway } from '../endpoint.ts';
import { until } from '../../support/until.ts';
import { RawStation } from '../raw-station.ts';

test('entries are released in order at the rate, those that leave cost nothing, and none waits longer than the bound', async (t) => {
  const queue = new RateQueue(() => 10, 2000, 0);
  const gone: string[] = [];
  let now = 0;
  const join = (name: string) => {
    const entry = queue.join(now);
    if (entry === undefined) gone.push(name);
    else void entry.ended.then((ended) => gone.push(ended === 'released' ? name : `${name} ${ended}`));
    return entry;
  };
  const joined = Array.from({ length: 50 }, (_, index) => join(`${index}`));
  t.is(gone.length, 1, 'a tenth of a second’s worth at once');
  t.true(queue.mustWait(0));
  joined[2]?.leave();
  for (now = 10; now < 2000; now += 10) queue.release(now);
  await Promise.resolve();
  t.deepEqual(gone.slice(0, 5), ['0', '2 left', '1', '3', '4']);
  t.is(gone.length, 1 + 1 + 18, 'nine tenths of the rate');
  queue.release(2000);
  await Promise.resolve();
  t.is(queue.size, 0);
  t.is(gone.filter((name) => name.endsWith('late')).length, 50 - 1 - 1 - 18);
});

test('a queue that is too long ends its newest entries, those of the second class first', async (t) => {
  const trimmed = (first: number, second: number, most: number) => {
    const queue = new RateQueue(() => 0.001, 1000, 0);
    queue.join(0);
    const late: string[] = [];
    const join = (name: string, isSecond: boolean) =>
      void queue.join(0, isSecond)?.ended.then((ended) => ended === 'late' && late.push(name));
    for (let i = 0; i < first; i++) join(`a${i}`, false);
    for (let i = 0; i < second; i++) join(`b${i}`, true);
    queue.trim(most);
    return { size: queue.size, late };
  };
  const rows = [
    [3, 0, Infinity, []],
    [3, 0, 3, []],
    [3, 0, 1, ['a1', 'a2']],
    [0, 3, 2, ['b2']],
    [2, 2, 3, ['b1']],
    [2, 2, 1, ['b0', 'b1', 'a1']],
    [2, 1, 0, ['b0', 'a0', 'a1']],
  ] as const;
  for (const [first, second, most, expected] of rows) {
    const { size, late } = trimmed(first, second, most);
    await setImmediate();
    t.deepEqual(late, [...expected], `${first} ${second} ${most}`);
    t.is(size, first + second - expected.length);
  }
});

test('a queue that is cleared is empty, and each of its entries knows', async (t) => {
  const queue = new RateQueue(() => 1, 2000, 0);
  queue.join(0);
  const ended = [1, 2].map(async () => queue.join(0)?.ended);
  queue.clear();
  t.deepEqual(await Promise.all(ended), ['left', 'left']);
  t.is(queue.size, 0);
});

const frame = (id: string, action: string): IncomingFrame => ({
  frame: { type: 2, id, action, payload: {} },
  text: `[2,"${id}","${action}",{}]`,
  receivedAt: 0,
  sequence: 1,
});
const SINK: StationSink = { deliver: () => true, revoked: () => undefined };
const session = (stationId: string) =>
  ({ stationId, protocol: 'ocpp1.6', remoteAddress: '192.0.2.1' }) as const;

test('a waiting boot delays later frames of its own station only', async (t) => {
  let now = 0;
  await using probed = new ProbedGateway();
  using paced = new BootPacing(probed, {
    bootsPerSecond: () => 1,
    maxWaitMs: 5000,
    clock: { now: () => now },
  });
  await probed.start();
  const open = (id: string) => paced.open(session(id), SINK);
  const [one, two, three] = await Promise.all([open('CS1'), open('CS2'), open('CS3')]);
  const seen = () => probed.forwarded.map(({ stationId, frame: { id } }) => `${stationId} ${id}`);
  await one.forward(frame('boot', 'BootNotification'));
  const behind = [two.forward(frame('boot', 'BootNotification')), two.forward(frame('next', 'Heartbeat'))];
  const left = three.forward(frame('boot', 'BootNotification'));
  await one.forward(frame('next', 'Authorize'));
  t.is(paced.waiting, 2);
  t.deepEqual(seen(), ['CS1 boot', 'CS1 next']);

  await Promise.all([t.throwsAsync(left, { code: 'not-connected' }), three.close()]);
  t.is(paced.waiting, 1);
  t.is(probed.ended.length, 1);
  now = 1200;
  await Promise.all(behind);
  t.deepEqual(seen(), ['CS1 boot', 'CS1 next', 'CS2 boot', 'CS2 next']);
  t.is(paced.waiting, 0);
});

test('a ws-proxy process with OCPP_BOOT_RATE: every boot gets a response at the rate', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', { REDIS_ADDR: redis.addr, OCPP_BOOT_RATE: '5' });
  await using transport = createTransport({
    kind: 'redis',
    name: 'test-processor',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 10_000 },
    channelPrefix: 'ocpp',
  });
  transport.onError(() => undefined);
  transport.onMessage(async ({ frame: { id } }) => ({
    answer: { kind: 'result', payload: { of: id } },
    writes: [],
    events: [],
  }));
  await transport.start();
  const stations: RawStation[] = [];
  for (let i = 0; i < 20; i += 1) {
    stations.push((await RawStation.open(proxy.stationPort, `/ocpp/CS${i}`)).station);
  }
  for (const station of stations) station.send('[2,"boot","BootNotification",{}]');
  const waiting = async () =>
    Number(/^ocpp_proxy_boots_waiting (\d+)$/m.exec((await proxy.ask(PATH.metrics)).text)?.[1]);
  await until(async () => (await waiting()) > 0, 'some to wait');
  for (const station of stations) t.is(await station.nextText(), '[3,"boot",{"of":"boot"}]');
  t.is(await waiting(), 0);
  for (const station of stations) await station[Symbol.asyncDispose]();
});
