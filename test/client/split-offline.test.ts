/** Commands with many items to a station that is offline, on Redis and in memory. */
import { until } from '../support/until.ts';
import { everywhere, get, ID, KEY, names, namesIn, station } from './split-world.ts';

/** Calls that waited leave after the first message of a connection. */
const HEARTBEAT = '[2,"beat","Heartbeat",{}]';

everywhere('a command that waits for its station is cancelled as a whole', async (t, world) => {
  const { got, link } = await station(world, '2');
  const client = await world.client();
  await client.call(get(5));
  await link.stop();
  const sent = got.length;
  const waiting = client.call({ ...get(6), idempotencyKey: KEY, queueable: true });
  await until(async () => (await client.callState(ID, KEY))?.kind === 'queued', 'the queued command');
  const cancelled = { kind: 'not-sent', reason: 'cancelled' } as const;
  await until(async () => {
    const state = await client.cancel(ID, KEY);
    return state?.kind === 'not-sent';
  }, 'the cancelled command');
  t.deepEqual(await waiting, cancelled);
  t.deepEqual(await client.callState(ID, KEY), cancelled);
  t.is(got.length, sent);
});

everywhere(
  'an offline station that booted since it was asked gets parts by its last answer',
  async (t, world) => {
    const { link } = await station(world, '3');
    const client = await world.client();
    await client.call(get(5));
    await link.stop();
    const late = { kind: 'set', key: `station:${ID}`, fields: { bootedAt: '2999-01-01T00:00:00Z' } } as const;
    await world.state.amend({ writes: [late], events: [] });
    const waiting = client.call({ ...get(5), ttlMs: 20_000, idempotencyKey: KEY });
    await until(async () => (await client.callState(ID, KEY))?.kind === 'queued', 'the queued command');
    const { got, link: next } = await station(world, '3');
    await next.write(HEARTBEAT);
    t.deepEqual(namesIn(await waiting), names(5));
    t.deepEqual(got, [3, 2]);
  },
);

everywhere('an offline station that was never asked gets the command as it is', async (t, world) => {
  const { link } = await station(world, '3');
  const client = await world.client();
  await link.stop();
  const waiting = client.call({ ...get(5), ttlMs: 20_000, idempotencyKey: KEY });
  await until(async () => (await client.callState(ID, KEY))?.kind === 'queued', 'the queued command');
  const { got, link: next } = await station(world, '3');
  await next.write(HEARTBEAT);
  t.like(await waiting, { kind: 'answered' });
  t.deepEqual(got, [5]);
});
