/** Commands over HTTP to a real station: what the caller gets for each way in which a command can end. */
import test from 'ava';
import { startStation } from '../client/station.ts';
import { until } from '../support/until.ts';
import { type ApiCluster, startApiCluster } from './cluster.ts';

let cluster: ApiCluster;
test.before(async () => {
  cluster = await startApiCluster();
});
test.after.always(() => cluster[Symbol.asyncDispose]());

const boot = { chargePointVendor: 'Acme', chargePointModel: 'DC-9' };
const commands = (id: string) => `/v1/stations/${encodeURIComponent(id)}/commands`;
const reset = { action: 'Reset', payload: { type: 'Soft' } };
const accepted = { kind: 'result', payload: { status: 'Accepted' } };

/** Answers each Reset when the test lets it. */
async function heldStation(id: string) {
  const answer = Promise.withResolvers<void>();
  const asked: string[] = [];
  const station = await startStation(cluster.proxy.url, id, (type) => {
    asked.push(type);
    return answer.promise;
  });
  await station.sendRequest('BootNotification', boot);
  return { asked, answer: answer.resolve, [Symbol.asyncDispose]: () => station[Symbol.asyncDispose]() };
}

test('a command is answered by its station, once for each key', async (t) => {
  const id = 'CP/ä 1';
  await using station = await heldStation(id);
  station.answer();
  const headers = { 'Idempotency-Key': 'one' };
  const first = await cluster.ask('POST', commands(id), { as: 'command', body: reset, headers });
  t.is(first.status, 200);
  t.deepEqual(first.body, { id: 'one', station: id, action: 'Reset', state: 'answered', answer: accepted });
  const second = await cluster.ask('POST', commands(id), { as: 'command', body: reset, headers });
  t.deepEqual(second.body, first.body);
  t.deepEqual(station.asked, ['Soft'], 'the second request joins the first');

  const other = { ...reset, payload: { type: 'Hard' } };
  const conflict = await cluster.ask('POST', commands(id), { as: 'command', body: other, headers });
  t.is(conflict.status, 409);
  t.is(conflict.body.code, 'key-conflict');

  const stored = await cluster.ask('GET', `${commands(id)}/one`, { as: 'read' });
  t.deepEqual(stored.body, first.body);
  const unknown = await cluster.ask('GET', `${commands(id)}/two`, { as: 'read' });
  t.is(unknown.status, 404);
  t.is(unknown.body.code, 'no-such-command');
});

test('a caller that stops waiting finds the outcome under the URL of the command', async (t) => {
  await using station = await heldStation('SLOW-1');
  const sent = await cluster.ask('POST', commands('SLOW-1'), { body: { ...reset, wait: 0 } });
  t.is(sent.status, 202);
  t.is(sent.body['state'], 'sent');
  const location = sent.headers.get('location') ?? '';
  t.is((await cluster.ask('GET', location)).body['state'], 'sent');
  station.answer();
  await until(async () => (await cluster.ask('GET', location)).body['state'] === 'answered', 'the answer');
  t.deepEqual(station.asked, ['Soft']);
});

test('a command goes on when its caller is gone', async (t) => {
  await using station = await heldStation('SLOW-2');
  const caller = new AbortController();
  const request = cluster.ask('POST', commands('SLOW-2'), {
    body: reset,
    headers: { 'Idempotency-Key': 'gone' },
    signal: caller.signal,
  });
  await until(() => station.asked.length === 1, 'the command at its station');
  caller.abort();
  await t.throwsAsync(request);
  station.answer();
  const ended = async () =>
    (await cluster.ask('GET', `${commands('SLOW-2')}/gone`)).body['state'] === 'answered';
  await until(ended, 'the outcome');
  t.notRegex(cluster.api.log, /unhandled|the program ends/);
});

test('a queued command is cancelled', async (t) => {
  const body = { action: 'ClearCache', payload: {}, queueable: true, protocol: 'ocpp1.6', wait: 0 };
  const headers = { 'Idempotency-Key': 'a key/with ?' };
  const queued = await cluster.ask('POST', commands('LATER'), { body, headers });
  t.is(queued.status, 202);
  t.is(queued.body['state'], 'queued');
  const url = queued.headers.get('location') ?? '';
  const cancelled = await cluster.ask('DELETE', url, { as: 'command' });
  t.like(cancelled.body, { state: 'not-sent', reason: 'cancelled' });
  const again = await cluster.ask('POST', commands('LATER'), { body, headers });
  t.is(again.status, 409);
  t.is(again.body.code, 'command-cancelled');
  t.like(again.body.command, { id: 'a key/with ?', state: 'not-sent', reason: 'cancelled' });
});

test('a command that expires, or whose station does not respond, is 409 with its outcome', async (t) => {
  const body = { action: 'ClearCache', payload: {}, queueable: true, protocol: 'ocpp1.6', timeToLive: 1 };
  const expired = await cluster.ask('POST', commands('NEVER'), { body });
  t.is(expired.status, 409);
  t.is(expired.body.code, 'command-expired');

  await using _station = await heldStation('MUTE');
  const uncertain = await cluster.ask('POST', commands('MUTE'), { body: { ...reset, timeout: 1 } });
  t.is(uncertain.status, 409);
  t.is(uncertain.body.code, 'command-uncertain');
  t.like(uncertain.body.command, { state: 'uncertain', reason: 'timeout', action: 'Reset' });
});

test('a station that is offline is 409, one that never connected is 404', async (t) => {
  const station = await heldStation('LEFT');
  await station[Symbol.asyncDispose]();
  await until(
    async () => (await cluster.ask('GET', '/v1/stations/LEFT')).body['connected'] === false,
    'the end of the session',
  );
  for (const [id, status, code] of [
    ['LEFT', 409, 'station-offline'],
    ['UNKNOWN', 404, 'no-such-station'],
  ] as const) {
    for (const [path, body] of [
      [commands(id), reset],
      [`/v1/stations/${id}/reset`, {}],
    ] as const) {
      const refused = await cluster.ask('POST', path, { body });
      t.is(refused.status, status, path);
      t.is(refused.body.code, code, path);
    }
  }
});

for (const [name, body, reason] of [
  ['an action that no version has', { action: 'Explode', payload: {} }, /no such action/],
  ['a payload that the schema refuses', { action: 'Reset', payload: { type: 'Loud' } }, /\/type/],
  ['a reset that waits for an offline station', { ...reset, queueable: true }, /never waits/],
] as const)
  test(`422: ${name}`, async (t) => {
    await using _station = await heldStation(`RULES-${name.length}`);
    const refused = await cluster.ask('POST', commands(`RULES-${name.length}`), { body });
    t.is(refused.status, 422);
    t.is(refused.body.code, 'bad-call');
    t.regex(refused.body.detail ?? '', reason);
  });

test('short forms become the action of the version of the station', async (t) => {
  await using station = await heldStation('SHORT');
  station.answer();
  const answered = await cluster.ask('POST', '/v1/stations/SHORT/reset', { body: { type: 'hard' } });
  t.is(answered.status, 200);
  t.is(answered.body['action'], 'Reset');
  t.deepEqual(station.asked, ['Hard']);
  const bodyless = await cluster.ask('POST', '/v1/stations/SHORT/reset');
  t.is(bodyless.status, 200);
  t.deepEqual(station.asked, ['Hard', 'Soft'], 'soft by default');
  const refused = await cluster.ask('POST', '/v1/stations/SHORT/reset', { body: { type: 'idle' } });
  t.is(refused.status, 422);
  // The station has no handler: its answer is an error, which is an answer too.
  const unlock = await cluster.ask('POST', '/v1/stations/SHORT/unlock', { body: { connector: 1 } });
  t.is(unlock.status, 200);
  t.like(unlock.body, { action: 'UnlockConnector', answer: { kind: 'error' } });
});

test('a password that is changed through OCPP is in the register, and never in an answer', async (t) => {
  await using _station = await heldStation('SECRET');
  const changed = await cluster.ask('POST', '/v1/register/SECRET/change-password', { body: {} });
  t.is(changed.status, 200, changed.text);
  t.is(changed.body['result'], 'refused', 'the station has no handler for it');
  const set = await cluster.ask('POST', '/v1/register/SECRET/password');
  t.is(set.status, 200, set.text);
  const password = String(set.body['password']);
  t.regex(password, /^\S{16,}$/);
  const entry = await cluster.ask('GET', '/v1/register/SECRET');
  t.like(entry.body, { station: 'SECRET', hasPassword: true });
  t.false(entry.text.includes(password));
  t.false(cluster.api.log.includes(password));
});

test('Redis dies while a command waits: 503 says how to ask again, and nothing is sent twice', async (t) => {
  await using own = await startApiCluster();
  const { redis } = own;
  await using station = await startStation(own.proxy.url, 'CP-1', () => new Promise(() => undefined));
  await station.sendRequest('BootNotification', boot);
  const waiting = own.ask('POST', commands('CP-1'), {
    body: { ...reset, wait: 2 },
    headers: { 'Idempotency-Key': 'dies' },
  });
  await until(
    async () => (await own.ask('GET', `${commands('CP-1')}/dies`)).body['state'] === 'sent',
    'sent',
  );
  await redis.kill();
  const refused = await own.ask('GET', '/v1/stations');
  t.is(refused.status, 503);
  t.is(refused.body.code, 'store-unavailable');
  t.truthy(refused.headers.get('retry-after'));
  const command = await waiting;
  t.is(command.status, 503);
  t.regex(command.body.detail ?? '', /Idempotency-Key dies/);
  const unaudited = await own.ask('POST', commands('CP-1'), { body: reset });
  t.is(unaudited.status, 503);
  t.regex(unaudited.body.detail ?? '', /nothing was done/);
  await redis.restart();
  await until(async () => (await own.ask('GET', '/v1/stations')).status === 200, 'the API after the outage');
});
