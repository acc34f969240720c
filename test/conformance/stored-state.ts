/** What every Transport must do with sorted sets, forgotten facts and amendments: part of the suite in transport.ts. */
import type { Outcome } from '../../services/transport/transport.ts';
import type { Amendment, StateWrite } from '../../services/transport/stored-state.ts';
import { until } from '../support/until.ts';
import type { Run } from './transport.ts';

const add = (member: string, score: number): StateWrite => ({ kind: 'add', key: 'open', member, score });
const done: Outcome = { answer: { kind: 'result', payload: {} }, writes: [], events: [] };
const beat = (id: string) => JSON.stringify([2, id, 'Heartbeat', {}]);

export function storedStateConformance(run: Run): void {
  run('sorted sets are written with an outcome and read in pages', async (t, { transport, connect }) => {
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
    t.deepEqual(await names(100), []);
    t.is(await state.size('open'), 0);

    await station.write(beat('1'));
    await until(async () => (await state.size('open')) === 4, 'four members');
    t.deepEqual(await state.members('open', 20, 10), [
      { member: 'a 1', score: 10 },
      { member: 'b{2}', score: 20 },
    ]);
    t.deepEqual(await names(100, 2), ['a 1', 'b{2}']);
    t.deepEqual(await names(100, 2, 2), ['c', 'd']);

    await station.write(beat('2'));
    await until(async () => (await state.size('open')) === 3, 'three members');
    t.deepEqual(await names(100), ['b{2}', 'a 1', 'c']);
    await station.write(beat('3'));
    await until(async () => (await state.size('open')) === 0, 'none');
  });

  run('a record that is gone is not written to where it must exist', async (t, { transport, connect }) => {
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
      t.deepEqual(await transport.state.record('tx:1'), expected);
      t.deepEqual(await transport.state.fields('tx:1', ['b', 'z']), expected && { b: '2' });
      t.is(await transport.state.fields('tx:1', ['z']), undefined);
    }
  });

  run('a fact that is forgotten is a new one', async (t, { transport, connect }) => {
    let count = 0;
    transport.onMessage(async ({ frame }) =>
      frame.id.startsWith('stop')
        ? { ...done, writes: [{ kind: 'forget', businessKey: 'start:1' }] }
        : { ...done, answer: { kind: 'result', payload: { count: ++count } }, businessKey: 'start:1' },
    );
    await transport.start();
    const station = await connect('CP-1', 'ocpp1.6');
    const answers: unknown[] = [];
    station.onMessage((text) => answers.push((JSON.parse(text) as unknown[])[2]));
    for (const id of ['a', 'b', 'stop', 'c', 'd']) {
      const before = answers.length;
      await station.write(beat(id));
      await until(() => answers.length > before, `the answer to ${id}`);
    }
    t.deepEqual(answers, [{ count: 1 }, { count: 1 }, {}, { count: 3 }, { count: 3 }]);
  });

  run('an amendment applies while its record is as it was read, and then once', async (t, { transport }) => {
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
    t.true(await transport.state.amend(amendment(undefined, '1')));
    t.false(await transport.state.amend(amendment(undefined, '2')), 'it exists by now');
    t.false(await transport.state.amend(amendment('0', '2')));
    const both = await Promise.all([
      transport.state.amend(amendment('1', '2')),
      transport.state.amend(amendment('1', '3')),
    ]);
    t.deepEqual(both.filter(Boolean), [true], 'of two at the same time one applies');
    t.deepEqual(await state.record('tx:1'), { at: both[0] ? '2' : '3' });
  });

  run('an outcome may keep a text that could not be understood, and is answered', async (t, harness) => {
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
    t.is(answers.at(-1), '[3,"25",{}]');
  });
}
