/** ocppctl against a cluster of real programs: what it prints, and how it ends. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { type ApiCluster, startApiCluster, tokenFile } from '../api/cluster.ts';
import { startChargingStation } from './charging-station.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { type Terminal, terminal } from './terminal.ts';

let cluster: ApiCluster;
let station: Awaited<ReturnType<typeof startChargingStation>>;
let at: Terminal;
test.before(async () => {
  cluster = await startApiCluster();
  station = await startChargingStation(cluster.proxy.url, 'CP-1');
  await addEntries(cluster);
  at = terminal({ OCPPCTL_URL: cluster.api.apiUrl, OCPPCTL_TOKEN: 'admin' });
});
test.after.always(async () => {
  await station[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

/** What this station does not do: meter values outside of a transaction, and payments. */
async function addEntries({ redis: { host, port } }: ApiCluster): Promise<void> {
  const redis = new Redis(port, host);
  const add = (stream: string, id: string, ...fields: string[]) =>
    redis.xadd(`ocpp:${stream}`, id, ...fields);
  await add('meter-values', '1-1', 'stationId', 'CP-1', 'connectorId', '1', 'values', '[\u001B[31m]');
  await add('meter-values', '2-1', 'stationId', 'CP-2', 'connectorId', '2', 'values', '[]');
  await add('reports', '1-1', 'stationId', 'CP-1', 'type', 'energy-decreased', 'transactionId', '7');
  await add('settlements', '1-1', 'stationId', 'CP-1', 'pspRef', 'P-1');
  redis.disconnect();
}

/** A command line, its exit status, and what standard output and error have. */
const RUNS: readonly (readonly [line: string, status: number, stdout: RegExp, stderr?: RegExp])[] = [
  ['status', 0, /stations connected {2}1 of 1\n[^]*you are the-admin \(admin\)/],
  ['stations', 0, /CP-1 +yes +\d+[sm] +ocpp1\.6 +Accepted +Acme DC\\u001b\[31m-9 +- +1 Charging\n$/],
  ['stations --prefix X', 0, /^$/, /^no stations\n$/],
  ['station CP-1 -o json', 0, /"model": "DC\\u001b\[31m-9"/],
  ['station CP-7', 1, /^$/, /never connected.*ocppctl stations lists/],
  ['sessions', 0, /^STATION[^\n]*\nCP-1 +ocpp1\.6 +\d+[sm] +127\.0\.0\.1\S* +ws-proxy-\S+\n$/],
  [
    'meter-values',
    0,
    /1-1 +\d+d +CP-1 +connectorId=1 values=\[\\u001b\[31m\]\n2-1 +\d+d +CP-2 +connectorId=2/,
  ],
  ['meter-values --after 1-1 -o json', 0, /^\[\n \{\n {2}"id": "2-1"[^]*"connectorId": "2"/],
  ['meter-values --station CP-1 --limit 1', 0, /^ID[^\n]*\n1-1 [^\n]*\n$/],
  ['meter-values --after soon', 1, /^$/, /query\/after/],
  ['meter-values --after 2-1', 0, /^$/, /^no meter values\n$/],
  ['reports', 0, /1-1 +\d+d +CP-1 +type=energy-decreased transactionId=7\n$/],
  ['settlements', 0, /1-1 +\d+d +CP-1 +pspRef=P-1\n$/],
  ['transactions', 0, /CP-1 +\d+ +1 +ABC/],
  ['transactions --station CP-1 --token abc -o json', 0, /"state": "open"/],
  ['transactions --closed', 0, /^$/, /^no transactions\n$/],
  ['transaction CP-1 1', 1, /^$/, /The transaction is unknown/],
  ['top', 0, /connectors {10}1 Charging\n\nSTATION/],
  ['call CP-1 Reset {"type":"Soft"} --key again', 0, /^status {2}Accepted\n$/],
  ['call CP-1 Reset {"type":"Soft"} --key again -o json', 0, /"id": "again",\n[^]*"status": "Accepted"/],
  ['call CP-1 Reset {"type":"Loud"}', 1, /^$/, /\/type must be equal.*Correct the payload/],
  ['reset CP-1 --type hard', 1, /^status {2}Rejected\n$/, /CP-1 did not accept it: .*"Rejected"/],
  ['trigger CP-1 Heartbeat', 0, /Accepted/],
  ['unlock CP-1 --connector 1', 1, /^$/, /CP-1 answered with the error NotSupported/],
  ['call CP-2 ClearCache --queue --protocol ocpp1.6 --key later', 0, /^queued; ocppctl command CP-2 later/],
  ['command CP-2 later --cancel', 0, /^cancelled\n$/],
  ['command CP-2 later', 1, /^$/, /CP-2 was not reached.*cancelled/],
  ['broadcast ClearCache --all --per-second 5', 0, /^1 stations: 1 answered, 0 not sent, 0 uncertain\n$/],
  [
    'broadcast ClearCache --stations CP-1,CP-9 --key b1',
    1,
    /\nCP-9 +not-sent +was not reached/,
    /^ocppctl: 1 stations/,
  ],
  ['broadcasts show b1 -o json', 1, /"station": "CP-1",[^]*"station": "CP-9"/, /^ocppctl: 1 stations/],
  ['broadcasts stop b1', 0, /state +ended/],
  ['tokens set abc --expiry 2030-01-01T00:00:00Z --token-type ISO14443', 0, /^token +ABC\n/],
  [
    'tokens set abc2 --max-energy 5000 --max-duration 60 -o json',
    0,
    /"maxEnergyWh": 5000,\s+"maxDurationSeconds": 60/,
  ],
  ['tokens remove abc2', 0, /^removed\n$/],
  ['tokens', 0, /ABC +Accepted +2030/],
  ['tokens remove abc', 0, /^removed\n$/],
  ['tokens remove abc', 1, /^$/, /not listed/],
  ['tokens erase-history gone', 0, /^erased from 0 bills, 0 marks and 0 events\n$/],
  ['register set CP-1 --label a=b --vendor Acme', 0, /labels +\{"a":"b"\}/],
  [
    'register set CP-1 --label c=d --vendor= --block',
    0,
    /^station +CP-1\nblocked +true\nlabels +\{"a":"b","c":"d"\}/,
  ],
  ['register new-password CP-1', 0, /^[0-9A-F]{40}\n$/],
  ['register list', 0, /CP-1 +BLOCKED +- +yes/],
  ['register remove CP-1', 0, /^CP-1 is removed\n$/],
  [
    'register change-password CP-1',
    1,
    /^$/,
    /CP-1 keeps its password \(it answered with the error NotSupported/,
  ],
  ['register reset-profile CP-1', 0, /^CP-1 may connect/],
  ['registrations set CP-3 Pending', 0, /next boot/],
  ['registrations', 0, /CP-3 +Pending/],
  ['registrations remove CP-3', 0, /accepted/],
  ['dead-letters drop 1-1', 1, /^$/, /no such entry/],
  ['audit --limit 2', 0, /^AGO[^\n]*\n[^\n]*the-admin[^\n]*\n[^\n]*\n$/, /^there are more than 2/],
];

test.serial('commands print what they found and end with the status of their outcome', async (t) => {
  t.timeout(120_000);
  for (const [line, status, stdout, stderr = /^$/] of RUNS) {
    const result = await at.run(line.split(' '));
    t.is(result.status, status, `${line}\n${result.stdout}${result.stderr}`);
    t.regex(result.stdout, stdout, line);
    t.regex(result.stderr, stderr, line);
  }
});

test.serial('a station that has left is not waited for', async (t) => {
  const other = await startChargingStation(cluster.proxy.url, 'CP-5');
  await other[Symbol.asyncDispose]();
  await until(async () => {
    const { stdout } = await at.run(['station', 'CP-5']);
    return /connected +false/.test(stdout);
  }, 'the end of its session');
  const { status, stdout, stderr } = await at.run(['call', 'CP-5', 'ClearCache', '-o', 'json']);
  t.is(status, 1);
  t.like(JSON.parse(stdout), { station: 'CP-5', state: 'not-sent', reason: 'offline' });
  t.regex(stderr, /not connected.*--queue/);
});

test.serial('tokens are imported from a file; refused lines are shown', async (t) => {
  const good = await at.run(['tokens', 'import', '-'], { input: 'token,status\nA1,Accepted\nA2,Blocked\n' });
  t.deepEqual([good.status, good.stdout], [0, '2 tokens are stored\n']);
  const file = join(at.home, 'tokens.csv');
  writeFileSync(file, 'token,status\nB1,Accepted\nB2,Perhaps\n');
  const bad = await at.run(['tokens', 'import', file]);
  t.is(bad.status, 1);
  t.regex(bad.stdout, /^1 tokens are stored\nLINE {2}PROBLEM\n +3 {2}/);
});

test.serial('events are followed until a signal, which is no error', async (t) => {
  const tail = at.start(['events', 'CP-1', '-o', 'json']);
  await until(
    async () => {
      await station.sendRequest('StatusNotification', {
        connectorId: 1,
        errorCode: 'NoError',
        status: 'Charging',
      });
      await station.sendRequest('StopTransaction', {
        transactionId: 1,
        meterStop: 9,
        timestamp: new Date().toISOString(),
      });
      return tail.said.stdout.includes('\n');
    },
    'an event',
    20_000,
    200,
  );
  const { status, stdout, stderr } = await tail.end('SIGINT');
  t.is(status, 0, stderr);
  t.like(JSON.parse(stdout.split('\n')[0] ?? ''), { station: 'CP-1' });
});

test.serial('tail records a station, shows its frames, and ends its recording with Ctrl-C', async (t) => {
  const tail = at.start(['tail', 'CP-1', '--minutes', '3']);
  await tail.says(/recording CP-1 for [23]m/);
  await until(
    async () => {
      await station.sendRequest('Authorize', { idTag: 'SECRET-TAG' });
      return /result {2}\d+ ms/.test(tail.said.stdout);
    },
    'an answer',
    20_000,
    200,
  );
  const listed = await at.run(['recordings']);
  t.regex(listed.stdout, /^STATION +ENDS IN +BY\nCP-1 +2m +the-admin\n$/);
  const second = at.start(['tail', 'CP-1', '--json', '--after', '0-0']);
  await second.says(/"action":"Authorize"/);
  t.is((await second.end('SIGINT')).status, 0);
  t.regex((await at.run(['recordings'])).stdout, /CP-1/, 'that of another one goes on');
  const { status, stdout, stderr } = await tail.end('SIGINT');
  t.is(status, 0, stderr);
  t.regex(stdout, /^\d\d:\d\d:\d\d\.\d{3} → Authorize +\{"idTag":"TAG-[0-9A-F]{16}"\}$/m);
  t.regex(stdout, /^\S+ ← Authorize +result {2}\d+ ms {2}\{"idTagInfo":/m);
  t.notRegex(stdout, /SECRET/);
  t.regex(stderr, /the recording is ended\n$/);
  t.regex((await at.run(['recordings'])).stderr, /no station is recorded/);
  t.is((await at.run(['tail'])).status, 2);
  t.is((await at.run(['tail', 'CP-1', '--no-record', '--minutes', '1'])).status, 2);
  for (const frame of second.said.stdout.trim().split('\n'))
    t.is((JSON.parse(frame) as { station: string }).station, 'CP-1');
});

test.serial(
  'a login is checked, stored for its owner only, and its token is sent nowhere else',
  async (t) => {
    const own = terminal();
    const url = cluster.api.apiUrl;
    const wrong = await own.run(['login', url], { input: 'wrong\n' });
    t.is(wrong.status, 3);
    t.regex(wrong.stderr, /access token.*Log in again/);
    t.regex((await own.run(['stations'])).stderr, /no address of the API: run ocppctl login/);
    const login = await own.run(['login', `${url}/`], { input: 'read\n' });
    t.deepEqual([login.status, login.stdout], [0, `logged in to ${url} as the-read, scope read\n`]);
    const file = join(own.home, 'ocppctl', 'config.json');
    t.is(statSync(file).mode & 0o777, 0o600);
    t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { url, token: 'read' });
    t.is((await own.run(['stations'])).status, 0);
    const forbidden = await own.run(['reset', 'CP-1']);
    t.is(forbidden.status, 1);
    t.regex(forbidden.stderr, /needs the scope command/);
    const elsewhere = await own.run(['stations', '--url', 'http://127.0.0.1:9999']);
    t.is(elsewhere.status, 2);
    t.regex(elsewhere.stderr, /no token for http:\/\/127\.0\.0\.1:9999/);
    for (const { stdout, stderr } of [wrong, login, forbidden])
      t.false(`${stdout}${stderr}`.includes('wrong'));
  },
);

test.serial('a new token is one that the API accepts once its entry is in the Secret', async (t) => {
  const { stdout, stderr } = await at.run(['new-token', 'night', '--scope', 'read']);
  const token = stdout.trim();
  t.regex(token, /^[\w-]{43}$/);
  t.false(stderr.includes(token));
  const entry = /^ {2}night: (\{.*\})$/m.exec(stderr)?.[1] ?? '';
  t.deepEqual(JSON.parse(entry), JSON.parse(tokenFile(token, 'read')));
  t.is((JSON.parse(entry) as { sha256: string }).sha256, createHash('sha256').update(token).digest('hex'));
  const patch = /-p '(.*)'$/m.exec(stderr)?.[1] ?? '';
  t.deepEqual(JSON.parse(patch), { stringData: { night: entry } });
});

test.serial('an API or a Redis that is away ends with 3', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const refused = await at.run(['status', '--url', url]);
  t.is(refused.status, 3);
  t.regex(refused.stderr, /^ocppctl: the API at \S+ is out of reach: nothing listens there: [^\n]*\n$/);
  await cluster.redis.kill();
  await until(async () => {
    const { status, stderr } = await at.run(['stations']);
    return status === 3 && /Redis is out of reach/.test(stderr);
  }, 'the message about Redis');
  const call = await at.run(['call', 'CP-1', 'ClearCache']);
  t.is(call.status, 3);
});
