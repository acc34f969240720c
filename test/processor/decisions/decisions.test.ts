/** The decider: each action in each version, the shape of questions and answers, signatures, the cache. */
import { writeFile } from 'node:fs/promises';
import test from 'ava';
import type { WebhookReply } from '../../support/webhook-server.ts';
import { AnswerCache } from '../../../services/csms/decisions/answer-cache.ts';
import { until } from '../../support/until.ts';
import { decisionWorld, DIALECTS, expectedSignature, SECRET } from './world.ts';

const ALL = 'Authorize=Own,StartTransaction=Own,BootNotification=Own,DataTransfer=Own';

for (const { protocol, authorize, start, boot, info } of DIALECTS) {
  test(`${protocol}: the decider decides tokens, boots and DataTransfer, and its questions say what the lists say`, async (t) => {
    const replies: Record<string, object> = {
      Authorize: {
        status: 'Accepted',
        parent: 'FLEET-7',
        expiry: '2099-01-01T01:00:00+01:00',
        personalMessage: 'Hello',
      },
      StartTransaction: { status: 'NoCredit', maxEnergyWh: 5000 },
      BootNotification: { status: 'Accepted', intervalSeconds: 77 },
      DataTransfer: { status: 'Accepted', data: 'pong' },
    };
    await using world = await decisionWorld(ALL, ({ body }) => ({
      body: replies[String(body['action'])] ?? {},
    }));
    const station = await world.station('CP-1', protocol);
    t.like(await station.ask('BootNotification', boot), { status: 'Accepted', interval: 77 });
    const is16 = protocol === 'ocpp1.6';
    const more = is16
      ? { parentIdTag: 'FLEET-7', expiryDate: '2099-01-01T00:00:00.000Z' }
      : {
          groupIdToken: { idToken: 'FLEET-7', type: 'Central' },
          cacheExpiryDateTime: '2099-01-01T00:00:00.000Z',
          personalMessage: { format: 'UTF8', content: 'Hello' },
        };
    t.deepEqual(info(await station.ask('Authorize', authorize('ABC'))), { status: 'Accepted', ...more });
    const answered = await station.ask(start[0], start[1]('ABC'));
    t.deepEqual(info(answered), { status: is16 ? 'Blocked' : 'NoCredit' });
    const transfer = { vendorId: 'acme', messageId: 'ping', data: 'x' };
    t.deepEqual(await station.ask('DataTransfer', transfer), { status: 'Accepted', data: 'pong' });

    const [record = '', ...others] = await world.redis.zrange('ocpp:open:CP-1', '0', '-1');
    t.true(record !== '' && others.length === 0, 'the transaction is stored all the same');
    t.is(await world.redis.hget(`ocpp:${record}`, 'authorization'), is16 ? 'Blocked' : 'NoCredit');
    t.is(await world.redis.hget('ocpp:station:CP-1', 'boot'), 'Accepted');

    const asked = world.webhook.requests.map(({ body }) => body);
    t.deepEqual(
      asked.map(({ action, proposed }) => [action, proposed]),
      [
        ['BootNotification', { status: 'Accepted' }],
        ['Authorize', { status: 'Unknown' }],
        ['StartTransaction', { status: 'Unknown' }],
        ['DataTransfer', { status: 'UnknownVendorId' }],
      ],
    );
    for (const body of asked) {
      t.deepEqual(Object.keys(body), [
        'id',
        'action',
        'stationId',
        'protocol',
        'time',
        'request',
        'proposed',
      ]);
      t.like(body, { stationId: 'CP-1', protocol });
      t.true(Math.abs(Date.parse(String(body['time'])) - Date.now()) < 60_000);
    }
    t.deepEqual(asked[1]?.['request'], authorize('ABC'));
    t.deepEqual(
      world.results,
      asked.map(({ action }) => `${String(action)} answered`),
    );
  });

  test(`${protocol}: an empty answer takes the proposed one, and a repeated start is the same question`, async (t) => {
    await using world = await decisionWorld(ALL, () => ({ status: 204, body: '' }));
    await world.redis.hset('ocpp:tokens', 'ABC', '{"status":"Accepted","parent":"P"}');
    const station = await world.station('CP-1', protocol);
    const own = info(await station.ask('Authorize', authorize('abc')));
    t.like(own, { status: 'Accepted' });
    world.webhook.answer = () => ({ body: {} });
    t.deepEqual(info(await station.ask('Authorize', authorize('abc'))), own);
    const first = await station.ask(start[0], start[1]('abc'));
    t.like(info(first), { status: 'Accepted' });
    world.webhook.answer = () => ({ body: { status: 'Blocked' } });
    t.deepEqual(await station.ask(start[0], start[1]('abc')), first, 'the first answer stays');
    const [a, b, c, d] = world.webhook.requests.map(({ body }) => String(body['id']));
    t.is(c, d);
    t.is(new Set([a, b, c]).size, 3);
    t.is(await world.redis.zcard('ocpp:open:CP-1'), 1);
  });
}

test('requests are signed as Standard Webhooks says, with each secret of the file, as it is now', async (t) => {
  await using world = await decisionWorld('Authorize=Own', () => ({ body: {} }));
  const station = await world.station('CP-1');
  await station.ask('Authorize', { idTag: 'ABC' });
  const [request] = world.webhook.requests;
  t.truthy(request);
  if (request === undefined) return;
  t.is(request.headers['webhook-signature'], expectedSignature(request));
  t.is(request.headers['webhook-id'], request.body['id'] as string);
  t.regex(String(request.body['id']), /^dec_[\w-]{43}$/);
  const age = Date.now() / 1000 - Number(request.headers['webhook-timestamp']);
  t.true(age >= 0 && age < 60);

  await writeFile(world.secretFile, `whsec_${Buffer.alloc(32, 6).toString('base64')}\n${SECRET}\n`);
  const both = await until(async () => {
    await station.ask('Authorize', { idTag: 'ABC' });
    const last = world.webhook.requests.at(-1);
    const signatures = String(last?.headers['webhook-signature']).split(' ');
    return last !== undefined && signatures.length === 2 && { last, signatures };
  }, 'two signatures');
  t.is(both.signatures[1], expectedSignature(both.last));

  await writeFile(world.secretFile, 'no-secret');
  await until(async () => {
    await station.ask('Authorize', { idTag: 'ABC' });
    return world.results.at(-1) === 'Authorize fallback-unreachable';
  }, 'a refused secret');
  const said = JSON.stringify(world.log.lines);
  t.regex(said, /its secret file is wrong: a signing secret is whsec_ and the Base64 of 24 to 64 bytes/);
  t.false(said.includes('no-secret') || said.includes(SECRET));
});

const WRONG: readonly (readonly [what: string, reply: WebhookReply, says: RegExp])[] = [
  ['an unknown status', { body: { status: 'Maybe' } }, /\/status must be one of Accepted, Blocked/],
  ['no status', { body: { parent: 'P' } }, /\/status is missing/],
  [
    'a misspelt field',
    { body: { status: 'Accepted', expirey: '2020-01-01T00:00:00Z' } },
    /\/expirey is unknown/,
  ],
  ['an expiry that is no time', { body: { status: 'Accepted', expiry: 'soon' } }, /\/expiry must be a time/],
  [
    'an expiry without a zone',
    { body: { status: 'Accepted', expiry: '2099-01-01T00:00:00' } },
    /\/expiry must/,
  ],
  [
    'an expiry in the year 10 000',
    { body: { status: 'Accepted', expiry: '9999-12-31T23:59:59-12:00' } },
    /\/expiry must be a time/,
  ],
  [
    'an endless limit',
    { body: '{"status":"Accepted","maxEnergyWh":1e999}' },
    /\/maxEnergyWh must be a number/,
  ],
  [
    'a cache of a week',
    { body: { status: 'Accepted', cacheSeconds: 604_800 } },
    /\/cacheSeconds must be a whole/,
  ],
  ['a parent that is a number', { body: { status: 'Accepted', parent: 7 } }, /\/parent must be a text/],
  ['a list', { body: [] }, /no JSON object/],
  ['a text that is no JSON', { body: '<p>' }, /no JSON/],
  ['a 404', { status: 404, body: { status: 'Accepted' } }, /answered 404/],
  ['a redirect', { status: 307, location: 'http://127.0.0.1:1/' }, /redirects are not followed/],
];

test('an answer outside the shape is not used: the log says where it is wrong, and not what it holds', async (t) => {
  await using world = await decisionWorld('Authorize=Reject', () => undefined);
  for (const [what, reply, says] of WRONG) {
    // One line for each kind of failure and 10 s, so each answer has its own processor.
    await world.restart();
    world.webhook.answer = () => reply;
    const station = await world.station(`CP-${what.replaceAll(' ', '-')}`);
    t.deepEqual(await station.ask('Authorize', { idTag: 'ABC' }), { idTagInfo: { status: 'Invalid' } }, what);
    t.is(world.results.at(-1), 'Authorize fallback-bad-answer', what);
    const { fields, message } = world.log.lines.at(-1) ?? { fields: {}, message: '' };
    t.regex(JSON.stringify(fields), says, what);
    t.like(fields, { action: 'Authorize', reason: 'bad-answer', fallback: 'Reject' });
    t.is(message, 'no decision of the webhook: the station gets the fallback');
    t.notRegex(JSON.stringify([fields, message]), /ABC|Maybe|soon|2020/, what);
    await station.close();
  }
});

test('the cache forgets an answer after its seconds, when the clock goes back, and the least recently used one when it is full', (t) => {
  let now = 1000;
  const cache = new AnswerCache<string>(2, { now: () => now });
  cache.set('a', 'A', 10);
  cache.set('none', 'N', 0);
  t.deepEqual([cache.get('a'), cache.get('none')], ['A', undefined]);
  now += 10_000;
  t.is(cache.get('a'), undefined);
  cache.set('b', 'B', 10);
  now -= 1;
  t.is(cache.get('b'), undefined);
  for (const one of ['c', 'd']) cache.set(one, one, 10);
  t.is(cache.get('c'), 'c');
  cache.set('e', 'e', 10);
  t.deepEqual([cache.get('c'), cache.get('d'), cache.get('e')], ['c', undefined, 'e']);
});

test('an answer counts for the seconds that it states, for this station and token only', async (t) => {
  await using world = await decisionWorld('Authorize=Own,BootNotification=Own', ({ body }) => ({
    body: { status: body['action'] === 'Authorize' ? 'Blocked' : 'Pending', cacheSeconds: 3600 },
  }));
  const [one, two] = [await world.station('CP-1'), await world.station('CP-2')];
  const authorize = async (station: typeof one, idTag: string) =>
    (await station.ask('Authorize', { idTag }))['idTagInfo'];
  for (let n = 0; n < 3; n++) t.deepEqual(await authorize(one, 'ABC'), { status: 'Blocked' });
  t.is(world.webhook.requests.length, 1);
  await authorize(two, 'ABC');
  await authorize(one, 'OTHER');
  t.is(world.webhook.requests.length, 3, 'another station, another token');
  await authorize(one, 'abc');
  t.is(world.webhook.requests.length, 3, 'tokens are the same in any case');
  const boot = { chargePointVendor: 'Acme', chargePointModel: 'AC-1' };
  for (let n = 0; n < 2; n++) t.like(await two.ask('BootNotification', boot), { status: 'Pending' });
  t.is(world.webhook.requests.length, 4);
  t.true(world.results.includes('BootNotification cached'));
});

test('in 2.x each event with a token is decided; a start button is not asked about; in 1.6 a stop has no word', async (t) => {
  await using world = await decisionWorld('StartTransaction=Own', () => ({ body: { status: 'Accepted' } }));
  const [, v2] = DIALECTS;
  const station = await world.station('CP-2', 'ocpp2.0.1');
  const event = v2?.start[1]('ABC') ?? {};
  const { idToken, ...without } = event as { idToken: object };
  t.deepEqual(await station.ask('TransactionEvent', without), {});
  const updated = { ...without, eventType: 'Updated', seqNo: 1, idToken };
  t.deepEqual(await station.ask('TransactionEvent', updated), { idTokenInfo: { status: 'Accepted' } });
  const button = { ...updated, seqNo: 2, idToken: { idToken: '', type: 'NoAuthorization' } };
  t.deepEqual(await station.ask('TransactionEvent', button), { idTokenInfo: { status: 'Accepted' } });
  t.is(world.webhook.requests.length, 1);

  const old = await world.station('CP-1');
  const start = { connectorId: 1, idTag: 'ABC', meterStart: 1, timestamp: '2026-11-23T09:00:00Z' };
  const { transactionId } = await old.ask('StartTransaction', start);
  const stop = { transactionId, idTag: 'ABC', meterStop: 5, timestamp: '2026-11-23T10:00:00Z' };
  t.deepEqual(await old.ask('StopTransaction', stop), {}, 'the lists do not know the token');
  t.is(world.webhook.requests.length, 2);
});

test('2.1: a decider limits a transaction; it sees the limits of the list, and replaces them', async (t) => {
  await using world = await decisionWorld('StartTransaction=Own', () => ({ body: {} }));
  await world.redis.hset('ocpp:tokens', 'ABC', '{"status":"Accepted","maxEnergyWh":9000}');
  const station = await world.station('CP-1', 'ocpp2.1');
  const start = DIALECTS[2]?.start[1] ?? (() => ({}));
  t.like(await station.ask('TransactionEvent', start('ABC', 1)), { transactionLimit: { maxEnergy: 9000 } });
  t.deepEqual(world.webhook.requests[0]?.body['proposed'], { status: 'Accepted', maxEnergyWh: 9000 });
  world.webhook.answer = () => ({ body: { status: 'Accepted', maxDurationSeconds: 60 } });
  t.deepEqual((await station.ask('TransactionEvent', start('ABC', 2)))['transactionLimit'], { maxTime: 60 });
  world.webhook.answer = () => ({ body: { status: 'Accepted', maxEnergyWh: 0 } });
  await station.ask('TransactionEvent', start('ABC', 3));
  t.is(world.results.at(-1), 'StartTransaction fallback-bad-answer');
});

test('a station that the registrations list is not asked about; one that the decider refuses waits', async (t) => {
  await using world = await decisionWorld('BootNotification=Own', () => ({ body: { status: 'Accepted' } }));
  await world.redis.hset('ocpp:registrations', 'CP-1', 'Pending');
  const boot = { chargePointVendor: 'Acme', chargePointModel: 'AC-1' };
  const listed = await world.station('CP-1');
  t.like(await listed.ask('BootNotification', boot), { status: 'Pending' });
  t.is(world.webhook.requests.length, 0);
  world.webhook.answer = () => ({ body: { status: 'Rejected', intervalSeconds: 900 } });
  const refused = await world.station('CP-2');
  t.like(await refused.ask('BootNotification', boot), { status: 'Rejected', interval: 900 });
});

test('to take the proposed answer for a while is to take the newest one, as the lists may change meanwhile', async (t) => {
  await using world = await decisionWorld('Authorize=Own', () => ({ body: { cacheSeconds: 3600 } }));
  const station = await world.station('CP-1');
  const listed = async (status: string) => {
    await world.redis.hset('ocpp:tokens', 'ABC', JSON.stringify({ status }));
    return (await station.ask('Authorize', { idTag: 'ABC' }))['idTagInfo'];
  };
  t.deepEqual(await listed('Accepted'), { status: 'Accepted' });
  t.deepEqual(await listed('Blocked'), { status: 'Blocked' });
  t.is(world.webhook.requests.length, 1);
});

test('in 2.x all events of a transaction with the same token are one question, which reserves money once', async (t) => {
  await using world = await decisionWorld('StartTransaction=Own', () => ({ body: { status: 'Accepted' } }));
  const station = await world.station('CP-1', 'ocpp2.0.1');
  const event = DIALECTS[1]?.start[1]('ABC') ?? {};
  const timestamp = '2026-11-23T11:00:00Z';
  await station.ask('TransactionEvent', event);
  await station.ask('TransactionEvent', { ...event, eventType: 'Updated', seqNo: 1, timestamp });
  const other = {
    ...event,
    eventType: 'Ended',
    seqNo: 2,
    timestamp,
    idToken: { idToken: 'DEF', type: 'ISO14443' },
  };
  await station.ask('TransactionEvent', other);
  const ids = world.webhook.requests.map(({ body }) => body['id']);
  t.is(ids.length, 3);
  t.is(ids[0], ids[1]);
  t.not(ids[1], ids[2]);
});

test('data of a DataTransfer may not nest deeper than can be stored', async (t) => {
  await using world = await decisionWorld('DataTransfer=Reject', () => ({
    body: `{"status":"Accepted","data":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  }));
  const station = await world.station('CP-1', 'ocpp2.0.1');
  t.deepEqual(await station.ask('DataTransfer', { vendorId: 'Acme' }), { status: 'Rejected' });
  t.is(world.results.at(-1), 'DataTransfer fallback-bad-answer');
});
