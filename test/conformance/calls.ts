/** CALLs of the CSMS to stations: the port `calls`. */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { CallOutcome, StationCall } from '../../services/transport/station-call.ts';
import type { Transport } from '../../services/transport/transport.ts';
import { until } from '../support/until.ts';
import type { TransportHarness } from './harness.ts';
import { ObedientStation } from './station.ts';
import type { Part } from './suite.ts';

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

/** A rejection that is awaited later must not end the process meanwhile. */
function make({ calls }: Transport, call: StationCall): Promise<CallOutcome> {
  const outcome = calls.make(call);
  outcome.catch(() => undefined);
  return outcome;
}

async function started(harness: TransportHarness): Promise<readonly [Transport, ObedientStation]> {
  const { transport } = harness;
  transport.onMessage(silent);
  await transport.start();
  return [transport, await ObedientStation.connect(harness)];
}

export const calls: Part<TransportHarness> = (run) => {
  run('the protocol of a station is known while it is connected', async ({ transport, connect }) => {
    transport.onMessage(silent);
    await transport.start();
    assert.equal(await transport.calls.protocolOf('CP-1'), undefined);
    const station = await connect('CP-1', 'ocpp2.0.1');
    assert.equal(await transport.calls.protocolOf('CP-1'), 'ocpp2.0.1');
    await station.stop();
    await until(async () => (await transport.calls.protocolOf('CP-1')) === undefined, 'the station to leave');
  });

  run('a call to a station resolves to its answer, a result or an error', async (harness) => {
    const [transport, station] = await started(harness);
    const first = make(transport, reset());
    await station.until(1);
    assert.equal(station.got[0]?.action, 'Reset');
    assert.deepEqual(station.got[0]?.payload, { type: 'Soft' });
    station.accept(0);
    assert.deepEqual(await first, ANSWERED);
    const second = make(transport, reset());
    await station.until(2);
    station.refuse(1);
    assert.deepEqual(await second, {
      kind: 'answered',
      answer: { kind: 'error', code: 'NotSupported', description: 'no "such" thing', details: { a: 1 } },
    });
  });

  run('two calls to one station: one is open, the other waits (case 20)', async (harness) => {
    const [transport, station] = await started(harness);
    const made = [make(transport, reset()), make(transport, reset())];
    await station.until(1);
    await wait(50);
    assert.equal(station.got.length, 1);
    station.accept(0);
    await station.until(2);
    station.accept(1);
    assert.deepEqual(await Promise.all(made), [ANSWERED, ANSWERED]);
  });

  run('the same idempotency key is one call, and one outcome for all who ask', async (harness) => {
    const [transport, station] = await started(harness);
    const call = reset({ idempotencyKey: 'k {1}', protocol: 'ocpp1.6' });
    assert.equal(await transport.calls.stateOf('CP-1', 'k {1}'), undefined);
    const both = [make(transport, call), make(transport, call)];
    await station.until(1);
    await until(
      async () => (await transport.calls.stateOf('CP-1', 'k {1}'))?.kind === 'sent',
      'the call to be sent',
    );
    station.accept(0);
    assert.deepEqual(await Promise.all(both), [ANSWERED, ANSWERED]);
    assert.deepEqual(await make(transport, call), ANSWERED);
    assert.deepEqual(await transport.calls.stateOf('CP-1', 'k {1}'), ANSWERED);
    assert.equal(station.got.length, 1);
    const found = await transport.calls.find('CP-1', 'k {1}');
    assert.equal(found?.action, 'Reset');
    assert.equal(found.protocol, 'ocpp1.6');
    assert.ok(Math.abs(Date.now() - (found.madeAt ?? 0)) < 60_000);
    assert.deepEqual(found.state, ANSWERED);
    assert.equal(await transport.calls.find('CP-1', 'other'), undefined);
    const other = make(transport, { ...call, payload: { type: 'Hard' } });
    await assert.rejects(other, { name: 'TransportError', code: 'key-conflict' });
  });

  run('a call to a station that is offline is not sent, or waits for it', async (harness) => {
    const { transport, connect } = harness;
    transport.onMessage(silent);
    await transport.start();
    await (await connect('other', 'ocpp1.6')).stop();
    assert.deepEqual(await make(transport, reset()), { kind: 'not-sent', reason: 'offline' });
    const waiting = make(transport, reset({ queueable: true, idempotencyKey: 'w' }));
    await until(
      async () => (await transport.calls.stateOf('CP-1', 'w'))?.kind === 'queued',
      'the call to wait',
    );
    const station = await ObedientStation.connect(harness, true);
    await station.boot();
    assert.deepEqual(await waiting, ANSWERED);
    assert.equal(station.got.length, 1);
  });

  run(
    'calls that waited for a station follow the answer to its boot, unless it is rejected',
    async (harness) => {
      const { transport, connect } = harness;
      let isRejected = true;
      transport.onMessage(async ({ frame }) => ({
        writes: [],
        events: [],
        ...(frame.type === 2 ? { answer: { kind: 'result', payload: { isRejected } } as const } : {}),
        ...(isRejected && { holdsCalls: true as const }),
      }));
      await transport.start();
      await (await connect('other', 'ocpp1.6')).stop();
      const waiting = make(transport, reset({ queueable: true, idempotencyKey: 'waits' }));
      await until(
        async () => (await transport.calls.stateOf('CP-1', 'waits')) !== undefined,
        'the call to wait',
      );
      const heard: unknown[][] = [];
      const station = await connect('CP-1', 'ocpp1.6', (text) => heard.push(JSON.parse(text) as unknown[]));
      const next = make(transport, reset({ idempotencyKey: 'next' }));
      await until(
        async () => (await transport.calls.stateOf('CP-1', 'next')) !== undefined,
        'the next call to wait',
      );
      await station.write(JSON.stringify([2, 'b1', 'BootNotification', {}]));
      await until(() => heard.length === 1, 'the first answer');
      await wait(50);
      assert.deepEqual(heard, [[3, 'b1', { isRejected: true }]]);
      for (const key of ['waits', 'next']) {
        assert.deepEqual(await transport.calls.stateOf('CP-1', key), { kind: 'queued' });
      }
      isRejected = false;
      await station.write(JSON.stringify([2, 'b2', 'BootNotification', {}]));
      await until(() => heard.length === 3, 'the second answer, and a call');
      assert.deepEqual(heard[1], [3, 'b2', { isRejected: false }]);
      for (const [at, one] of [waiting, next].entries()) {
        await until(() => heard.length === 3 + at, `call ${at}`);
        await station.write(JSON.stringify([3, heard[2 + at]?.[1], { status: 'Accepted' }]));
        assert.deepEqual(await one, ANSWERED);
      }
    },
  );

  run('a call to a station that connected while none waited does not wait for its boot', async (harness) => {
    const [transport, station] = await started(harness);
    const call = make(transport, reset());
    await station.until(1);
    station.accept(0);
    assert.deepEqual(await call, ANSWERED);
  });

  run('an answer that says nothing ends its call at once, and the next one follows', async (harness) => {
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
    // One is open at a time: each is sent when the one before it has ended.
    const made = answers.map((_, i) => make(transport, reset({ payload: { i }, idempotencyKey: `k${i}` })));
    for (const [i, [text]] of answers.entries()) {
      await station.until(i + 1);
      await station.answer(i, text);
    }
    const byKey = new Map(station.got.map(({ payload }, i) => [(payload as { i: number }).i, i]));
    for (const [i, call] of made.entries()) {
      const [text, outcome] = answers[byKey.get(i) ?? 0] ?? [];
      assert.deepEqual(await call, outcome as CallOutcome, text);
      assert.deepEqual(await transport.calls.stateOf('CP-1', `k${i}`), outcome, text);
    }
  });

  run('what was not sent in its time to live is never sent (case 23)', async (harness) => {
    const { transport, connect } = harness;
    transport.onMessage(silent);
    await transport.start();
    await (await connect('other', 'ocpp1.6')).stop();
    const late = await make(transport, reset({ queueable: true, ttlMs: 50 }));
    assert.deepEqual(late, { kind: 'not-sent', reason: 'expired' });
    const station = await ObedientStation.connect(harness, true);
    assert.deepEqual(await make(transport, reset({ payload: { type: 'Hard' } })), ANSWERED);
    assert.deepEqual(
      station.got.map(({ payload }) => payload),
      [{ type: 'Hard' }],
    );
  });

  run('no answer in time is uncertain, and a late one changes nothing (case 22)', async (harness) => {
    const [transport, station] = await started(harness);
    const call = reset({ idempotencyKey: 'k', timeoutMs: 100 });
    const uncertain: CallOutcome = { kind: 'uncertain', reason: 'timeout' };
    assert.deepEqual(await make(transport, call), uncertain);
    station.accept(0);
    const next = make(transport, reset());
    await station.until(2);
    station.accept(1);
    assert.deepEqual(await next, ANSWERED);
    assert.deepEqual(await transport.calls.stateOf('CP-1', 'k'), uncertain);
    assert.equal(station.got.length, 2);
  });

  run('a link that ends after the call was sent leaves it uncertain (case 22)', async (harness) => {
    const [transport, first] = await started(harness);
    const made = [make(transport, reset()), make(transport, reset({ queueable: true }))];
    await first.until(1);
    await (await first.link).stop();
    assert.deepEqual(await made[0], { kind: 'uncertain', reason: 'disconnected' });
    const second = await ObedientStation.connect(harness, true);
    await second.boot();
    assert.deepEqual(await made[1], ANSWERED);
    assert.equal(second.got.length, 1);
    assert.notEqual(second.got[0]?.id, first.got[0]?.id);
  });

  run('calls that wait go by priority, then by age; some wait in vain (case 25)', async (harness) => {
    const [transport, station] = await started(harness);
    const open = make(transport, reset());
    await station.until(1);
    const enqueue = (idempotencyKey: string, priority: number) =>
      make(transport, reset({ idempotencyKey, priority, payload: { key: idempotencyKey } }));
    const waiting: Promise<CallOutcome>[] = [];
    for (const [key, priority] of [
      ['low', 1],
      ['b', 5],
      ['c', 5],
      ['high', 9],
      ['gone', 7],
    ] as const) {
      waiting.push(enqueue(key, priority));
      await until(async () => (await transport.calls.stateOf('CP-1', key)) !== undefined, `${key} to wait`);
    }
    assert.deepEqual(await transport.calls.cancel('CP-1', 'gone'), { kind: 'not-sent', reason: 'cancelled' });
    for (let i = 0; i <= 4; i++) {
      await station.until(i + 1);
      station.accept(i);
    }
    await open;
    const cancelled: CallOutcome = { kind: 'not-sent', reason: 'cancelled' };
    assert.deepEqual(await Promise.all(waiting), [ANSWERED, ANSWERED, ANSWERED, ANSWERED, cancelled]);
    const keys = station.got.map(({ payload }) => (payload as { key?: string }).key);
    assert.deepEqual(keys, [undefined, 'high', 'b', 'c', 'low']);
  });

  run('a full queue takes no more (case 25)', async (harness) => {
    const [transport, station] = await started(harness);
    void make(transport, reset());
    await station.until(1);
    const many = Array.from({ length: 40 }, () => make(transport, reset({ ttlMs: 300, queueable: true })));
    const outcomes = await Promise.all(many);
    const reasons = outcomes.map((one) => (one.kind === 'not-sent' ? one.reason : one.kind));
    assert.equal(reasons.filter((reason) => reason === 'queue-full').length, 8);
    assert.equal(reasons.filter((reason) => reason === 'expired').length, 32);
  });

  run('a call and a CALL of the station may cross (case 20)', async ({ transport, connect }) => {
    transport.onMessage(async ({ frame }) => ({
      writes: [],
      events: [],
      ...(frame.type === 2 ? { answer: { kind: 'result', payload: {} } as const } : {}),
    }));
    await transport.start();
    const link = await connect('CP-1', 'ocpp1.6');
    const heard: string[] = [];
    link.onMessage((text) => heard.push(text));
    const call = make(transport, reset());
    await until(() => heard.length === 1, 'the call');
    await link.write(JSON.stringify([2, 'own', 'Heartbeat', {}]));
    await until(() => heard.length === 2, 'the answer to the station');
    assert.deepEqual(JSON.parse(heard[1] ?? ''), [3, 'own', {}]);
    const [, id] = JSON.parse(heard[0] ?? '') as [number, string];
    await link.write(JSON.stringify([3, id, { status: 'Accepted' }]));
    assert.deepEqual(await call, ANSWERED);
  });

  run('an invalid call is rejected with its reason', async (harness) => {
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
      const rejected = { name: 'TransportError', code: 'bad-call' };
      await assert.rejects(make(transport, reset(bad)), rejected, JSON.stringify(bad));
    }
  });

  run('stop rejects the calls whose outcome is unknown', async (harness) => {
    const [transport, station] = await started(harness);
    const call = make(transport, reset());
    await station.until(1);
    await Promise.all([
      assert.rejects(call, { name: 'TransportError', code: 'call-abandoned', message: /stops/ }),
      transport.stop(),
    ]);
  });
};
