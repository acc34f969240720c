/** Limits of single listeners: at the sockets of a proxy with two listeners, and as its setting. */
import test from 'ava';
import { fieldSchema } from '../../../operator/api/schema.ts';
import { ENV, PATH } from '../../../services/contract.ts';
import { readSettings } from '../../../services/runtime/config.ts';
import { MAX_TEXT } from '../../../services/runtime/settings-folder.ts';
import { listenerLimitsSetting } from '../../../services/ws-proxy/listener-limits.ts';
import { freePort } from '../../support/free-port.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { SettingsFolder } from '../../support/settings-folder.ts';
import { find, rendered } from '../../support/rendered.ts';
import { until } from '../../support/until.ts';
import { RawStation, V16 } from '../raw-station.ts';

const read = (text: string) =>
  readSettings({ limits: listenerLimitsSetting }, { [ENV.listenerLimits]: text });

test('the setting is JSON by the names of listeners, with the units of the server', (t) => {
  const { values, problems } = read(
    '{"lab":{"sessions":3,"messageBytes":65536,"handshakeSeconds":2,"handshakesPerAddress":0,"reconnectBurst":7},"a":{}}',
  );
  t.deepEqual(problems, []);
  t.deepEqual(values.limits, {
    lab: {
      maxSessions: 3,
      maxMessageBytes: 65_536,
      handshakeTimeoutMs: 2000,
      maxHandshakesPerAddress: 0,
      reconnectBurst: 7,
    },
    a: {},
  });
});

test('it takes what the CRD takes: the same fields with the same ranges', (t) => {
  const fields = Object.entries(
    fieldSchema('spec', 'listeners').items?.properties?.['limits']?.properties ?? {},
  );
  t.true(fields.length > 5);
  for (const [name, { minimum = NaN, maximum = NaN }] of fields) {
    const problemsOf = (value: number) => read(JSON.stringify({ lab: { [name]: value } })).problems.length;
    t.deepEqual([minimum - 1, minimum, maximum, maximum + 1].map(problemsOf), [1, 0, 0, 1], name);
  }
  const { problems } = read('{"lab":{"none":1}}');
  t.regex(problems[0] ?? '', new RegExp(`there are ${fields.map(([name]) => name).join(', ')} `));
});

test('the longest settings that the CRD permits are read from the folder of a running program', (t) => {
  const fields = fieldSchema('spec', 'listeners').items?.properties?.['limits']?.properties ?? {};
  const limits = Object.fromEntries(Object.entries(fields).map(([name, { maximum }]) => [name, maximum]));
  const listeners = Array.from({ length: 8 }, (_, i) => ({
    name: `a-long-name-0${i}`,
    port: 9000 + i,
    protocols: ['ocpp1.6'] as const,
    limits,
  }));
  const trustedNetworks = Array.from(
    { length: 100 },
    (_, i) => `2001:0db8:1111:2222:3333:4444:5555:${1000 + i}/128`,
  );
  const objects = rendered({ listeners, proxy: { trustedNetworks } });
  for (const name of ['ConfigMap/city-ws-proxy', 'ConfigMap/city-processor']) {
    const { data } = find(objects, name) as unknown as { data: Record<string, string> };
    const longest = Math.max(...Object.values(data).map((text) => text.length));
    t.true(longest < MAX_TEXT / 2, `${name}: ${longest}`);
  }
});

const MISTAKES: readonly (readonly [text: string, says: RegExp])[] = [
  ['nope', /is not JSON/],
  ['[]', /it must be a JSON object/],
  ['{"lab":5}', /lab must be a JSON object/],
  ['{"lab":{"session":5}}', /lab: there is no limit session; there are sessions, messageBytes, /],
  ['{"lab":{"constructor":5}}', /lab: there is no limit constructor/],
  ['{"lab":{"sessions":0}}', /lab: sessions must be a whole number from 1 to 200000/],
  ['{"lab":{"sessions":"5"}}', /lab: sessions must be a whole number/],
  ['{"lab":{"handshakeSeconds":1.5}}', /lab: handshakeSeconds must be a whole number from 1 to 600/],
];

for (const [text, says] of MISTAKES) {
  test(`a mistake in the setting is named: ${text}`, (t) => {
    const { problems } = read(text);
    t.is(problems.length, 1);
    t.regex(problems[0] ?? '', says);
  });
}

test('a listener has limits of its own, the other those of the proxy; a running proxy takes new ones', async (t) => {
  await using redis = await startRedis();
  const [main, constructor] = [await freePort(), await freePort()];
  await using folder = await SettingsFolder.make({
    OCPP_RECONNECT_BURST: '3',
    OCPP_LISTENER_LIMITS: JSON.stringify({
      // A name that every JavaScript object has.
      constructor: { sessions: 2, headerBytes: 1024, messageBytes: 65_536, reconnectBurst: 100 },
      // Of Pods before or after this one.
      gone: { sessions: 1 },
    }),
  });
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_SETTINGS_FOLDER: folder.path,
    OCPP_DRAIN_PROPAGATION: '0s',
    OCPP_LISTENERS: JSON.stringify([
      { name: 'main', port: main, path: '/ocpp' },
      { name: 'constructor', port: constructor, path: '/ocpp' },
    ]),
  });
  // Closed before the proxy ends, which would wait for them.
  await using stations = new AsyncDisposableStack();
  const open = async (port: number, id: string, ...headers: string[]) => {
    const opened = await RawStation.open(port, `/ocpp/${id}`, [...headers, ...V16]);
    stations.use(opened.station);
    return opened;
  };
  const statusOf = async (...arguments_: Parameters<typeof open>) => {
    const { station, answer } = await open(...arguments_);
    await station[Symbol.asyncDispose]();
    return answer.status;
  };

  // Reconnects: the burst of the proxy is 3.
  const connects = async (port: number, id: string) => {
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push(await statusOf(port, id));
    return statuses;
  };
  t.deepEqual(await connects(main, 'FLAPS'), [101, 101, 101, 429]);
  await until(async () => (await proxy.ask(PATH.metrics)).text.includes('ocpp_proxy_sessions 0'), 'the ends');
  t.deepEqual(await connects(constructor, 'BENCH'), [101, 101, 101, 101]);

  const long = `X-Long: ${'x'.repeat(2000)}`;
  t.deepEqual([await statusOf(main, 'A1', long), await statusOf(constructor, 'A1', long)], [101, 431]);

  await until(async () => (await proxy.ask(PATH.metrics)).text.includes('ocpp_proxy_sessions 0'), 'the ends');
  const first = await open(constructor, 'B1');
  t.is(first.answer.status, 101);
  const second = await open(constructor, 'B2');
  const full = await open(constructor, 'B3');
  t.is(full.answer.status, 503);
  t.regex(full.answer.headers.get('retry-after') ?? '', /^\d+$/);
  const elsewhere = await open(main, 'B3');
  t.is(elsewhere.answer.status, 101, 'the other listener has places');
  await until(() => proxy.log.includes('"code":"listener-sessions"'), 'the line of the log');
  t.regex(
    proxy.log,
    /"code":"listener-sessions".*"listener":"constructor","advice":"add proxies, raise limits\.sessions of the listener/,
  );

  t.regex(
    (await proxy.ask(PATH.metrics)).text,
    /ocpp_proxy_listener_sessions\{listener="main"\} 1\nocpp_proxy_listener_sessions\{listener="constructor"\} 2\n/,
  );

  const large = `[2,"1","DataTransfer",{"vendorId":"v","data":"${'x'.repeat(70_000)}"}]`;
  second.station.send(large);
  t.is(await second.station.closeCode(), 1009);
  elsewhere.station.send(large);
  elsewhere.station.send('[2,"2","Heartbeat",{}]');
  t.true(elsewhere.station.socket.writable);
  await until(async () => (await statusOf(constructor, 'B4')) === 101, 'the place of the closed station');

  await folder.replace({
    OCPP_RECONNECT_BURST: '3',
    OCPP_LISTENER_LIMITS: '{"constructor":{"sessions":50}}',
  });
  await until(() => /OCPP_LISTENER_LIMITS: .*-> .*maxSessions[^}]*50}/.test(proxy.log), 'the new limits');
  t.is(await statusOf(constructor, 'A2', long), 101, 'a limit that is left out is that of the proxy');
  for (let i = 0; i < 3; i++) t.is((await open(constructor, `C${i}`)).answer.status, 101);

  await folder.replace({ OCPP_LISTENER_LIMITS: '{"constructor":{"sesions":1}}' });
  await until(() => proxy.log.includes('there is no limit sesions'), 'the refusal of the setting');
  t.is((await open(constructor, 'C4')).answer.status, 101, 'the last good value');
  t.is(first.station.socket.readyState, 'open');
});

test('an address may have as many connections as the listener says that it comes to', async (t) => {
  await using redis = await startRedis();
  const [inside, outside] = [await freePort(), await freePort()];
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_DRAIN_PROPAGATION: '0s',
    OCPP_LISTENERS: JSON.stringify([
      { name: 'inside', port: inside, path: '/ocpp' },
      { name: 'outside', port: outside, path: '/ocpp' },
    ]),
    OCPP_LISTENER_LIMITS: '{"outside":{"connectionsPerAddress":3,"handshakeSeconds":1}}',
  });
  await using stations = new AsyncDisposableStack();
  const statusOf = async (port: number, id: string) => {
    const { station, answer } = await RawStation.open(port, `/ocpp/${id}`, V16);
    stations.use(station);
    return answer.status;
  };
  t.is(await statusOf(outside, 'CS1'), 101);
  for (let i = 0; i < 4; i++) t.is(await statusOf(inside, `IN${i}`), 101);
  const excess = stations.use(await RawStation.connect(outside));
  await until(
    () => excess.ended,
    'the end of one too many: those to the other listener count, and have no limit there',
  );
  t.is(await statusOf(inside, 'IN4'), 101);
  const { text } = await proxy.ask(PATH.metrics);
  t.regex(text, /ocpp_proxy_handshakes_refused_total\{status="429",reason="address-connections"\} 1/);
});
