/** The conformance suites over memory and over a real Redis, and what they say of incomplete transports. WebSocket: test/ws-proxy. */
import test from 'ava';
import { TransportError } from '../../services/transport/errors.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import {
  gatewayConformance,
  type Lacks,
  type TestRunner,
  transportConformance,
  type TransportHarness,
  type TransportPart,
} from '../conformance/transport.ts';
import { startRedis } from '../support/redis-server.ts';
import { gatewayHarness, redisHarness } from './gateway-harness.ts';

const redis = await startRedis();
test.after.always(() => redis[Symbol.asyncDispose]());

const memory = async () => {
  const bus = createMemoryBus();
  return gatewayHarness(bus.transport, bus.gateway('gateway'));
};
transportConformance(test.serial, 'memory', memory);
gatewayConformance(test.serial, 'memory', memory);

let clusters = 0;
const redisConfig = () => ({
  redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
  channelPrefix: `c${++clusters}`,
});
transportConformance(test, 'redis', async () => redisHarness(redisConfig()));
gatewayConformance(test, 'redis', async () => redisHarness(redisConfig()));
gatewayConformance(test, 'redis with ocpp-go interop', async () =>
  redisHarness({ ...redisConfig(), ocppGoInterop: true }),
);

/** Runs the suite with a runner that only collects. */
function collect(create: () => Promise<TransportHarness>, lacks: Lacks<TransportPart>) {
  const tests = new Map<string, () => Promise<void>>();
  const skipped: string[] = [];
  const add = (title: string, body: () => Promise<void>) => tests.set(title, body);
  const runner: TestRunner = Object.assign(add, { skip: (title: string) => skipped.push(title) });
  transportConformance(runner, 'mine', create, { lacks });
  return { tests, skipped };
}

async function withoutCalls(): Promise<TransportHarness> {
  const harness = await memory();
  const refuse = () => Promise.reject(new TransportError('bad-call', 'no calls'));
  const calls = { make: refuse, find: refuse, stateOf: refuse, cancel: refuse, protocolOf: refuse };
  const { transport } = harness;
  const verbs = Object.fromEntries(
    ['start', 'stop', 'onMessage'].map((verb) => [
      verb,
      (transport[verb as keyof typeof transport] as () => unknown).bind(transport),
    ]),
  );
  return { ...harness, transport: { ...verbs, calls } as unknown as typeof transport };
}

test('a part that is lacking is skipped, with its reason', async (t) => {
  const { tests, skipped } = collect(withoutCalls, { calls: 'no shared records' });
  t.true(skipped.length > 10);
  t.true(skipped.every((title) => title.endsWith('(lacks calls: no shared records)')));
  t.true(tests.has('mine: a CALL is answered, with a result or an error'));
  await t.notThrowsAsync(async () => tests.get('mine: lacks calls: no shared records')?.());
});

test('the suite fails for a part that is said to be lacking and works', async (t) => {
  const { tests } = collect(memory, { load: 'never counted' });
  await t.throwsAsync(async () => tests.get('mine: lacks load: never counted')?.(), {
    message: /passes every test of "load"/,
  });
});

test('the suite refuses a transport that lacks everything, and a lack without a reason', (t) => {
  const all = ['deliveries', 'effects', 'facts', 'connections', 'calls', 'state', 'load'];
  const lacks = Object.fromEntries(all.map((part) => [part, 'none']));
  t.throws(() => collect(memory, lacks), { message: /lacks every part/ });
  t.throws(() => collect(memory, { effects: 'too hard' }), { message: /which no implementation may lack/ });
  t.throws(() => collect(memory, { calls: '' }), { message: /say why it lacks "calls"/ });
});
