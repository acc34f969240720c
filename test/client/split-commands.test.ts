/** Commands with more items than their station takes in one message, on Redis and in memory: what the station gets, and the one outcome. */
import { until } from '../support/until.ts';
import {
  type Behaviour,
  everywhere,
  get,
  good,
  ID,
  item,
  type Item,
  KEY,
  names,
  namesIn,
  type Said,
  station,
} from './split-world.ts';

everywhere('a command is split by the limit of its station, which is asked once', async (t, world) => {
  const { got } = await station(world, '3');
  const client = await world.client();
  const outcome = await client.call({ ...get(8), idempotencyKey: KEY });
  t.deepEqual(namesIn(outcome), names(8));
  t.deepEqual(got, ['limit', 3, 3, 2]);
  const other = await world.client();
  t.deepEqual(await other.callState(ID, KEY), outcome, 'in another process');
  t.like(await other.findCall(ID, KEY), { action: 'GetVariables', protocol: 'ocpp2.0.1' });
  t.deepEqual(await other.cancel(ID, KEY), outcome, 'it has ended');
  t.deepEqual(await other.call({ ...get(8), idempotencyKey: KEY }), outcome, 'a repetition sends nothing');
  await t.throwsAsync(other.call({ ...get(7), idempotencyKey: KEY }), { code: 'key-conflict' });
  await t.throwsAsync(other.call({ ...get(1), idempotencyKey: KEY }), { code: 'key-conflict' });
  t.is(got.length, 4);
  t.deepEqual(namesIn(await other.call(get(4))), names(4), 'a known limit counts for short commands');
  t.deepEqual(got.slice(4), [3, 1]);
  const late = { kind: 'set', key: `station:${ID}`, fields: { bootedAt: '2999-01-01T00:00:00Z' } } as const;
  await world.state.amend({ writes: [late], events: [] });
  await client.call(get(5));
  t.deepEqual(got.slice(6), ['limit', 3, 2], 'a boot may change the limit');
});

everywhere('the end of a command in parts is announced once, under its own key', async (t, world) => {
  const { got } = await station(world, '2');
  const client = await world.client();
  const command = { ...get(6), idempotencyKey: KEY, announce: true };
  const outcome = await client.call(command);
  t.deepEqual(await client.call(command), outcome);
  t.deepEqual(got, ['limit', 2, 2, 2]);
  const { items } = await client.events({ type: 'command-ended' }).page();
  t.deepEqual(
    items.map(({ station: of, fields }) => [of, fields]),
    [[ID, { command: KEY, action: 'GetVariables' }]],
  );
});

everywhere('without a limit, or within it, a command is sent as it is', async (t, world) => {
  const { got } = await station(world, undefined);
  const client = await world.client();
  for (const count of [4, 6, 7]) await client.call({ ...get(count), idempotencyKey: `${count}` });
  t.deepEqual(got, [4, 'limit', 6, 7]);
  t.like(await client.callState(ID, '7'), { kind: 'answered' });
  const report = { requestId: 1, componentVariable: names(9).map(item) };
  await client.call({ stationId: ID, action: 'GetReport', payload: report });
  t.is(got.length, 5, 'a report has one request id');
});

everywhere('each kind of command with a result for each item is split', async (t, world) => {
  const { got } = await station(world, '50');
  const client = await world.client();
  const set = names(51).map((name) => Object.assign(item(name), { attributeValue: '1' }));
  const setVariables = { action: 'SetVariables', payload: { setVariableData: set } };
  const clear = { action: 'ClearVariableMonitoring', payload: { id: names(101).map((_, index) => index) } };
  for (const one of [setVariables, clear])
    t.like(await client.call({ ...one, stationId: ID }), { kind: 'answered' });
  t.deepEqual(got, ['limit', 50, 1, 'limit', 50, 50, 1]);
});

everywhere(
  'monitors are set in parts, and each result keeps the id that the station gave',
  async (t, world) => {
    const { got } = await station(world, '2');
    const client = await world.client();
    const monitor = { value: 1, type: 'UpperThreshold', severity: 5 };
    const setMonitoringData = names(5).map((name) => Object.assign(item(name), monitor));
    const set = { stationId: ID, action: 'SetVariableMonitoring', payload: { setMonitoringData } };
    const outcome = await client.call({ ...set, idempotencyKey: KEY });
    if (outcome.kind !== 'answered' || outcome.answer.kind === 'error')
      throw new Error(JSON.stringify(outcome));
    const { setMonitoringResult } = outcome.answer.payload as {
      readonly setMonitoringResult: readonly (Item & { readonly id: number })[];
    };
    t.deepEqual(
      setMonitoringResult.map(({ variable, id }) => `${variable.name} ${id}`),
      ['V0 100', 'V1 101', 'V2 200', 'V3 201', 'V4 300'],
    );
    t.deepEqual(got, ['limit', 2, 2, 1]);
    t.deepEqual(await (await world.client()).callState(ID, KEY), outcome);
  },
);

const error: Said = [4, 'InternalError', '', {}];
const at =
  (failing: number, said: Said | undefined): Behaviour =>
  async (action, payload, nth) =>
    nth === failing ? said : good(action, payload, nth);

/** What happens, the part in which it does, the outcome. */
const FAILURES: readonly (readonly [string, Behaviour, number, object])[] = [
  [
    'a CALLERROR of the first part',
    at(1, error),
    1,
    { kind: 'answered', answer: { kind: 'error', code: 'InternalError' } },
  ],
  ['a CALLERROR of a later part', at(2, error), 2, { kind: 'uncertain', reason: 'incomplete' }],
  ['no answer to a later part', at(2, undefined), 2, { kind: 'uncertain', reason: 'timeout' }],
  ['an answer outside of its schema', at(2, [3, { own: 1 }]), 2, { kind: 'uncertain', reason: 'malformed' }],
];

for (const [what, behave, sent, means] of FAILURES)
  everywhere(`after ${what} nothing more is sent`, async (t, world) => {
    const { got } = await station(world, '2', behave);
    const client = await world.client();
    const command = { ...get(6), idempotencyKey: KEY, timeoutMs: 1000 };
    const outcome = await client.call(command);
    t.like(outcome, means);
    if (outcome.kind === 'uncertain')
      t.regex(outcome.detail ?? '', /^part 2 of 3 .*answered before it: 1; parts not sent after it: 1$/);
    const other = await world.client();
    t.deepEqual(await other.callState(ID, KEY), outcome);
    t.deepEqual(await other.call(command), outcome);
    t.is(got.length, 1 + sent);
  });

everywhere('a station that leaves between two parts makes the whole uncertain', async (t, world) => {
  const { link } = await station(world, '2', async (action, payload, nth) => {
    if (nth < 2) return good(action, payload, nth);
    await link.stop();
    return undefined;
  });
  const client = await world.client();
  t.like(await client.call({ ...get(6), idempotencyKey: KEY }), {
    kind: 'uncertain',
    reason: 'disconnected',
  });
  t.deepEqual(await client.call({ ...get(6), ttlMs: 300 }), { kind: 'not-sent', reason: 'expired' });
});

everywhere(
  'the caller of a half-sent command may die: a repetition sends the other parts',
  async (t, world) => {
    const held = Promise.withResolvers<void>();
    const { got } = await station(world, '2', async (action, payload, nth) => {
      if (nth === 1) await held.promise;
      return good(action, payload, nth);
    });
    const [first, second] = [await world.client(), await world.client()];
    const command = { ...get(5), idempotencyKey: KEY };
    const waiting = first.call(command).catch((reason: unknown) => reason);
    await until(() => got.length === 2, 'the first part at its station');
    t.deepEqual(await second.callState(ID, KEY), { kind: 'sent' });
    t.deepEqual(await second.cancel(ID, KEY), { kind: 'sent' }, 'it was sent');
    await first.close();
    const repeated = second.call(command);
    held.resolve();
    t.deepEqual(namesIn(await repeated), names(5));
    t.deepEqual(got, ['limit', 2, 2, 1]);
    await waiting;
  },
);

everywhere('a command that cannot be split is refused, and nothing is sent', async (t, world) => {
  const { got } = await station(world, '1');
  const client = await world.client();
  await t.throwsAsync(client.call(get(101)), {
    code: 'bad-call',
    message: /need 101 messages of 1, and at most 100/,
  });
  const password = { component: { name: 'SecurityCtrlr' }, variable: { name: 'BasicAuthPassword' } };
  const setVariableData = [
    { ...password, attributeValue: 'p'.repeat(20) },
    ...names(5).map((name) => Object.assign(item(name), { attributeValue: '1' })),
  ];
  const set = { stationId: ID, action: 'SetVariables', payload: { setVariableData } };
  await t.throwsAsync(client.call(set), { code: 'bad-call', message: /send the password alone/ });
  t.deepEqual(got, ['limit', 'limit']);
});
