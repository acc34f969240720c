/** What every Transport must do with CALLs of the CSMS; part of transportConformance. */
import { setTimeout as wait } from 'node:timers/promises';
import { TransportError } from '../../services/transport/errors.ts';
import type { CallOutcome, StationCall } from '../../services/transport/station-call.ts';
import type { ClientTransport, Transport } from '../../services/transport/transport.ts';
import { until } from '../support/until.ts';
import type { Run, TransportHarness } from './transport.ts';

const silent = async () => ({ writes: [], events: [] });

const reset = (parts: Partial<StationCall> = {}): StationCall => ({
  stationId: 'CP-1',
  action: 'Reset',
  payload: { type: 'Soft' },
  ...parts,
});

const ANSWERED: CallOutcome = {
  kind: 'answered',
  answer: { kind: 'result', payload: { status: 'Accepted' } },
};

/** A station that keeps the CALLs it gets, and answers when it is told to. */
class Obedient {
  readonly got: { readonly id: string; readonly action: string; readonly payload: unknown }[] = [];
  readonly link: Promise<ClientTransport>;

  private constructor({ connect }: TransportHarness, answersAtOnce: boolean) {
    this.link = connect('CP-1', 'ocpp1.6', (text) => {
      const [, id, action, payload] = JSON.parse(text) as [number, string, string, unknown];
      this.got.push({ id, action, payload });
      if (answersAtOnce) this.accept(this.got.length - 1);
    });
  }

  static async connect(harness: TransportHarness, answersAtOnce = false): Promise<Obedient> {
    const station = new Obedient(harness, answersAtOnce);
    await station.link;
    return station;
  }

  accept(index: number): void {
    void this.#write([3, this.got[index]?.id, { status: 'Accepted' }]);
  }

  refuse(index: number): void {
    void this.#write([4, this.got[index]?.id, 'NotSupported', 'no "such" thing', { a: 1 }]);
  }

  /** @param text of the answer, with ID for the message id */
  async answer(index: number, text: string): Promise<void> {
    await (await this.link).write(text.replace('ID', JSON.stringify(this.got[index]?.id)));
  }

  async #write(frame: readonly unknown[]): Promise<void> {
    await (await this.link).write(JSON.stringify(frame));
  }

  async until(count: number): Promise<void> {
    await until(() => this.got.length >= count, `${count} calls, got ${this.got.length}`);
  }
}

async function started(harness: TransportHarness): Promise<readonly [Transport, Obedient]> {
  const { transport } = harness;
  transport.onMessage(silent);
  await transport.start();
  return [transport, await Obedient.connect(harness)];
}

export function stationCallConformance(run: Run): void {
  run('a call to a station resolves to its answer, a result or an error', async (t, harness) => {
    const [transport, station] = await started(harness);
    const first = transport.calls.make(reset());
    await station.until(1);
    t.is(station.got[0]?.action, 'Reset');
    t.deepEqual(station.got[0]?.payload, { type: 'Soft' });
    station.accept(0);
    t.deepEqual(await first, ANSWERED);
    const second = transport.calls.make(reset());
    await station.until(2);
    station.refuse(1);
    t.deepEqual(await second, {
      kind: 'answered',
      answer: { kind: 'error', code: 'NotSupported', description: 'no "such" thing', details: { a: 1 } },
    });
  });

  run('two calls to one station: one is open, the other waits (case 20)', async (t, harness) => {
    const [transport, station] = await started(harness);
    const calls = [transport.calls.make(reset()), transport.calls.make(reset())];
    await station.until(1);
    await wait(50);
    t.is(station.got.length, 1);
    station.accept(0);
    await station.until(2);
    station.accept(1);
    t.deepEqual(await Promise.all(calls), [ANSWERED, ANSWERED]);
  });

  run('the same idempotency key is one call, and one outcome for all who ask', async (t, harness) => {
    const [transport, station] = await started(harness);
    const call = reset({ idempotencyKey: 'k {1}' });
    t.is(await transport.calls.stateOf('CP-1', 'k {1}'), undefined);
    const both = [transport.calls.make(call), transport.calls.make(call)];
    await station.until(1);
    await until(
      async () => (await transport.calls.stateOf('CP-1', 'k {1}'))?.kind === 'sent',
      'the call to be sent',
    );
    station.accept(0);
    t.deepEqual(await Promise.all(both), [ANSWERED, ANSWERED]);
    t.deepEqual(await transport.calls.make(call), ANSWERED);
    t.deepEqual(await transport.calls.stateOf('CP-1', 'k {1}'), ANSWERED);
    t.is(station.got.length, 1);
    const other = transport.calls.make({ ...call, payload: { type: 'Hard' } });
    const error = await t.throwsAsync(other, { instanceOf: TransportError });
    t.is(error?.code, 'key-conflict');
  });

  run('a call to a station that is offline is not sent, or waits for it', async (t, harness) => {
    const { transport, connect } = harness;
    transport.onMessage(silent);
    await transport.start();
    await (await connect('other', 'ocpp1.6')).stop();
    t.deepEqual(await transport.calls.make(reset()), { kind: 'not-sent', reason: 'offline' });
    const waiting = transport.calls.make(reset({ queueable: true, idempotencyKey: 'w' }));
    await until(
      async () => (await transport.calls.stateOf('CP-1', 'w'))?.kind === 'queued',
      'the call to wait',
    );
    const station = await Obedient.connect(harness, true);
    t.deepEqual(await waiting, ANSWERED);
    t.is(station.got.length, 1);
  });

  run('an answer that says nothing ends its call at once, and the next one follows', async (t, harness) => {
    const [transport, station] = await started(harness);
    const malformed: CallOutcome = { kind: 'uncertain', reason: 'malformed' };
    const refused = (details: object): CallOutcome => ({
      kind: 'answered',
      answer: { kind: 'error', code: 'NotSupported', description: '', details },
    });
    const answers: readonly (readonly [string, CallOutcome])[] = [
      ['[3,ID]', malformed],
      ['[3,ID,null]', malformed],
      ['[3,ID,[]]', malformed],
      ['[3,ID,"Accepted"]', malformed],
      ['[4,ID]', malformed],
      ['[4,ID,null,"",{}]', malformed],
      ['[4,ID,404,"",{}]', malformed],
      ['[4,ID,"",""]', malformed],
      ['[4,ID,"NotSupported",null,{"a":1}]', refused({ a: 1 })],
      ['[4,ID,"NotSupported",null,null]', refused({})],
      ['[4,ID,"NotSupported"]', refused({})],
      ['[3,ID,{"status":"Accepted"},null]', ANSWERED],
      ['\0[3,ID,{"status":"Accepted",}]', ANSWERED],
    ];
    // All wait for one slot: each is sent when the one before it has ended.
    const calls = answers.map((_, i) =>
      transport.calls.make(reset({ payload: { i }, idempotencyKey: `k${i}` })),
    );
    for (const [i, [text]] of answers.entries()) {
      await station.until(i + 1);
      await station.answer(i, text);
    }
    const byKey = new Map(station.got.map(({ payload }, i) => [(payload as { i: number }).i, i]));
    for (const [i, call] of calls.entries()) {
      const [text, outcome] = answers[byKey.get(i) ?? 0] ?? [];
      t.deepEqual(await call, outcome as CallOutcome, text);
      t.deepEqual(await transport.calls.stateOf('CP-1', `k${i}`), outcome, text);
    }
  });

  run('what was not sent in its time to live is never sent (case 23)', async (t, harness) => {
    const { transport, connect } = harness;
    transport.onMessage(silent);
    await transport.start();
    await (await connect('other', 'ocpp1.6')).stop();
    const late = await transport.calls.make(reset({ queueable: true, ttlMs: 50 }));
    t.deepEqual(late, { kind: 'not-sent', reason: 'expired' });
    const station = await Obedient.connect(harness, true);
    t.deepEqual(await transport.calls.make(reset({ payload: { type: 'Hard' } })), ANSWERED);
    t.deepEqual(
      station.got.map(({ payload }) => payload),
      [{ type: 'Hard' }],
    );
  });

  run('no answer in time is uncertain, and a late one changes nothing (case 22)', async (t, harness) => {
    const [transport, station] = await started(harness);
    const call = reset({ idempotencyKey: 'k', timeoutMs: 100 });
    const uncertain: CallOutcome = { kind: 'uncertain', reason: 'timeout' };
    t.deepEqual(await transport.calls.make(call), uncertain);
    station.accept(0);
    const next = transport.calls.make(reset());
    await station.until(2);
    station.accept(1);
    t.deepEqual(await next, ANSWERED);
    t.deepEqual(await transport.calls.stateOf('CP-1', 'k'), uncertain);
    t.is(station.got.length, 2);
  });

  run('a link that ends after the call was sent leaves it uncertain (case 22)', async (t, harness) => {
    const [transport, first] = await started(harness);
    const calls = [transport.calls.make(reset()), transport.calls.make(reset({ queueable: true }))];
    await first.until(1);
    await (await first.link).stop();
    t.deepEqual(await calls[0], { kind: 'uncertain', reason: 'disconnected' });
    const second = await Obedient.connect(harness, true);
    t.deepEqual(await calls[1], ANSWERED);
    t.is(second.got.length, 1);
    t.not(second.got[0]?.id, first.got[0]?.id);
  });

  run('calls that wait go by priority, then by age; some wait in vain (case 25)', async (t, harness) => {
    const [transport, station] = await started(harness);
    const open = transport.calls.make(reset());
    await station.until(1);
    const make = (idempotencyKey: string, priority: number) =>
      transport.calls.make(reset({ idempotencyKey, priority, payload: { key: idempotencyKey } }));
    const waiting: Promise<CallOutcome>[] = [];
    for (const [key, priority] of [
      ['low', 1],
      ['b', 5],
      ['c', 5],
      ['high', 9],
      ['gone', 7],
    ] as const) {
      waiting.push(make(key, priority));
      await until(async () => (await transport.calls.stateOf('CP-1', key)) !== undefined, `${key} to wait`);
    }
    t.deepEqual(await transport.calls.cancel('CP-1', 'gone'), { kind: 'not-sent', reason: 'cancelled' });
    for (let i = 0; i <= 4; i++) {
      await station.until(i + 1);
      station.accept(i);
    }
    await open;
    const cancelled: CallOutcome = { kind: 'not-sent', reason: 'cancelled' };
    t.deepEqual(await Promise.all(waiting), [ANSWERED, ANSWERED, ANSWERED, ANSWERED, cancelled]);
    const keys = station.got.map(({ payload }) => (payload as { key?: string }).key);
    t.deepEqual(keys, [undefined, 'high', 'b', 'c', 'low']);
  });

  run('a full queue takes no more (case 25)', async (t, harness) => {
    const [transport, station] = await started(harness);
    void transport.calls.make(reset()).catch(() => {});
    await station.until(1);
    const many = Array.from({ length: 40 }, () =>
      transport.calls.make(reset({ ttlMs: 300, queueable: true })),
    );
    const outcomes = await Promise.all(many);
    const reasons = outcomes.map((one) => (one.kind === 'not-sent' ? one.reason : one.kind));
    t.is(reasons.filter((reason) => reason === 'queue-full').length, 8);
    t.is(reasons.filter((reason) => reason === 'expired').length, 32);
  });

  run('a call and a CALL of the station may cross (case 20)', async (t, { transport, connect }) => {
    transport.onMessage(async ({ frame }) => ({
      writes: [],
      events: [],
      ...(frame.type === 2 ? { answer: { kind: 'result', payload: {} } as const } : {}),
    }));
    await transport.start();
    const link = await connect('CP-1', 'ocpp1.6');
    const heard: string[] = [];
    link.onMessage((text) => heard.push(text));
    const call = transport.calls.make(reset());
    await until(() => heard.length === 1, 'the call');
    await link.write(JSON.stringify([2, 'own', 'Heartbeat', {}]));
    await until(() => heard.length === 2, 'the answer to the station');
    t.deepEqual(JSON.parse(heard[1] ?? ''), [3, 'own', {}]);
    const [, id] = JSON.parse(heard[0] ?? '') as [number, string];
    await link.write(JSON.stringify([3, id, { status: 'Accepted' }]));
    t.deepEqual(await call, ANSWERED);
  });

  run('what cannot be a call is refused with its reason', async (t, harness) => {
    const [transport] = await started(harness);
    for (const bad of [
      { stationId: '' },
      { action: '' },
      { payload: 'x' },
      { idempotencyKey: '' },
      { priority: 10 },
      { ttlMs: 0 },
      { timeoutMs: Number.NaN },
    ]) {
      const error = await t.throwsAsync(transport.calls.make(reset(bad)), { instanceOf: TransportError });
      t.is(error?.code, 'bad-call', JSON.stringify(bad));
    }
  });

  run('stop leaves nobody waiting for an outcome', async (t, harness) => {
    const [transport, station] = await started(harness);
    const call = transport.calls.make(reset());
    await station.until(1);
    await Promise.all([
      t.throwsAsync(call, { instanceOf: TransportError, message: /stops/ }),
      transport.stop(),
    ]);
  });
}
