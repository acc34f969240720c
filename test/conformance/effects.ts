/** Writes and events of outcomes: together with the response, or not at all. */
import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';
import { call, outcome, Received } from './station.ts';
import type { Part } from './suite.ts';

export const effects: Part<TransportHarness> = (run) => {
  run('writes and events take effect together with the answer', async ({ transport, connect }) => {
    transport.onMessage(async ({ frame, stationId }) =>
      outcome({
        writes:
          frame.id === 'b'
            ? [
                { kind: 'delete', key: 'gone:1' },
                { kind: 'unset', key: 'kept:1', names: ['b', 'never'] },
                { kind: 'unset', key: 'emptied:1', names: ['a'] },
              ]
            : [
                { kind: 'set', key: 'kept:1', fields: { a: '1', b: 'ü' } },
                { kind: 'set', key: 'kept:1', fields: { b: '2' } },
                { kind: 'set', key: 'gone:1', fields: { a: '1' } },
                { kind: 'set', key: 'emptied:1', fields: { a: '1' } },
                { kind: 'append', key: 'log', fields: { a: '1' }, maxLength: 100 },
              ],
        events: [{ type: 'happened', stationId, fields: { id: frame.id } }],
      }),
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const received = new Received(station);
    await station.write(call('a'));
    await received.until(1);
    assert.deepEqual(await transport.state.record('kept:1'), { a: '1', b: '2' });
    assert.equal(await transport.state.field('gone:1', 'a'), '1');
    await station.write(call('b'));
    await received.until(2);
    assert.equal(await transport.state.record('gone:1'), undefined);
    assert.equal(await transport.state.field('gone:1', 'a'), undefined);
    assert.deepEqual(await transport.state.record('kept:1'), { a: '1' });
    assert.equal(await transport.state.record('emptied:1'), undefined);
  });

  run('a write with newerBy never replaces a newer value', async ({ transport, connect }) => {
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
    const received = new Received(station);
    for (const id of Object.keys(at)) await station.write(call(id));
    await received.until(3);
    assert.deepEqual(await transport.state.record('last'), { value: 'two', at: '2026-01-03' });
  });

  run('a connection that was replaced has no effect and gets no answer', async (harness) => {
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
    const byFirst = new Received(first);
    const told = new Promise<string>((resolve) => first.onDisconnection(resolve));
    await first.write(call('old'));
    const second = await connect('CP-1', 'ocpp1.6');
    const bySecond = new Received(second);
    assert.equal(typeof (await told), 'string');
    release();
    await until(() => handled.includes('old'), 'the old CALL to be handled');
    await second.write(call('new'));
    assert.deepEqual(await bySecond.until(1), [[3, 'new', {}]]);
    assert.deepEqual(byFirst.texts, []);
    assert.equal(await transport.state.record('seen:old'), undefined);
    assert.deepEqual(await transport.state.record('seen:new'), { a: '1' });
  });

  run('a SEND is handled once and never answered', async ({ transport, connect }) => {
    const handled: string[] = [];
    transport.onMessage(async ({ frame }) => {
      handled.push(frame.id);
      return frame.type === 6
        ? { writes: [{ kind: 'set', key: `sent:${frame.id}`, fields: { a: '1' } }], events: [] }
        : outcome();
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp2.1');
    const received = new Received(station);
    for (const id of ['s1', 's2', 's3']) {
      await station.write(JSON.stringify([6, id, 'NotifyPeriodicEventStream', {}]));
    }
    await station.write(call('c'));
    assert.deepEqual(await received.until(1), [[3, 'c', {}]]);
    await until(() => handled.length === 4, 'all to be handled');
    await until(async () => (await transport.state.record('sent:s3')) !== undefined, 'the last write');
    assert.deepEqual(await transport.state.record('sent:s1'), { a: '1' });
    assert.equal(received.texts.length, 1);
  });
};
