/** Stored state: the port `state`. */
import assert from 'node:assert/strict';
import type { Outcome } from '../../services/transport/outcome.ts';
import type { Amendment, Expectation, StateWrite } from '../../services/transport/stored-state.ts';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';
import type { Part } from './suite.ts';

const add = (member: string, score: number): StateWrite => ({ kind: 'add', key: 'open', member, score });
const done: Outcome = { answer: { kind: 'result', payload: {} }, writes: [], events: [] };
const beat = (id: string) => JSON.stringify([2, id, 'Heartbeat', {}]);

export const state: Part<TransportHarness> = (run) => {
  run('sorted sets are written with an outcome and read in pages', async ({ transport, connect }) => {
    const steps: StateWrite[][] = [
      [add('b{2}', 20), add('a 1', 10), add('c', 30), add('d', 40)],
      [add('a 1', 25), { kind: 'remove', key: 'open', member: 'd' }],
      ['a 1', 'b{2}', 'c'].map((member) => ({ kind: 'remove', key: 'open', member }) as const),
    ];
    transport.onMessage(async () => ({ ...done, writes: steps.shift() ?? [] }));
    await transport.start();
    const { state } = transport;
    const station = await connect('CP-1', 'ocpp1.6');
    const names = async (max: number, limit = 10, offset?: number) =>
      (await state.members('open', max, limit, offset)).map(({ member }) => member);
    assert.deepEqual(await names(100), []);
    assert.equal(await state.size('open'), 0);

    await station.write(beat('1'));
    await until(async () => (await state.size('open')) === 4, 'four members');
    assert.deepEqual(await state.members('open', 20, 10), [
      { member: 'a 1', score: 10 },
      { member: 'b{2}', score: 20 },
    ]);
    assert.deepEqual(await names(100, 2), ['a 1', 'b{2}']);
    assert.deepEqual(await names(100, 2, 2), ['c', 'd']);

    await station.write(beat('2'));
    await until(async () => (await state.size('open')) === 3, 'three members');
    assert.deepEqual(await names(100), ['b{2}', 'a 1', 'c']);
    await station.write(beat('3'));
    await until(async () => (await state.size('open')) === 0, 'none');
  });

  run('a write with existing never creates a record', async ({ transport, connect }) => {
    const set = (fields: Readonly<Record<string, string>>, existing?: true): StateWrite => ({
      kind: 'set',
      key: 'tx:1',
      fields,
      ...(existing !== undefined && { existing }),
    });
    const steps = [[set({ a: '1' }, true)], [set({ b: '2' })], [set({ c: '3' }, true)]];
    transport.onMessage(async () => ({ ...done, writes: steps.shift() ?? [] }));
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    let answers = 0;
    station.onMessage(() => answers++);
    for (const expected of [undefined, { b: '2' }, { b: '2', c: '3' }]) {
      const before = answers;
      await station.write(beat(`${answers}`));
      await until(() => answers > before, 'an answer');
      assert.deepEqual(await transport.state.record('tx:1'), expected);
      assert.deepEqual(await transport.state.fields('tx:1', ['b', 'z']), expected && { b: '2' });
      assert.equal(await transport.state.fields('tx:1', ['z']), undefined);
    }
  });

  run('an outcome takes effect only while the record is as it expects', async ({ transport, connect }) => {
    const record = {
      owner: 'CP-1',
      empty: '',
      at: '2026-01-02T00:00:00Z',
      loose: '2026-01-02 00:00:00Z',
    };
    const expects = (
      fields: Record<string, string>,
      [from, before]: readonly string[] = [],
    ): Expectation => ({
      key: 'tx:1',
      fields: { owner: 'CP-1', ...fields },
      ...(from !== undefined && before !== undefined && { earlier: { field: 'at', from, before } }),
    });
    const met: readonly Expectation[] = [
      expects({}),
      expects({ empty: '', missing: '' }),
      expects({}, ['2015', '2026-01-02T00:00:01Z']),
      expects({ empty: '' }, ['2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z']),
    ];
    const unmet: readonly Expectation[] = [
      expects({ owner: 'CP-2' }),
      expects({ empty: 'x' }),
      expects({ missing: 'x' }),
      { key: 'tx:2', fields: { owner: 'CP-1' } },
      expects({}, ['2015', '2026-01-02T00:00:00Z']),
      expects({}, ['2026-01-02T00:00:01Z', '2026-01-03T00:00:00Z']),
      expects({}, ['2015', '2026-01-02T00:00:00.001Z']),
      { ...expects({}), earlier: { field: 'loose', from: '2015', before: '2026-01-02T00:00:01Z' } },
      { ...expects({}), earlier: { field: 'missing', from: '2015', before: '2026-01-02T00:00:01Z' } },
    ];
    const all = [...met, ...unmet];
    const told: boolean[] = [];
    transport.onMessage(async ({ frame, unexpected = false }) => {
      const write = (fields: Readonly<Record<string, string>>): StateWrite => ({
        kind: 'set',
        key: 'tx:1',
        fields,
      });
      const place = Number(frame.id);
      const [expected] = [all[place]];
      if (expected === undefined) return { ...done, writes: [write(record)] };
      told.push(unexpected);
      // Told, it would read the record.
      if (unexpected) return { ...done, writes: [write({ [`${place}`]: 'again' })] };
      return { ...done, writes: [write({ [`${place}`]: 'at once' })], expects: expected };
    });
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const answers: string[] = [];
    station.onMessage((text) => answers.push(text));
    const say = async (id: string) => {
      const before = answers.length;
      await station.write(beat(id));
      await until(() => answers.length > before, `the answer to ${id}`);
    };
    await say('record');
    for (const place of all.keys()) await say(`${place}`);
    assert.equal(answers.length, all.length + 1, 'one answer each');
    assert.deepEqual(told, [...met.map(() => false), ...unmet.flatMap(() => [false, true])]);
    const words = all.map((_, place) => [`${place}`, place < met.length ? 'at once' : 'again'] as const);
    assert.deepEqual(await transport.state.record('tx:1'), { ...record, ...Object.fromEntries(words) });
    assert.equal(await transport.state.record('tx:2'), undefined);
  });

  run('an amendment applies once, and only if its record is unchanged', async ({ transport }) => {
    transport.onMessage(async () => done);
    await transport.start();
    const { state } = transport;
    const amendment = (value: string | undefined, next: string): Amendment => ({
      expected: { key: 'tx:1', field: 'at', value },
      writes: [
        { kind: 'set', key: 'tx:1', fields: { at: next } },
        { kind: 'append', key: 'bills', fields: { next }, maxLength: 10 },
      ],
      events: [{ type: 'amended', stationId: 'CP-1', fields: { next } }],
    });
    assert.ok(await transport.state.amend(amendment(undefined, '1')));
    assert.equal(await transport.state.amend(amendment(undefined, '2')), false, 'it exists by now');
    assert.equal(await transport.state.amend(amendment('0', '2')), false);
    const both = await Promise.all([
      transport.state.amend(amendment('1', '2')),
      transport.state.amend(amendment('1', '3')),
    ]);
    assert.deepEqual(both.filter(Boolean), [true], 'one of two concurrent amendments applies');
    assert.deepEqual(await state.record('tx:1'), { at: both[0] ? '2' : '3' });
  });

  run(
    'a sorted set can be deleted, and the share of the memory is known or has no limit',
    async ({ transport }) => {
      transport.onMessage(async () => done);
      await transport.start();
      const { state } = transport;
      const add = (member: string): StateWrite => ({ kind: 'add', key: 'set', member, score: 1 });
      await state.amend({ writes: [add('a'), add('b')], events: [] });
      assert.equal(await state.size('set'), 2);
      await state.amend({ writes: [{ kind: 'delete', key: 'set' }], events: [] });
      assert.equal(await state.size('set'), 0);
      const share = await state.memoryShare();
      assert.ok(share === undefined || (share > 0 && share < 1));
    },
  );

  run('a stream is bounded where its writes say so, and its size can be read', async ({ transport }) => {
    transport.onMessage(async () => done);
    await transport.start();
    const { state } = transport;
    assert.deepEqual(await state.streamSize('kept'), { length: 0, oldestAt: undefined });
    const begun = Date.now();
    const append = (key: string, n: number): StateWrite[] =>
      Array.from({ length: 50 }, (_, i) => ({
        kind: 'append',
        key,
        fields: { n: `${n * 50 + i}` },
        ...(key === 'bounded' && { maxLength: 10 }),
      }));
    for (let n = 0; n < 5; n++)
      await state.amend({ writes: [...append('kept', n), ...append('bounded', n)], events: [] });
    const { length, oldestAt = 0 } = await state.streamSize('kept');
    assert.equal(length, 250);
    assert.ok(oldestAt > begun - 60_000 && oldestAt < begun + 60_000);
    assert.ok((await state.streamSize('bounded')).length < 250, 'about the newest 10');
  });

  run(
    'a stream far beyond its bound keeps what waits there, where its writes say so',
    async ({ transport }) => {
      transport.onMessage(async () => done);
      await transport.start();
      const { state } = transport;
      const append = (key: string, count: number, bound: object): StateWrite[] =>
        Array.from({ length: count }, (_, n) => ({ kind: 'append', key, fields: { n: `${n}` }, ...bound }));
      const length = async (key: string) => (await state.streamSize(key)).length;
      const bound = { maxLength: 10, keepsExcess: true };
      for (let n = 0; n < 5; n++) await state.amend({ writes: append('waiting', 300, {}), events: [] });
      await state.amend({ writes: append('waiting', 100, bound), events: [] });
      assert.equal(await length('waiting'), 1600, 'they wait for another program');
      for (let n = 0; n < 5; n++) await state.amend({ writes: append('steady', 300, bound), events: [] });
      assert.ok((await length('steady')) < 300, 'about the newest 10, as with a bound alone');
      await state.amend({ writes: append('waiting', 1, { maxLength: 10 }), events: [] });
      assert.ok((await length('waiting')) < 1600, 'a bound alone trims');
    },
  );

  run('an outcome can keep an unreadable text and still answer', async (harness) => {
    const { transport, connect } = harness;
    transport.onMessage(async ({ stationId, protocol, epoch, receivedAt }) => ({
      ...done,
      unreadable: { stationId, protocol, epoch, at: receivedAt, reason: 'why\nnot', text: '[2,"ü"]' },
    }));
    await transport.start();
    const station = await connect('CP{1}', 'ocpp1.6');
    const answers: string[] = [];
    station.onMessage((text) => answers.push(text));
    // More than the quota of one station.
    for (let n = 1; n <= 25; n++) {
      await station.write(beat(`${n}`));
      await until(() => answers.length === n, `answer ${n}`);
    }
    assert.equal(answers.at(-1), '[3,"25",{}]');
  });

  run('numbers of a counter are reserved once, from the floor up', async ({ transport }) => {
    transport.onMessage(async () => done);
    await transport.start();
    const first = await transport.state.reserve('c', 10, 100);
    assert.equal(first, 100);
    assert.equal(await transport.state.reserve('c', 5, 1), 110);
    assert.equal(await transport.state.reserve('c', 1, 1000), 1000);
    assert.equal(await transport.state.reserve('d', 1, 1), 1);
  });
};
