/** The record of refused handshakes, on Redis and in memory: what is kept, and what an attacker cannot do to it. */
import test, { type ExecutionContext } from 'ava';
import { connect } from '../../services/client/connect.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import type { KeptRefusal, NotedRefusal } from '../../services/transport/watch/refused-handshakes.ts';
import { until } from '../support/until.ts';
import { cluster, station } from '../transport/redis/processes.ts';

interface World {
  readonly note: (refusals: readonly NotedRefusal[]) => void;
  readonly list: () => Promise<readonly KeptRefusal[]>;
  readonly register: (identity: string) => Promise<unknown>;
  readonly connectOnce: (identity: string) => Promise<void>;
  /** As if all that is kept had been refused so much earlier. */
  readonly age: (ms: number) => Promise<unknown>;
  /** Of Redis. */
  readonly bytes?: () => Promise<number>;
}

const WORLDS: Readonly<Record<string, (t: ExecutionContext) => Promise<World>>> = {
  async Redis(t) {
    const { redis, proxy, look } = await cluster(t);
    const gateway = await proxy();
    const client = await connect({ addr: redis.addr, db: 0, clientTimeoutMs: 2000 });
    t.teardown(() => client.close());
    const rooms = ['ocpp:refused-known', 'ocpp:refused-unknown'];
    return {
      note: (refusals) => gateway.events.noteRefused(refusals),
      list: () => client.refusals(),
      register: (identity) => look.hset('ocpp:stations', identity, '{}'),
      connectOnce: async (identity) => {
        await (await station(gateway, identity)).client.stop();
      },
      age: async (ms) => {
        for (const room of rooms)
          for (const field of await look.zrange(room, '0', '-1')) await look.zincrby(room, -ms, field);
      },
      bytes: async () => {
        const sizes = await Promise.all(
          ['ocpp:refused', ...rooms].map((key) => look.memory('USAGE', key, 'SAMPLES', 0)),
        );
        return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
      },
    };
  },
  async memory() {
    let passed = 0;
    const bus = createMemoryBus({ now: () => Date.now() + passed });
    const proxy = bus.gateway('proxy');
    return {
      note: (refusals) => proxy.events.noteRefused(refusals),
      list: () => bus.directory.refused(),
      register: (identity) =>
        bus.state.amend({
          writes: [{ kind: 'set', key: 'stations', fields: { [identity]: '{}' } }],
          events: [],
        }),
      connectOnce: async (identity) => {
        await (await station(proxy, identity)).client.stop();
      },
      age: async (ms) => void (passed += ms),
    };
  },
};

const refusal = (identity: string, more: Partial<NotedRefusal> = {}): NotedRefusal => ({
  identity,
  code: 'password',
  status: 401,
  reason: 'the password is wrong',
  advice: 'configure it',
  remoteAddress: '192.0.2.1',
  count: 1,
  ...more,
});
const crowd = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => refusal(`${name}${i}`));
const identities = (all: readonly KeptRefusal[]) => all.map(({ identity }) => identity);

for (const [name, open] of Object.entries(WORLDS)) {
  test(`${name}: the last refusal of each identity and reason is kept, the newest first, with its count`, async (t) => {
    const { note, list, register, connectOnce } = await open(t);
    t.deepEqual(await list(), []);
    await register('registered');
    await connectOnce('connected');
    note([refusal('registered'), refusal('connected'), refusal('new one/ü', { code: 'path', count: 3 })]);
    await until(async () => (await list()).length === 3, 'three');
    note([refusal('registered', { remoteAddress: '192.0.2.9', listener: 'secure', count: 4 })]);
    await until(async () => (await list())[0]?.count === 5, 'the count');
    const [first, ...rest] = await list();
    t.like(first, { identity: 'registered', known: true, code: 'password', status: 401, count: 5 });
    t.like(first, { remoteAddress: '192.0.2.9', listener: 'secure', advice: 'configure it' });
    t.true((first?.first ?? '') <= (first?.last ?? ''));
    t.regex(first?.last ?? '', /^\d{4}-\d\d-\d\dT.*Z$/);
    const found = new Map(rest.map((one) => [one.identity, one]));
    t.like(found.get('connected'), { known: true, count: 1 });
    t.like(found.get('new one/ü'), { known: false, code: 'path', count: 3 });

    await register('new one/ü');
    note([refusal('new one/ü', { code: 'path' })]);
    await until(async () => (await list())[0]?.known === true, 'the room of known stations');
    t.like((await list())[0], { identity: 'new one/ü', count: 4 });
    t.is((await list()).length, 3);
  });

  test(`${name}: invented identities fill their own room, push out no station, and none that was refused of late`, async (t) => {
    const { note, list, register, age, bytes } = await open(t);
    await register('mine');
    note([refusal('mine'), refusal('unregistered yet')]);
    await until(async () => (await list()).length === 2, 'two');
    for (let i = 0; i < 30; i++) note(crowd(`flood-${i}-`, 100));
    await until(async () => (await list()).length === 501, 'a full room');
    t.true(identities(await list()).includes('unregistered yet'), 'refused within the minute');
    const size = await bytes?.();
    if (size !== undefined) t.true(size < 400_000, `${size}`);

    // It is refused again within the minute, and so keeps its place.
    await age(50_000);
    note([refusal('unregistered yet')]);
    await until(async () => (await list())[0]?.count === 2, 'the second time');
    await age(20_000);
    note(crowd('later-', 500));
    await until(async () => identities(await list()).includes('later-400'), 'others');
    const after = identities(await list());
    t.is(after.length, 501);
    t.true(after.includes('unregistered yet') && after.includes('mine'));
    t.false(after.includes('flood-0-0'));
  });

  test(`${name}: known stations have 500 places too, and each entry ends after a day`, async (t) => {
    const { note, list, register, age } = await open(t);
    for (const { identity } of crowd('mine-', 520)) await register(identity);
    note(crowd('mine-', 520));
    await until(async () => (await list()).length === 500, 'a full room');
    await age(86_400_001);
    t.deepEqual(await list(), []);
    note([refusal('new')]);
    await until(async () => (await list()).length === 1, 'the new one');
  });
}
