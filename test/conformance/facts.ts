/** Business facts: one effect and one answer per business key. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { Answer, Outcome } from '../../services/transport/outcome.ts';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';
import { call, ok, outcome, Received } from './station.ts';
import type { Part } from './suite.ts';

export const facts: Part<TransportHarness> = (run) => {
  run('a business fact has one effect, and one answer on every connection', async (harness) => {
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
    const byFirst = new Received(first);
    await first.write(call('a'));
    assert.deepEqual(await byFirst.until(1), [[3, 'a', { transactionId: 1 }]]);
    await first.stop();
    const second = await connect('CP-1', 'ocpp1.6');
    const bySecond = new Received(second);
    await second.write(call('b'));
    assert.deepEqual(await bySecond.until(1), [[3, 'b', { transactionId: 1 }]]);
    assert.equal(count, 2);
    assert.equal(await transport.state.record('transaction:2'), undefined);
  });

  run('a known business fact replays its first answer, whatever the handler decides', async (harness) => {
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
    const received = new Received(station);
    for (const id of ['a', 'b', 'c']) await station.write(call(id));
    assert.deepEqual(await received.until(3), [
      [3, 'a', { first: true }],
      [3, 'b', { first: true }],
      [3, 'c', { first: true }],
    ]);
    assert.equal(await transport.state.record('effect:2'), undefined);
    assert.equal(await transport.state.record('effect:3'), undefined);
  });

  run('a business fact is known for as long as its outcome says', async ({ transport, connect }) => {
    let count = 0;
    transport.onMessage(async () =>
      outcome({ answer: ok({ count: ++count }), businessKey: 'short', businessKeySeconds: 2 }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const received = new Received(station);
    await station.write(call('a'));
    await station.write(call('b'));
    await received.until(2);
    await wait(2100);
    await station.write(call('c'));
    assert.deepEqual(await received.until(3), [
      [3, 'a', { count: 1 }],
      [3, 'b', { count: 1 }],
      [3, 'c', { count: 3 }],
    ]);
  });

  run('an error is not stored as a fact: the next attempt decides again', async ({ transport, connect }) => {
    const error: Answer = { kind: 'error', code: 'InternalError', description: 'not yet' };
    let count = 0;
    transport.onMessage(async () =>
      outcome({ answer: count++ === 0 ? error : ok({ done: true }), businessKey: 'fact' }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const received = new Received(station);
    for (const id of ['a', 'b', 'c']) await station.write(call(id));
    assert.deepEqual(await received.until(3), [
      [4, 'a', 'InternalError', 'not yet', {}],
      [3, 'b', { done: true }],
      [3, 'c', { done: true }],
    ]);
  });

  run('a forgotten business key is a new fact', async ({ transport, connect }) => {
    let count = 0;
    transport.onMessage(async ({ frame }) =>
      frame.id.startsWith('stop')
        ? { ...outcome(), writes: [{ kind: 'forget', businessKey: 'start:1' }] }
        : { ...outcome(), answer: { kind: 'result', payload: { count: ++count } }, businessKey: 'start:1' },
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const answers: unknown[] = [];
    station.onMessage((text) => answers.push((JSON.parse(text) as unknown[])[2]));
    for (const id of ['a', 'b', 'stop', 'c', 'd']) {
      const before = answers.length;
      await station.write(call(id));
      await until(() => answers.length > before, `the answer to ${id}`);
    }
    assert.deepEqual(answers, [{ count: 1 }, { count: 1 }, {}, { count: 3 }, { count: 3 }]);
  });
};
