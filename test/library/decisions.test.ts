/** A server of the library whose decisions are a function: the same checks, fallbacks and time box as with a webhook. */
import test from 'ava';
import { BUILT_IN } from '../../services/library/profile.ts';
import {
  newDispatcher,
  newServerWithTransport,
  type ServerDecisions,
} from '../../services/library/server.ts';
import { createLog } from '../../services/runtime/log.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { MemoryServerState } from '../../services/transport/pending-requests.ts';
import { Station } from '../processor/session.ts';

async function scene(decisions: ServerDecisions) {
  const bus = createMemoryBus();
  const dispatcher = newDispatcher({ log: createLog('test', 'silent'), decisions });
  const server = newServerWithTransport(bus.transport, dispatcher, new MemoryServerState(), ...BUILT_IN);
  const gateway = bus.gateway('proxy');
  await Promise.all([server.start(), gateway.start()]);
  const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
  return {
    station,
    bus,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('a function decides, and knows what is proposed', async (t) => {
  const asked: object[] = [];
  await using all = await scene({
    actions: { Authorize: 'Own' },
    ask: async ({ stationId, request, proposed }) => {
      asked.push({ stationId, request, proposed });
      return { status: 'Accepted' };
    },
  });
  t.deepEqual(await all.station.ask('Authorize', { idTag: 'ABC' }), { idTagInfo: { status: 'Accepted' } });
  t.deepEqual(asked, [{ stationId: 'CP-1', request: { idTag: 'ABC' }, proposed: { status: 'Unknown' } }]);
  t.deepEqual(await all.station.ask('DataTransfer', { vendorId: 'x' }), { status: 'UnknownVendorId' });
});

const FAILING: readonly (readonly [string, ServerDecisions['ask']])[] = [
  ['rejects', () => Promise.reject(new Error('no'))],
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  ['never settles', () => new Promise(() => undefined)],
  ['resolves to no answer', async () => 'Accepted'],
];

for (const [what, ask] of FAILING) {
  test(`a function that ${what} is followed by the fallback`, async (t) => {
    await using all = await scene({ actions: { Authorize: 'Accept' }, timeoutMs: 100, ask });
    t.deepEqual(await all.station.ask('Authorize', { idTag: 'A' }), { idTagInfo: { status: 'Accepted' } });
  });
}

test('last known answers are kept by each transport', async (t) => {
  let away = false;
  await using all = await scene({
    actions: { Authorize: 'LastKnown' },
    ask: async () => (away ? Promise.reject(new Error('away')) : { status: 'Accepted' }),
  });
  await all.station.ask('Authorize', { idTag: 'ABC' });
  away = true;
  t.deepEqual(await all.station.ask('Authorize', { idTag: 'ABC' }), { idTagInfo: { status: 'Accepted' } });
  t.deepEqual(await all.station.ask('Authorize', { idTag: 'NEW' }), { idTagInfo: { status: 'Invalid' } });
  t.is(await all.bus.state.size('last-decision-times'), 1);
});
