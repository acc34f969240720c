/** Deliveries: content, order, retries, and the end of a transport. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { Delivery } from '../../services/transport/delivery.ts';
import type { Answer } from '../../services/transport/outcome.ts';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';
import { call, ok, outcome, Received } from './station.ts';
import type { Part } from './suite.ts';

export const deliveries: Part<TransportHarness> = (run) => {
  run('a CALL is answered, with a result or an error', async ({ transport, connect }) => {
    const error: Answer = { kind: 'error', code: 'NotSupported', description: 'no "such" thing' };
    transport.onMessage(async ({ frame }) =>
      outcome({ answer: 'action' in frame && frame.action === 'Bad' ? error : ok({ a: 'ü"\n' }) }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const received = new Received(station);
    await station.write(call('one'));
    await station.write(call('"two"\n', 'Bad'));
    assert.deepEqual(await received.until(2), [
      [3, 'one', { a: 'ü"\n' }],
      [4, '"two"\n', 'NotSupported', 'no "such" thing', {}],
    ]);
  });

  run('a delivery names its station, connection, time and frame', async ({ transport, connect }) => {
    const deliveries: Delivery[] = [];
    transport.onMessage(async (delivery) => {
      deliveries.push(delivery);
      return outcome();
    });
    await transport.start();
    const before = Date.now();
    const station = await connect('CP:é{1}', 'ocpp2.0.1');
    const received = new Received(station);
    await station.write(call('x', 'Heartbeat', { a: [1, 'ü'] }));
    await received.until(1);
    const [delivery] = deliveries;
    assert.equal(delivery?.stationId, 'CP:é{1}');
    assert.equal(delivery?.protocol, 'ocpp2.0.1');
    assert.equal(delivery?.deliveryCount, 1);
    assert.ok((delivery?.epoch ?? 0) > 0);
    assert.ok((delivery?.receivedAt ?? 0) >= before && (delivery?.receivedAt ?? 0) <= Date.now());
    assert.deepEqual(delivery?.frame, { type: 2, id: 'x', action: 'Heartbeat', payload: { a: [1, 'ü'] } });
  });

  run('a delivery lists repairs, and keeps numbers as written', async (harness) => {
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
    assert.deepEqual(heard, ['[3,17,{}]', '[3,"b",{}]', '[3,"c",{}]']);
    const [first, second, third] = deliveries;
    assert.equal(first?.frame.id, '17');
    assert.deepEqual('payload' in first.frame && first.frame.payload, {
      transactionId: 9007199254740992,
      reason: '\u0001',
    });
    assert.deepEqual(first !== undefined && 'exact' in first.frame && [...(first.frame.exact ?? [])], [
      ['/transactionId', '9007199254740993'],
    ]);
    assert.deepEqual(first?.repaired, { raw: sloppy, kinds: ['control-characters', 'message-id'] });
    assert.deepEqual(second?.repaired, { raw: '[2,"b","Heartbeat",null]', kinds: ['payload'] });
    assert.deepEqual(second?.frame, { type: 2, id: 'b', action: 'Heartbeat', payload: {} });
    assert.equal(third?.repaired, undefined);
    assert.deepEqual(third?.frame, { type: 2, id: 'c', action: 'Heartbeat', payload: { a: 1 } });
  });

  run('CALLs of a station are handled and answered in order, one at a time', async (harness) => {
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
    const received = new Received(station);
    for (const id of ids) await station.write(call(id));
    const answers = await received.until(ids.length);
    assert.deepEqual(
      answers.map((answer) => answer[1]),
      ids,
    );
    assert.deepEqual(handled, ids);
    assert.equal(most, 1);
  });

  run('stations do not wait for each other', async ({ transport, connect }) => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    transport.onMessage(async ({ stationId }) => {
      if (stationId === 'slow') await held;
      return outcome();
    });
    await transport.start();
    const slow = await connect('slow', 'ocpp1.6');
    const quick = await connect('quick', 'ocpp1.6');
    const [bySlow, byQuick] = [new Received(slow), new Received(quick)];
    await slow.write(call('s'));
    await quick.write(call('q'));
    await byQuick.until(1);
    assert.equal(bySlow.texts.length, 0);
    release();
    await bySlow.until(1);
  });

  run('the same message id on a new connection is another message (case 12)', async (harness) => {
    const { transport, connect } = harness;
    let count = 0;
    transport.onMessage(async () => outcome({ answer: ok({ count: ++count }) }));
    await transport.start();
    for (const expected of [1, 2]) {
      const station = await connect('CP-1', 'ocpp1.6');
      const received = new Received(station);
      await station.write(call('same'));
      assert.deepEqual(await received.until(1), [[3, 'same', { count: expected }]]);
      await station.stop();
    }
  });

  run('a delivery whose handler throws is delivered again', async ({ transport, connect }) => {
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
    const received = new Received(station);
    await station.write(call('a'));
    assert.deepEqual(await received.until(1), [[3, 'a', {}]]);
    assert.deepEqual(counts, [1, 2]);
    assert.ok(errors.some((error) => error.message.includes('a')));
  });

  run('stop completes what is in flight', async ({ transport, connect }) => {
    let started = false;
    transport.onMessage(async () => {
      started = true;
      await wait(100);
      return outcome({ writes: [{ kind: 'set', key: 'done:1', fields: { a: '1' } }] });
    });
    await transport.start();
    assert.ok(transport.isRunning());
    const station = await connect('CP-1', 'ocpp1.6');
    const received = new Received(station);
    await station.write(call('a'));
    await until(() => started, 'the handler');
    await transport.stop(5000);
    assert.equal(transport.isRunning(), false);
    await received.until(1);
  });
};
