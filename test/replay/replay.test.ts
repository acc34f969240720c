/** A recording replayed against real processors on a scratch Redis: it names exactly the answers that differ. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { normalised, TransactionIds } from '../../services/replay/comparison.ts';
import { readRecording } from '../../services/replay/recording.ts';
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts';
import { endWithUs } from '../support/children.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const OLD = `"${process.execPath}" "${ROOT}/services/processor/main.ts"`;
const CHANGED = `"${process.execPath}" "${ROOT}/test/replay/changed-processor.ts"`;
const MESSAGES = 1000;
const at = Date.parse('2026-11-30T10:00:00Z');
const tagOf = (number: number) =>
  `TAG-00000000000000${(number % 256).toString(16).toUpperCase().padStart(2, '0')}`;

/** Frames as `ocppctl tail --json` prints them. */
function recordingOf(messages: number) {
  const lines: object[] = [];
  const tags = new Map<string, string>();
  let number = 0;
  const exchange = (station: string, action: string, payload: object, answer: object) => {
    const messageId = `m${number++}`;
    const about = {
      at: at + number * 20,
      station,
      connection: 5,
      protocol: 'ocpp1.6',
      action,
      messageId,
      bytes: 9,
    };
    const call = {
      ...about,
      direction: 'in',
      type: 'call',
      text: JSON.stringify([2, messageId, action, payload]),
    };
    const result = {
      ...about,
      direction: 'out',
      type: 'result',
      text: JSON.stringify([3, messageId, answer]),
      latencyMs: 3,
    };
    lines.push({ id: `${number}-0`, ...call }, { id: `${number}-1`, ...result });
    if ('idTag' in payload && action === 'Authorize') tags.set(messageId, String(payload.idTag));
  };
  const timestamp = '2026-11-30T10:00:00Z';
  const currentTime = '2026-11-30T10:00:00.123Z';
  const idTagInfo = { status: 'Accepted' };
  const boot = { chargePointVendor: 'Acme', chargePointModel: 'DC-9' };
  for (const station of ['CP-1', 'CP-2'])
    exchange(station, 'BootNotification', boot, { currentTime, interval: 300, status: 'Accepted' });
  for (let session = 0; lines.length < 2 * messages; session++) {
    const station = `CP-${1 + (session % 2)}`;
    const transactionId = 700_000 + session;
    const idTag = tagOf(session);
    const messagesOfSession: Parameters<typeof exchange>[] = [
      [station, 'Authorize', { idTag }, { idTagInfo }],
      [
        station,
        'StartTransaction',
        { connectorId: 1, idTag, meterStart: 10, timestamp },
        { transactionId, idTagInfo },
      ],
      [
        station,
        'MeterValues',
        { connectorId: 1, transactionId, meterValue: [{ timestamp, sampledValue: [{ value: '11' }] }] },
        {},
      ],
      [station, 'StopTransaction', { transactionId, meterStop: 12, timestamp }, {}],
      [station, 'Heartbeat', {}, { currentTime }],
    ];
    for (const one of messagesOfSession) if (number < messages) exchange(...one);
  }
  return { text: lines.map((line) => JSON.stringify(line)).join('\n'), tags };
}

/** @param interrupted when to interrupt it */
async function replay(args: readonly string[], interrupted?: () => Promise<unknown>) {
  const child = endWithUs(
    spawn(process.execPath, [join(ROOT, 'services/replay/main.ts'), ...args], {
      env: CHILD_ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (said.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said.stderr += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await interrupted?.();
  if (interrupted !== undefined) child.kill('SIGINT');
  const status = await ended;
  return { status, ...said };
}

const folder = mkdtempSync(join(tmpdir(), 'replay-'));
test.after.always(() => rmSync(folder, { recursive: true }));
function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

test('a recording of 1000 messages names exactly the answers that a changed handler gives otherwise', async (t) => {
  t.timeout(180_000);
  await using server = await startRedis();
  const redis = ['--redis', `redis://${server.addr}`];
  const { text, tags } = recordingOf(MESSAGES);
  const file = fileOf('frames.jsonl', text);
  const changed = [...tags].filter(([, tag]) => tag.endsWith('7')).map(([id]) => id);
  t.true(changed.length > 5 && changed.length < tags.size / 2);

  const both = await replay([file, ...redis, '--processor', OLD, '--processor', CHANGED]);
  t.is(both.status, 1, both.stderr);
  const named = [...both.stdout.matchAll(/^\S+Z CP-\d (\w+) (m\d+)\n(.*)\n(.*)\n(.*)$/gm)];
  t.deepEqual(
    named.map(([, action, id]) => [action, id]),
    changed.map((id) => ['Authorize', id]),
    both.stdout.slice(0, 2000),
  );
  for (const [, , , recorded, old, other] of named) {
    t.regex(recorded ?? '', /^ {2}recorded +\[3,\{"idTagInfo":\{"status":"Accepted"\}\}\]$/);
    t.regex(old ?? '', /^ {2}processor 1 +\[3,\{"idTagInfo":\{"status":"Accepted"\}\}\]$/);
    t.regex(other ?? '', /^ {2}processor 2 +\[3,\{"idTagInfo":\{"status":"Blocked"\}\}\]$/);
  }
  t.is(both.stdout.trim().split('\n').length, 4 * changed.length, 'and nothing else');
  t.regex(both.stderr, new RegExp(`${MESSAGES} messages were replayed, ${changed.length} answers differ\n$`));

  const client = new Redis(server.port, server.host);
  t.teardown(() => client.disconnect());
  t.is(await client.dbsize(), 0, 'it is empty again');
  await client.set('something', '1');
  const refused = await replay([file, ...redis, '--processor', OLD]);
  t.is(refused.status, 2);
  t.regex(refused.stderr, /has 1 keys: a replay needs an empty one/);
  t.is(await client.get('something'), '1');
});

test('the same processor gives the recorded answers, and a processor that does not start is an error', async (t) => {
  t.timeout(120_000);
  await using server = await startRedis();
  const redis = ['--redis', `redis://${server.addr}`];
  const { text } = recordingOf(40);
  const cut = {
    at,
    station: 'CP-1',
    connection: 5,
    protocol: 'ocpp1.6',
    type: 'call',
    direction: 'in',
    messageId: 'x',
    text: '[2,',
    truncated: true,
  };
  const same = await replay([
    fileOf('same.jsonl', `${text}\n${JSON.stringify(cut)}\n`),
    ...redis,
    '--processor',
    OLD,
  ]);
  t.is(same.status, 0, same.stdout + same.stderr);
  t.regex(same.stderr, /^40 messages were replayed, 0 answers differ; 1 could not be replayed/m);
  const other = await replay([
    fileOf(
      'other.jsonl',
      text.replace('"interval":300', '"interval":600').replace(/("interval\\?":)300/, '$1600'),
    ),
    ...redis,
    '--processor',
    OLD,
  ]);
  t.regex(
    other.stdout,
    /CP-1 BootNotification m0\n {2}recorded .*"interval":600.*\n {2}replayed .*"interval":300/,
  );
  const failed = await replay([fileOf('few.jsonl', recordingOf(3).text), ...redis, '--processor', 'false']);
  t.is(failed.status, 2);
  t.regex(failed.stderr, /"false" ended with 1 before it was ready/);
});

test('one that is interrupted ends its processor, and leaves Redis empty', async (t) => {
  t.timeout(120_000);
  await using server = await startRedis();
  const client = new Redis(server.port, server.host);
  t.teardown(() => client.disconnect());
  const pid = join(folder, 'pid');
  const args = [
    fileOf('long.jsonl', recordingOf(5000).text),
    '--redis',
    `redis://${server.addr}`,
    '--processor',
    `sh -c 'echo $$ > "${pid}"; exec ${OLD}'`,
  ];
  const { status, stderr } = await replay(args, () =>
    until(async () => (await client.dbsize()) > 20, 'its work', 60_000),
  );
  t.is(status, 2, stderr);
  t.regex(stderr, /replay: it was interrupted/);
  t.is(await client.dbsize(), 0);
  t.throws(() => process.kill(Number(readFileSync(pid, 'utf8')), 0), { code: 'ESRCH' });
});

test('mistakes on the command line and in the file are named', async (t) => {
  t.is((await replay([])).status, 2);
  t.regex((await replay(['--help'])).stdout, /^usage: replay FILE/);
  t.throws(() => readRecording('{"station":1}\nx'), { message: /line 1 is no frame/ });
  const line = { at: 1e300, station: 'A', type: 'call' };
  t.throws(
    () => readRecording(JSON.stringify(line)),
    { message: /line 1 is no frame/ },
    'a time that is none',
  );
  const empty = await replay([
    fileOf('empty.jsonl', ''),
    '--redis',
    'redis://127.0.0.1:1',
    '--processor',
    'x',
  ]);
  t.is(empty.status, 2, 'nothing is not the same answers');
  t.regex(empty.stderr, /empty\.jsonl has no message that can be replayed/);
  t.throws(() => readRecording('\nx'), { message: /line 2 is not JSON/ });
});

test('times, ids and the order of fields are no difference; everything else is', (t) => {
  const one = normalised('[3,"1",{"a":1,"status":"Accepted","currentTime":"2026-01-01T00:00:00Z"}]');
  t.is(one, normalised('[3,"2",{"currentTime":"2027-01-01T00:00:00.5Z","status":"Accepted","a":1}]'));
  t.not(one, normalised('[3,"1",{"a":1,"status":"Rejected","currentTime":"2026-01-01T00:00:00Z"}]'));
  t.not(normalised('[4,"1","NotSupported","",{}]'), normalised('[4,"1","InternalError","",{}]'));
  t.is(normalised(undefined), undefined);
  const ids = new TransactionIds();
  const { steps } = readRecording(recordingOf(8).text);
  const start = steps.find(({ frame }) => frame.action === 'StartTransaction');
  const stop = steps.find(({ frame }) => frame.action === 'StopTransaction');
  if (start === undefined || stop === undefined) throw new Error('the recording has no transaction');
  ids.learn(start, '[3,"9",{"transactionId":42,"idTagInfo":{"status":"Accepted"}}]');
  t.regex(ids.inReplay(stop), /"transactionId":42,/);
  t.regex(ids.asRecorded(stop.station, '[3,"9",{"transactionId":42}]'), /"transactionId":700000/);
  t.is(ids.asRecorded('CP-2', '{"transactionId":42}'), '{"transactionId":42}');
});
