/**
 * What every Transport must do, whatever joins its stations to it. Run it over an implementation with
 * transportConformance(test.serial, name, createHarness), or with `test` where several harnesses may run at a
 * time; stations speak OCPP-J text through a ClientTransport.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { ExecutionContext, Implementation } from 'ava';
import { until } from '../support/until.ts';
import { stationCallConformance } from './station-call.ts';
import { storedStateConformance } from './stored-state.ts';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { TransportError } from '../../services/transport/errors.ts';
import type {
  Answer,
  ClientTransport,
  ConnectionEvent,
  Delivery,
  Outcome,
  Transport,
} from '../../services/transport/transport.ts';

export interface TransportHarness extends AsyncDisposable {
  /** Not started yet. */
  readonly transport: Transport;
  /** Called once the transport has been started; resolves to a connected station. `onMessage` hears all from the first on. */
  readonly connect: (
    stationId: string,
    protocol: Protocol,
    onMessage?: (text: string) => void,
  ) => Promise<ClientTransport>;
}

export type Run = (
  title: string,
  body: (t: ExecutionContext, harness: TransportHarness) => Promise<void>,
) => void;

const ok = (payload: object = {}): Answer => ({ kind: 'result', payload });
const outcome = (parts: Partial<Outcome> = {}): Outcome => ({
  answer: ok(),
  writes: [],
  events: [],
  ...parts,
});
const call = (id: string, action = 'Heartbeat', payload: object = {}) =>
  JSON.stringify([2, id, action, payload]);

/** Everything a station hears, and a way to wait for the next of it. */
class Ear {
  readonly heard: string[] = [];

  constructor(station: ClientTransport) {
    station.onMessage((text) => this.heard.push(text));
  }

  async until(count: number): Promise<readonly unknown[][]> {
    await until(() => this.heard.length >= count, `${count} messages, got ${this.heard.length}`);
    return this.heard.map((text) => JSON.parse(text) as unknown[]);
  }
}

export function transportConformance(
  test: (title: string, body: Implementation<[]>) => void,
  name: string,
  createHarness: () => Promise<TransportHarness>,
): void {
  const run: Run = (title, body) =>
    test(`${name}: ${title}`, async (t) => {
      await using harness = await createHarness();
      await body(t, harness);
    });

  run('a CALL is answered, with a result or an error', async (t, { transport, connect }) => {
    const error: Answer = { kind: 'error', code: 'NotSupported', description: 'no "such" thing' };
    transport.onMessage(async ({ frame }) =>
      outcome({ answer: 'action' in frame && frame.action === 'Bad' ? error : ok({ a: 'ü"\n' }) }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    await station.write(call('one'));
    await station.write(call('"two"\n', 'Bad'));
    t.deepEqual(await ear.until(2), [
      [3, 'one', { a: 'ü"\n' }],
      [4, '"two"\n', 'NotSupported', 'no "such" thing', {}],
    ]);
  });

  run('a delivery tells who sent what when', async (t, { transport, connect }) => {
    const deliveries: Delivery[] = [];
    transport.onMessage(async (delivery) => {
      deliveries.push(delivery);
      return outcome();
    });
    await transport.start();
    const before = Date.now();
    const station = await connect('CP:é{1}', 'ocpp2.0.1');
    const ear = new Ear(station);
    await station.write(call('x', 'Heartbeat', { a: [1, 'ü'] }));
    await ear.until(1);
    const [delivery] = deliveries;
    t.is(delivery?.stationId, 'CP:é{1}');
    t.is(delivery?.protocol, 'ocpp2.0.1');
    t.is(delivery?.deliveryCount, 1);
    t.true((delivery?.epoch ?? 0) > 0);
    t.true((delivery?.receivedAt ?? 0) >= before && (delivery?.receivedAt ?? 0) <= Date.now());
    t.deepEqual(delivery?.frame, { type: 2, id: 'x', action: 'Heartbeat', payload: { a: [1, 'ü'] } });
  });

  run('a delivery tells what was repaired, and numbers as they were written', async (t, harness) => {
    const { transport, connect } = harness;
    const deliveries: Delivery[] = [];
    transport.onMessage(async (delivery) => {
      deliveries.push(delivery);
      return outcome();
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const heard: string[] = [];
    station.onMessage((text) => heard.push(text));
    const sloppy = '[2,17,"StopTransaction",{"transactionId":9007199254740993,"reason":"\u0001"}]';
    await station.write(sloppy);
    await station.write('[2,"b","Heartbeat",null]');
    await station.write('[2,"c","Heartbeat",{"a":1}]');
    await until(() => heard.length === 3, 'three answers');
    t.deepEqual(heard, ['[3,17,{}]', '[3,"b",{}]', '[3,"c",{}]']);
    const [first, second, third] = deliveries;
    t.like(first?.frame, { id: '17', payload: { transactionId: 9007199254740992, reason: '\u0001' } });
    t.deepEqual(first !== undefined && 'exact' in first.frame && [...(first.frame.exact ?? [])], [
      ['/transactionId', '9007199254740993'],
    ]);
    t.deepEqual(first?.repaired, { raw: sloppy, kinds: ['control-characters', 'message-id'] });
    t.deepEqual(second?.repaired, { raw: '[2,"b","Heartbeat",null]', kinds: ['payload'] });
    t.deepEqual(second?.frame, { type: 2, id: 'b', action: 'Heartbeat', payload: {} });
    t.is(third?.repaired, undefined);
    t.deepEqual(third?.frame, { type: 2, id: 'c', action: 'Heartbeat', payload: { a: 1 } });
  });

  run('CALLs of a station are handled and answered in order, one at a time', async (t, harness) => {
    const { transport, connect } = harness;
    const ids = Array.from({ length: 50 }, (_, i) => `m${i}`);
    const handled: string[] = [];
    let open = 0;
    let most = 0;
    transport.onMessage(async ({ frame }) => {
      most = Math.max(most, ++open);
      await wait(Math.random() * 3);
      handled.push(frame.id);
      open--;
      return outcome();
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    for (const id of ids) await station.write(call(id));
    const answers = await ear.until(ids.length);
    t.deepEqual(
      answers.map((answer) => answer[1]),
      ids,
    );
    t.deepEqual(handled, ids);
    t.is(most, 1);
  });

  run('stations do not wait for each other', async (t, { transport, connect }) => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    transport.onMessage(async ({ stationId }) => {
      if (stationId === 'slow') await held;
      return outcome();
    });
    await transport.start();
    const slow = await connect('slow', 'ocpp1.6');
    const quick = await connect('quick', 'ocpp1.6');
    const [slowEar, quickEar] = [new Ear(slow), new Ear(quick)];
    await slow.write(call('s'));
    await quick.write(call('q'));
    await quickEar.until(1);
    t.is(slowEar.heard.length, 0);
    release();
    await slowEar.until(1);
  });

  run('writes and events take effect together with the answer', async (t, { transport, connect }) => {
    transport.onMessage(async ({ frame, stationId }) =>
      outcome({
        writes:
          frame.id === 'b'
            ? [{ kind: 'delete', key: 'gone:1' }]
            : [
                { kind: 'set', key: 'kept:1', fields: { a: '1', b: 'ü' } },
                { kind: 'set', key: 'kept:1', fields: { b: '2' } },
                { kind: 'set', key: 'gone:1', fields: { a: '1' } },
                { kind: 'append', key: 'log', fields: { a: '1' }, maxLength: 100 },
              ],
        events: [{ type: 'happened', stationId, fields: { id: frame.id } }],
      }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    await station.write(call('a'));
    await ear.until(1);
    t.deepEqual(await transport.state.record('kept:1'), { a: '1', b: '2' });
    t.is(await transport.state.field('gone:1', 'a'), '1');
    await station.write(call('b'));
    await ear.until(2);
    t.is(await transport.state.record('gone:1'), undefined);
    t.is(await transport.state.field('gone:1', 'a'), undefined);
  });

  run('a write that must be newer turns nothing back', async (t, { transport, connect }) => {
    const at: Readonly<Record<string, string>> = {
      one: '2026-01-01',
      two: '2026-01-03',
      three: '2026-01-02',
    };
    transport.onMessage(async ({ frame: { id } }) =>
      outcome({
        writes: [{ kind: 'set', key: 'last', fields: { value: id, at: at[id] ?? '' }, newerBy: 'at' }],
      }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    for (const id of Object.keys(at)) await station.write(call(id));
    await ear.until(3);
    t.deepEqual(await transport.state.record('last'), { value: 'two', at: '2026-01-03' });
  });

  run('a connection that was replaced has no effect and gets no answer', async (t, harness) => {
    const { transport, connect } = harness;
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const handled: string[] = [];
    transport.onMessage(async ({ frame }) => {
      if (frame.id === 'old') await held;
      handled.push(frame.id);
      return outcome({ writes: [{ kind: 'set', key: `seen:${frame.id}`, fields: { a: '1' } }] });
    });
    await transport.start();
    const first = await connect('CP-1', 'ocpp1.6');
    const firstEar = new Ear(first);
    const told = new Promise<string>((resolve) => first.onDisconnection(resolve));
    await first.write(call('old'));
    const second = await connect('CP-1', 'ocpp1.6');
    const secondEar = new Ear(second);
    t.is(typeof (await told), 'string');
    release();
    await until(() => handled.includes('old'), 'the old CALL to be handled');
    await second.write(call('new'));
    t.deepEqual(await secondEar.until(1), [[3, 'new', {}]]);
    t.deepEqual(firstEar.heard, []);
    t.is(await transport.state.record('seen:old'), undefined);
    t.deepEqual(await transport.state.record('seen:new'), { a: '1' });
  });

  run('a business fact has one effect, and one answer on every connection', async (t, harness) => {
    const { transport, connect } = harness;
    let count = 0;
    transport.onMessage(async () =>
      outcome({
        answer: ok({ transactionId: ++count }),
        writes: [{ kind: 'set', key: `transaction:${count}`, fields: { a: '1' } }],
        businessKey: 'start:CP-1:1',
      }),
    );
    await transport.start();
    const first = await connect('CP-1', 'ocpp1.6');
    const firstEar = new Ear(first);
    await first.write(call('a'));
    t.deepEqual(await firstEar.until(1), [[3, 'a', { transactionId: 1 }]]);
    await first.stop();
    const second = await connect('CP-1', 'ocpp1.6');
    const secondEar = new Ear(second);
    await second.write(call('b'));
    t.deepEqual(await secondEar.until(1), [[3, 'b', { transactionId: 1 }]]);
    t.is(count, 2);
    t.is(await transport.state.record('transaction:2'), undefined);
  });

  run(
    'a business fact that is known is answered as before, whatever the handler says now',
    async (t, harness) => {
      const { transport, connect } = harness;
      const later: Partial<Outcome>[] = [
        { answer: { kind: 'error', code: 'InternalError', description: 'x' } },
        { answer: ok({ other: true }) },
      ];
      let count = 0;
      transport.onMessage(async () => {
        const now = count++ === 0 ? { answer: ok({ first: true }) } : later.shift();
        const writes = [{ kind: 'set', key: `effect:${count}`, fields: { a: '1' } }] as const;
        return outcome({ ...now, writes, businessKey: 'fact' });
      });
      await transport.start();
      const station = await connect('CP-1', 'ocpp1.6');
      const ear = new Ear(station);
      for (const id of ['a', 'b', 'c']) await station.write(call(id));
      t.deepEqual(await ear.until(3), [
        [3, 'a', { first: true }],
        [3, 'b', { first: true }],
        [3, 'c', { first: true }],
      ]);
      t.is(await transport.state.record('effect:2'), undefined);
      t.is(await transport.state.record('effect:3'), undefined);
    },
  );

  run('the same message id on a new connection is another message (case 12)', async (t, harness) => {
    const { transport, connect } = harness;
    let count = 0;
    transport.onMessage(async () => outcome({ answer: ok({ count: ++count }) }));
    await transport.start();
    for (const expected of [1, 2]) {
      const station = await connect('CP-1', 'ocpp1.6');
      const ear = new Ear(station);
      await station.write(call('same'));
      t.deepEqual(await ear.until(1), [[3, 'same', { count: expected }]]);
      await station.stop();
    }
  });

  run('a business fact is known for as long as its outcome says', async (t, { transport, connect }) => {
    let count = 0;
    transport.onMessage(async () =>
      outcome({ answer: ok({ count: ++count }), businessKey: 'short', businessKeySeconds: 1 }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    await station.write(call('a'));
    await station.write(call('b'));
    await ear.until(2);
    await wait(1100);
    await station.write(call('c'));
    t.deepEqual(await ear.until(3), [
      [3, 'a', { count: 1 }],
      [3, 'b', { count: 1 }],
      [3, 'c', { count: 3 }],
    ]);
  });

  run('an error is no fact: the next try decides anew', async (t, { transport, connect }) => {
    const error: Answer = { kind: 'error', code: 'InternalError', description: 'not yet' };
    let count = 0;
    transport.onMessage(async () =>
      outcome({ answer: count++ === 0 ? error : ok({ done: true }), businessKey: 'fact' }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    for (const id of ['a', 'b', 'c']) await station.write(call(id));
    t.deepEqual(await ear.until(3), [
      [4, 'a', 'InternalError', 'not yet', {}],
      [3, 'b', { done: true }],
      [3, 'c', { done: true }],
    ]);
  });

  run('what a handler could not handle comes again', async (t, { transport, connect }) => {
    const counts: number[] = [];
    const errors: Error[] = [];
    transport.onError((error) => errors.push(error));
    transport.onMessage(async ({ deliveryCount }) => {
      counts.push(deliveryCount);
      if (deliveryCount === 1) throw new Error('not now');
      return outcome();
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    await station.write(call('a'));
    t.deepEqual(await ear.until(1), [[3, 'a', {}]]);
    t.deepEqual(counts, [1, 2]);
    t.true(errors.some((error) => error.message.includes('a')));
  });

  run(
    'a frame nobody asked for reaches a connected station, and its answer comes back',
    async (t, harness) => {
      const { transport, connect } = harness;
      const answers: unknown[] = [];
      transport.onMessage(async ({ frame }) => {
        answers.push(frame);
        return { writes: [], events: [] };
      });
      await transport.start();
      const station = await connect('CP-1', 'ocpp1.6');
      station.onMessage((text) => {
        const [, id] = JSON.parse(text) as [number, string];
        void station.write(JSON.stringify([3, id, { status: 'Accepted' }]));
      });
      await transport.write('CP-1', { type: 2, id: 'r-1', action: 'Reset', payload: { type: 'Soft' } });
      await until(() => answers.length === 1, 'the answer');
      t.deepEqual(answers, [{ type: 3, id: 'r-1', payload: { status: 'Accepted' } }]);
      const frame = () => ({ type: 2, id: 'r-2', action: 'Reset', payload: { type: 'Soft' } }) as const;
      t.is((await transport.writeToAll(frame)).size, 0);
      await until(() => answers.length === 2, 'the second answer');
      const error = await t.throwsAsync(transport.write('nobody', frame()), { instanceOf: TransportError });
      t.is(error?.code, 'station-offline');
    },
  );

  stationCallConformance(run);
  storedStateConformance(run);

  run('a SEND is handled once and never answered', async (t, { transport, connect }) => {
    const handled: string[] = [];
    transport.onMessage(async ({ frame }) => {
      handled.push(frame.id);
      return frame.type === 6
        ? { writes: [{ kind: 'set', key: `sent:${frame.id}`, fields: { a: '1' } }], events: [] }
        : outcome();
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp2.1');
    const ear = new Ear(station);
    for (const id of ['s1', 's2', 's3']) {
      await station.write(JSON.stringify([6, id, 'NotifyPeriodicEventStream', {}]));
    }
    await station.write(call('c'));
    t.deepEqual(await ear.until(1), [[3, 'c', {}]]);
    await until(() => handled.length === 4, 'all to be handled');
    await until(async () => (await transport.state.record('sent:s3')) !== undefined, 'the last write');
    t.deepEqual(await transport.state.record('sent:s1'), { a: '1' });
    t.is(ear.heard.length, 1);
  });

  run('who is connected is known, and told', async (t, { transport, connect }) => {
    const events: string[] = [];
    const note = (what: string) => (event: ConnectionEvent) => events.push(`${what} ${event.stationId}`);
    transport.onConnection(note('connect'));
    transport.onDisconnection(note('disconnect'));
    transport.onMessage(async () => outcome());
    await transport.start();
    t.deepEqual(await transport.connectedClients(), []);
    const station = await connect('CP-1', 'ocpp1.6');
    await connect('CP-2', 'ocpp1.6');
    t.deepEqual((await transport.connectedClients()).sort(), ['CP-1', 'CP-2']);
    t.true(await transport.isClientConnected('CP-1'));
    await until(() => events.length === 2, 'two connect events');
    await station.stop();
    await until(async () => !(await transport.isClientConnected('CP-1')), 'the station to be gone');
    await until(() => events.length === 3, 'a disconnect event');
    t.deepEqual(events, ['connect CP-1', 'connect CP-2', 'disconnect CP-1']);
  });

  run('stop finishes what is in hand', async (t, { transport, connect }) => {
    let started = false;
    transport.onMessage(async () => {
      started = true;
      await wait(100);
      return outcome({ writes: [{ kind: 'set', key: 'done:1', fields: { a: '1' } }] });
    });
    await transport.start();
    t.true(transport.isRunning());
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    await station.write(call('a'));
    await until(() => started, 'the handler');
    await transport.stop(5000);
    t.false(transport.isRunning());
    await ear.until(1);
  });

  run('numbers of a counter are given once, from the floor on', async (t, { transport }) => {
    transport.onMessage(async () => outcome());
    await transport.start();
    const first = await transport.state.reserve('c', 10, 100);
    t.is(first, 100);
    t.is(await transport.state.reserve('c', 5, 1), 110);
    t.is(await transport.state.reserve('c', 1, 1000), 1000);
    t.is(await transport.state.reserve('d', 1, 1), 1);
  });

  run('its load is known', async (t, { transport, connect }) => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    transport.onMessage(async () => {
      await held;
      return outcome();
    });
    await transport.start();
    t.like(await transport.load(), { depth: 0, oldestSeconds: 0, inFlight: 0 });
    const station = await connect('CP-1', 'ocpp1.6');
    const ear = new Ear(station);
    await station.write(call('a'));
    await until(async () => (await transport.load()).inFlight === 1, 'one in flight');
    release();
    await ear.until(1);
    await until(async () => (await transport.load()).inFlight === 0, 'none in flight');
  });
}
