/** Several listeners with one set of limits: in the station server, and in a ws-proxy process. */
import test from 'ava';
import { PATH } from '../../services/contract.ts';
import { ConfigError } from '../../services/runtime/config.ts';
import { readListeners } from '../../services/ws-proxy/listeners.ts';
import { freePort } from '../support/free-port.ts';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { startEndpoint } from './endpoint.ts';
import { until } from '../support/until.ts';
import { RawStation } from './raw-station.ts';

const TWO = [
  { port: 0, path: '/ocpp' },
  { port: 0, path: '/v16/lab' },
];

test('each listener accepts stations on its own path only', async (t) => {
  await using endpoint = await startEndpoint({}, {}, TWO);
  const [first = 0, second = 0] = endpoint.server.ports;
  t.not(first, second);
  const status = async (port: number, path: string) => {
    const { station, answer } = await RawStation.open(port, path);
    await station[Symbol.asyncDispose]();
    return answer.status;
  };
  t.is(await status(first, '/ocpp/CS1'), 101);
  t.is(await status(second, '/v16/lab/CS2'), 101);
  t.is(await status(first, '/v16/lab/CS3'), 404);
  t.is(await status(second, '/ocpp/CS4'), 404);
});

test('limits apply to all listeners together, and a drain ends all of them', async (t) => {
  await using endpoint = await startEndpoint({ maxConnections: 3 }, { maxSessions: 2 }, TWO);
  const [first = 0, second = 0] = endpoint.server.ports;
  await using one = (await RawStation.open(first, '/ocpp/CS1')).station;
  await using two = (await RawStation.open(second, '/v16/lab/CS2')).station;
  const full = await RawStation.open(second, '/v16/lab/CS3');
  t.is(full.answer.status, 503, 'two stations are here');
  await full.station[Symbol.asyncDispose]();
  await using _silent = await RawStation.connect(first);
  await using dropped = await RawStation.connect(second);
  await until(() => dropped.ended, 'the fourth TCP connection to be dropped');
  t.deepEqual(
    endpoint.seen.filter((one) => one.startsWith('refused')),
    ['refused 503 sessions /v16/lab/CS3', 'refused 503 connections'],
  );
  await endpoint.server.stop();
  t.is(await one.closeCode(), 1012);
  t.is(await two.closeCode(), 1012);
  await using late = await RawStation.connect(second).catch(() => undefined);
  t.is(late, undefined, 'the listener is closed');
});

test('if one port is in use, no listener starts', async (t) => {
  await using other = await startEndpoint();
  const free = await freePort();
  const both = [
    { port: free, path: '/a' },
    { port: other.port, path: '/b' },
  ];
  await t.throwsAsync(startEndpoint({}, {}, both), { code: 'EADDRINUSE' });
  await using again = await startEndpoint({}, {}, [{ port: free, path: '/a' }]);
  t.is(again.port, free);
});

test('OCPP_LISTENERS is checked completely, and the error names the mistake', (t) => {
  const read = (listeners: string) => readListeners({ stationPort: 9000, stationPath: '/ocpp', listeners });
  t.deepEqual(read(''), [{ port: 9000, path: '/ocpp' }]);
  t.deepEqual(read('9001/v16, 9002/lab/a'), [
    { port: 9000, path: '/ocpp' },
    { port: 9001, path: '/v16' },
    { port: 9002, path: '/lab/a' },
  ]);
  for (const wrong of ['9001', '/v16', '9001 /v16', 'x/v16', '70000/v16', '9000/again', '9001/a,9001/b']) {
    t.throws(() => read(wrong), { instanceOf: ConfigError, message: /^OCPP_LISTENERS: / }, wrong);
  }
});

test('a ws-proxy process serves and drains its second listener like the first', async (t) => {
  await using redis = await startRedis();
  const second = await freePort();
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_LISTENERS: `${second}/lab`,
    OCPP_DRAIN_PROPAGATION: '0s',
  });
  await using one = (await RawStation.open(proxy.stationPort, '/ocpp/CS1')).station;
  await using two = (await RawStation.open(second, '/lab/CS2')).station;
  await until(
    async () => /^ocpp_proxy_sessions 2$/m.test((await proxy.ask(PATH.metrics)).text),
    'both to count',
  );
  const exit = proxy.kill('SIGTERM');
  t.is(await one.closeCode(), 1012);
  t.is(await two.closeCode(), 1012);
  t.is(await exit, 0);
});
