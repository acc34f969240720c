/** Settings of running programs, from files that change: no station is disconnected. */
import test, { type ExecutionContext } from 'ava';
import { METRIC, PATH } from '../../services/contract.ts';
import { type Program, startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { SettingsFolder } from '../support/settings-folder.ts';
import { until } from '../support/until.ts';
import { RawStation } from './raw-station.ts';

const open = (proxy: Program, id: string) => RawStation.open(proxy.stationPort, `/ocpp/${id}`);

/** A changed file counts so soon; ms. One second between two looks, and a busy machine. */
const SOON = 10_000;

async function figure(program: Program, name: string): Promise<number> {
  const { text } = await program.ask(PATH.metrics);
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
  return value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
}

const rejected = (program: Program) => figure(program, METRIC.settingsRejected);
const appliedAt = (program: Program) => figure(program, METRIC.settingsAppliedAt);

/** Whether the process applied settings that were written before `since`, in seconds. */
async function applied(t: ExecutionContext, program: Program, since: number): Promise<void> {
  await until(async () => (await appliedAt(program)) > since, 'the settings to be applied', SOON);
  t.is(await rejected(program), 0);
}

test('a ws-proxy takes new limits without closing a socket: sessions, message size, log level', async (t) => {
  await using redis = await startRedis();
  await using folder = await SettingsFolder.make({ OCPP_MAX_SESSIONS: '2' });
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_MAX_SESSIONS: '50',
    OCPP_SETTINGS_FOLDER: folder.path,
    OCPP_DRAIN_PROPAGATION: '0s',
    OCPP_DRAIN_DEADLINE: '1s',
  });
  const first = await open(proxy, 'CS1');
  const second = await open(proxy, 'CS2');
  t.deepEqual([first.answer.status, second.answer.status], [101, 101]);
  t.is((await open(proxy, 'CS3')).answer.status, 503, 'the file counts from the start');

  let since = await appliedAt(proxy);
  await folder.replace({ OCPP_MAX_SESSIONS: '3', OCPP_MAX_MESSAGE_BYTES: '100', LOG_LEVEL: 'debug' });
  await applied(t, proxy, since);
  const third = await open(proxy, 'CS3');
  t.is(third.answer.status, 101);
  third.station.send(`[2,"1","Heartbeat",{"x":"${'x'.repeat(200)}"}]`);
  t.is(await third.station.closeCode(), 1009, 'a new socket has the new limit');
  second.station.send(`[2,"1","Heartbeat",{"x":"${'x'.repeat(200)}"}]`);
  t.regex(proxy.log, /OCPP_MAX_SESSIONS: 2 -> 3.*settings applied/);

  since = await appliedAt(proxy);
  await folder.replace({ OCPP_MAX_SESSIONS: '1' });
  await applied(t, proxy, since);
  t.is((await open(proxy, 'CS4')).answer.status, 503);
  t.false(first.station.ended || second.station.ended, 'no socket was closed');
});

test('a ws-proxy with a bad file keeps its values, says so, and recovers', async (t) => {
  await using redis = await startRedis();
  await using folder = await SettingsFolder.make({ OCPP_MAX_SESSIONS: '1' });
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_SETTINGS_FOLDER: folder.path,
    OCPP_DRAIN_PROPAGATION: '0s',
  });
  const { station } = await open(proxy, 'CS1');
  await folder.replace({ OCPP_MAX_SESSIONS: 'many', OCPP_CONNECT_RATE: '5' });
  await until(async () => (await rejected(proxy)) === 1, 'the refusal', SOON);
  t.is((await open(proxy, 'CS2')).answer.status, 503);
  t.regex(proxy.log, /OCPP_MAX_SESSIONS: must be a whole number from 1 .*many/);
  await folder.replace({ OCPP_MAX_SESSIONS: '2' });
  await until(async () => (await rejected(proxy)) === 0, 'the recovery', SOON);
  t.is((await open(proxy, 'CS2')).answer.status, 101);
  t.false(station.ended);
});

test('the drain rate and the boot rate of a running ws-proxy change', async (t) => {
  await using redis = await startRedis();
  await using folder = await SettingsFolder.make({ OCPP_DRAIN_RATE: '1' });
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_SETTINGS_FOLDER: folder.path,
    OCPP_DRAIN_PROPAGATION: '0s',
  });
  const share = (rate: string) => figure(proxy, `ocpp_proxy_rate_share\\{rate="${rate}"\\}`);
  t.is(await share('boots'), Number.POSITIVE_INFINITY);
  for (let i = 0; i < 40; i += 1) await open(proxy, `CS${i}`);
  await folder.replace({ OCPP_DRAIN_RATE: '200', OCPP_BOOT_RATE: '9' });
  await until(async () => (await share('closes')) === 200, 'the share of the new rate', SOON);
  t.is(await share('boots'), 9);
  const begin = Date.now();
  t.is(await proxy.kill('SIGTERM'), 0);
  t.true(Date.now() - begin < 20_000, 'at one per second it would take 40 s');
});

test('a processor answers with the new settings: heartbeat interval and unknown tokens', async (t) => {
  await using redis = await startRedis();
  await using folder = await SettingsFolder.make({});
  const env = { REDIS_ADDR: redis.addr, OCPP_DRAIN_PROPAGATION: '0s', OCPP_DRAIN_RATE: '100' };
  await using proxy = await startProgram('ws-proxy', env);
  await using processor = await startProgram('processor', { ...env, OCPP_SETTINGS_FOLDER: folder.path });
  const { station } = await open(proxy, 'CS1');
  const asks = async (id: string, action: string, payload: object) => {
    station.send(JSON.stringify([2, id, action, payload]));
    return JSON.parse(await station.nextText())[2];
  };
  const boot = { chargePointVendor: 'v', chargePointModel: 'm' };
  t.is((await asks('1', 'BootNotification', boot)).interval, 300);
  t.is((await asks('2', 'Authorize', { idTag: 'A' })).idTagInfo.status, 'Invalid');
  const since = await appliedAt(processor);
  await folder.replace({ OCPP_HEARTBEAT_INTERVAL: '60s', OCPP_UNKNOWN_TOKENS: 'Accept' });
  await applied(t, processor, since);
  t.is((await asks('3', 'BootNotification', boot)).interval, 60);
  t.is((await asks('4', 'Authorize', { idTag: 'A' })).idTagInfo.status, 'Accepted');
});
