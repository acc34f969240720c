/** A decider that fails: what stations get, who waits, and what is known after a restart. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { ENV } from '../../../services/contract.ts';
import { day16, day2 } from '../session.ts';
import { BOOT_16, decisionWorld, DIALECTS, type World } from './world.ts';
import { until } from '../../support/until.ts';

/** Four stations ask at once, so that no test is longer than it needs to be. */
const askAll = async (world: World, stationId: string) => {
  const station = await world.station(stationId);
  const token = (answer: Record<string, unknown>) => (answer['idTagInfo'] as { status: string }).status;
  const [, start] = DIALECTS[0]?.start ?? ['', () => ({})];
  return {
    Authorize: token(await station.ask('Authorize', { idTag: 'ABC' })),
    StartTransaction: token(await station.ask('StartTransaction', start('ABC'))),
    BootNotification: (await station.ask('BootNotification', BOOT_16))['status'],
    DataTransfer: (await station.ask('DataTransfer', { vendorId: 'acme' }))['status'],
  };
};
const NO = {
  Authorize: 'Invalid',
  StartTransaction: 'Invalid',
  BootNotification: 'Rejected',
  DataTransfer: 'Rejected',
};
const YES = {
  Authorize: 'Accepted',
  StartTransaction: 'Accepted',
  BootNotification: 'Accepted',
  DataTransfer: 'Accepted',
};
const OWN = { ...NO, BootNotification: 'Accepted', DataTransfer: 'UnknownVendorId' };
const with_ = (fallback: string) =>
  Object.keys(NO)
    .map((action) => `${action}=${fallback}`)
    .join(',');

test('while the decider is dead, each action gets its fallback, at once when it has failed five times', async (t) => {
  await using world = await decisionWorld(with_('Own'), () => undefined);
  await world.webhook[Symbol.asyncDispose]();
  t.deepEqual(await askAll(world, 'CP-own'), OWN);
  await world.restart({ [ENV.decisionActions]: with_('Reject') });
  t.deepEqual(await askAll(world, 'CP-reject'), NO);
  await world.restart({ [ENV.decisionActions]: with_('Accept') });
  t.deepEqual(await askAll(world, 'CP-accept'), YES);
  t.is(world.providers.webhooks.get('decisions')?.state, 'closed');
  t.deepEqual(await askAll(world, 'CP-accept-2'), YES);
  t.is(world.providers.webhooks.get('decisions')?.state, 'open');
  t.is(world.results.filter((one) => one.endsWith('fallback-unreachable')).length, 13);
  t.is(world.results.at(-1), 'DataTransfer fallback-open');
});

for (const { protocol, authorize, start, boot, info } of DIALECTS) {
  test(`${protocol}: the last known answers outlive a restart, and are of the token at every station`, async (t) => {
    const actions = 'Authorize=LastKnown,StartTransaction=LastKnown,BootNotification=LastKnown';
    const status: Record<string, string> = { GOOD: 'Accepted', BAD: 'Blocked', FAR: 'NotAtThisLocation' };
    await using world = await decisionWorld(actions, ({ body }) => {
      const text = JSON.stringify(body['request']);
      const token = Object.keys(status).find((one) => text.includes(one));
      const answer = token === undefined ? { status: 'Pending' } : { status: status[token], parent: 'P' };
      return { body: { ...answer, cacheSeconds: 0 } };
    });
    const first = await world.station('CP-1', protocol);
    for (const token of ['GOOD', 'BAD', 'FAR']) await first.ask('Authorize', authorize(token));
    t.like(await first.ask('BootNotification', boot), { status: 'Pending' });
    const known = await world.redis.hgetall('ocpp:last-decisions');
    t.is(Object.keys(known).length, 3, 'an answer for a place is not kept');
    t.is(await world.redis.zcard('ocpp:last-decision-times'), 3);
    t.notRegex(JSON.stringify(known), /GOOD|BAD|CP-1/);

    await world.webhook[Symbol.asyncDispose]();
    await world.restart();
    const [again, other] = [await world.station('CP-1', protocol), await world.station('CP-2', protocol)];
    t.like(info(await other.ask('Authorize', authorize('good'))), { status: 'Accepted' });
    t.like(info(await other.ask('Authorize', authorize('BAD'))), { status: 'Blocked' });
    t.like(info(await other.ask(start[0], start[1]('GOOD'))), { status: 'Accepted' }, 'a start shares them');
    const unknown = info(await other.ask('Authorize', authorize('FAR')));
    t.like(unknown, { status: protocol === 'ocpp1.6' ? 'Invalid' : 'Unknown' }, 'none: the lists count');
    t.like(await again.ask('BootNotification', boot), { status: 'Pending' });
    t.like(await other.ask('BootNotification', boot), { status: 'Accepted' });
  });
}

test('last known answers: the proposed one ends them, an expired one is Expired, old and too many ones are removed', async (t) => {
  await using world = await decisionWorld('Authorize=LastKnown', () => ({
    body: { status: 'Accepted', expiry: new Date(Date.now() + 400).toISOString() },
  }));
  const station = await world.station('CP-1');
  const ask = async (idTag: string) => (await station.ask('Authorize', { idTag }))['idTagInfo'];
  t.like(await ask('SHORT'), { status: 'Accepted' });
  t.like(await ask('GONE'), { status: 'Accepted' });
  const [old] = await world.redis.zrange('ocpp:last-decision-times', '0', '0');
  await world.redis.zadd('ocpp:last-decision-times', Date.now() - 8 * 86_400_000, 'token:ancient');
  await world.redis.hset('ocpp:last-decisions', 'token:ancient', '{}');
  world.webhook.answer = () => ({ body: {} });
  t.like(await ask('GONE'), { status: 'Invalid' });
  t.deepEqual(
    await world.redis.hkeys('ocpp:last-decisions'),
    [old],
    'of GONE and the ancient one none is left',
  );
  t.is(await world.redis.zcard('ocpp:last-decision-times'), 1);
  await world.webhook[Symbol.asyncDispose]();
  await wait(450);
  t.like(await ask('SHORT'), { status: 'Expired' });
  t.deepEqual(await ask('GONE'), { status: 'Invalid' });
});

test('a slow decider delays its own station by the time box at most, and no other one', async (t) => {
  await using world = await decisionWorld('Authorize=Accept', () => undefined);
  const [slow, other] = [await world.station('CP-slow'), await world.station('CP-other')];
  await slow.ask('Heartbeat', {});
  const began = performance.now();
  let answered = false;
  const waiting = slow.ask('Authorize', { idTag: 'ABC' }).finally(() => (answered = true));
  await until(() => world.webhook.requests.length === 1, 'the question');
  for (let n = 0; n < 5; n++) await other.ask('Heartbeat', {});
  t.false(answered, 'others are served meanwhile');
  t.deepEqual(await waiting, { idTagInfo: { status: 'Accepted' } });
  const took = performance.now() - began;
  t.true(took > 1900 && took < 6000, `${took} ms`);
  t.is(world.results.at(-1), 'Authorize fallback-timeout');
});

test('a start is no dead letter: a decision takes half of the time of its handler at most', async (t) => {
  await using world = await decisionWorld('StartTransaction=Accept', () => undefined, {
    [ENV.decisionTimeout]: '10s',
    [ENV.handlerTimeout]: '2s',
  });
  const station = await world.station('CP-1');
  const [action, start] = DIALECTS[0]?.start ?? ['', () => ({})];
  t.like(await station.ask(action, start('ABC')), { idTagInfo: { status: 'Accepted' } });
  t.is(await world.redis.xlen('ocpp:dead-letters'), 0);
  t.is(await world.redis.zcard('ocpp:open:CP-1'), 1);
});

test('only half of the messages that a processor handles may wait for the decider; further ones get the fallback at once', async (t) => {
  await using world = await decisionWorld('Authorize=Accept', () => undefined, {
    [ENV.decisionTimeout]: '10s',
    [ENV.concurrency]: '8',
  });
  const stations = await Promise.all(Array.from({ length: 6 }, (_, n) => world.station(`CP-${n}`)));
  const answers = stations.map((station) => station.ask('Authorize', { idTag: 'ABC' }));
  answers.forEach((one) => void one.catch(() => undefined));
  const began = performance.now();
  await until(() => world.results.length === 2, 'two fallbacks');
  t.deepEqual(world.results, ['Authorize fallback-busy', 'Authorize fallback-busy']);
  await until(() => world.webhook.requests.length === 4, 'four questions');
  await Promise.all([Promise.race(answers), (await world.station('CP-9')).ask('Heartbeat', {})]);
  t.true(performance.now() - began < 8000);
  t.is(world.providers.webhooks.get('decisions')?.state, 'closed', 'busy is no failure of the decider');
  world.webhook.hangUp();
  t.is((await Promise.all(answers)).length, 6);
});

test('whole days are billed alike, whatever the decider answers or fails at', async (t) => {
  const words: unknown[] = [];
  const bills = async (answer: World['webhook']['answer']) => {
    const all = 'Authorize=Own,StartTransaction=Own,BootNotification=Own,DataTransfer=Own';
    await using world = await decisionWorld(all, answer);
    await day16(world.gateway, 'CP-16');
    await day2(world.gateway, 'CP-2', 'ocpp2.0.1');
    const entries = await world.redis.xrange('ocpp:transactions', '-', '+');
    return entries.map(([, texts]) => {
      const named = Object.fromEntries(
        Array.from({ length: texts.length / 2 }, (_, i) => [texts[2 * i] ?? '', texts[2 * i + 1]]),
      );
      // Ids are made of the time; the word says what the station got.
      const { transactionId: _id, billId: _bill, authorization, ...bill } = named;
      words.push(authorization);
      return bill;
    });
  };
  const [accepted, blocked, failed] = await Promise.all([
    bills(() => ({ body: { status: 'Accepted' } })),
    bills(({ body }) => ({ body: body['action'] === 'DataTransfer' ? {} : { status: 'Blocked' } })),
    bills(() => ({ status: 500 })),
  ]);
  t.is(accepted.length, 2);
  t.deepEqual(blocked, accepted);
  t.deepEqual(failed, accepted);
  t.is(new Set(words).size, 4, 'Accepted, Blocked, Invalid in 1.6, Unknown in 2.x');
});

test('the fallback Accept takes tokens that are not listed, and none that is listed as blocked', async (t) => {
  await using world = await decisionWorld('Authorize=Accept', () => undefined);
  await world.webhook[Symbol.asyncDispose]();
  await world.redis.hset('ocpp:tokens', 'STOLEN', '{"status":"Blocked"}');
  const station = await world.station('CP-1');
  t.deepEqual(await station.ask('Authorize', { idTag: 'NEW' }), { idTagInfo: { status: 'Accepted' } });
  t.deepEqual(await station.ask('Authorize', { idTag: 'STOLEN' }), { idTagInfo: { status: 'Blocked' } });
});
