/** Messages that no handler answers. */
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { MessageType, PROTOCOLS } from '../../services/ocpp/frame.ts';
import { DEFAULT_SETTINGS, type HandlerTable } from '../../services/csms/handler.ts';
import { TransportError } from '../../services/transport/errors.ts';
import type { Delivery } from '../../services/transport/transport.ts';
import { createLog } from '../../services/runtime/log.ts';
import { memoryLog } from '../support/memory-log.ts';
import { createDispatch } from '../../services/csms/dispatch.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { deliver, call, emptyState, errorOf, start16, event2 } from './stations.ts';

test('unknown and unsupported actions and bad payloads get the error of their version', async (t) => {
  const cases: readonly [Protocol, string, object, string][] = [
    ['ocpp1.6', 'MakeCoffee', {}, 'NotImplemented'],
    ['ocpp1.6', 'constructor', {}, 'NotImplemented'],
    ['ocpp1.6', 'TransactionEvent', {}, 'NotImplemented'],
    ['ocpp2.0.1', 'StartTransaction', start16, 'NotImplemented'],
    ['ocpp1.6', 'Reset', { type: 'Soft' }, 'NotSupported'],
    ['ocpp2.1', 'NotifyReport', {}, 'OccurrenceConstraintViolation'],
    ['ocpp2.1', 'NotifyWebPaymentStarted', { evseId: 1, timeout: 60 }, 'NotSupported'],
    ['ocpp1.6', 'Authorize', {}, 'OccurenceConstraintViolation'],
    ['ocpp2.0.1', 'Authorize', {}, 'OccurrenceConstraintViolation'],
  ];
  for (const [protocol, action, payload, code] of cases) {
    const outcome = await call(protocol, action, payload);
    t.is(errorOf(outcome), code, `${protocol} ${action} ${JSON.stringify(payload)}`);
    t.deepEqual(outcome.writes, []);
  }
});

test('with strict validation every fault gets the error of the version, and the message is kept as sent', async (t) => {
  const cases: readonly [Protocol, string, object, string][] = [
    ['ocpp1.6', 'Heartbeat', { extra: 1 }, 'FormationViolation'],
    ['ocpp1.6', 'StartTransaction', { ...start16, vendorSoc: 40 }, 'FormationViolation'],
    ['ocpp1.6', 'Authorize', { idTag: 5 }, 'TypeConstraintViolation'],
    ['ocpp1.6', 'Authorize', { idTag: 'x'.repeat(21) }, 'PropertyConstraintViolation'],
    ['ocpp2.0.1', 'TransactionEvent', { ...event2('Started', 0), seqNo: '0' }, 'TypeConstraintViolation'],
  ];
  for (const [protocol, action, payload, code] of cases) {
    const outcome = await call(protocol, action, payload, { settings: { validation: 'Strict' } });
    t.is(errorOf(outcome), code, `${protocol} ${action} ${JSON.stringify(payload)}`);
    t.deepEqual(outcome.writes, []);
    t.like(outcome.events, [
      { type: 'message-refused', fields: { action, payload: JSON.stringify(payload) } },
    ]);
    t.like(outcome.unreadable, {
      stationId: 'CP-1',
      protocol,
      text: JSON.stringify([2, 'm-1', action, payload]),
    });
    const tolerant = await call(protocol, action, payload);
    t.is(tolerant.answer?.kind, 'result');
    t.is(tolerant.unreadable, undefined);
  }
});

test('a station with a fault in every message emits one event an hour; a start emits one each time', async (t) => {
  let now = Date.parse('2026-11-23T10:00:00Z');
  const dispatch = createDispatch({
    handlers: HANDLERS,
    settings: DEFAULT_SETTINGS,
    state: emptyState(),
    log: createLog('test', 'silent'),
    clock: { now: () => now },
  });
  const repairs = async (action: string, payload: object) => {
    const frame = { type: MessageType.Call, id: 'x', action, payload };
    const about = {
      stationId: 'CP-1',
      epoch: 1,
      protocol: 'ocpp1.6',
      receivedAt: now,
      deliveryCount: 1,
    } as const;
    const { events } = await dispatch({ ...about, frame });
    return events.filter(({ type }) => type === 'message-repaired').length;
  };
  const status = { connectorId: 1, errorCode: 'NoError', status: 'Available' };
  t.is(await repairs('StatusNotification', { ...status, own: 1 }), 1);
  t.is(await repairs('StatusNotification', { ...status, own: 2 }), 0);
  t.is(await repairs('StatusNotification', { ...status, connectorId: '1' }), 1, 'another kind');
  now += 3_600_000;
  t.is(await repairs('StatusNotification', { ...status, own: 3 }), 1);
  for (const own of [1, 2]) t.is(await repairs('StartTransaction', { ...start16, own }), 1);
});

test('a handler that fails for many stations is one line of the log', async (t) => {
  const log = memoryLog();
  const fail = async () => {
    throw new Error('a mistake in a handler');
  };
  const dispatch = createDispatch({
    handlers: { ...HANDLERS, 'ocpp1.6': { Heartbeat: fail } },
    settings: DEFAULT_SETTINGS,
    state: emptyState(),
    log,
    clock: { now: () => 0 },
  });
  const frame = { type: MessageType.Call, id: 'x', action: 'Heartbeat', payload: {} } as const;
  const about = { epoch: 1, protocol: 'ocpp1.6', receivedAt: 0, deliveryCount: 1 } as const;
  for (let i = 0; i < 1000; i += 1) await dispatch({ ...about, stationId: `CP-${i}`, frame });
  t.like(log.lines, [{ level: 'error', message: 'handler failed', fields: { stationId: 'CP-0' } }]);
  t.is(log.lines.length, 1);
});

test('an action in another spelling is understood', async (t) => {
  const outcome = await call('ocpp1.6', 'heartBeat', {});
  t.is(outcome.answer?.kind, 'result');
  t.like(outcome.events, [{ type: 'message-repaired', fields: { kinds: 'spelling' } }]);
});

test('a transaction with a vendor property is billed', async (t) => {
  const outcome = await call('ocpp1.6', 'StartTransaction', { ...start16, vendorSoc: 40 });
  t.is(outcome.answer?.kind, 'result');
  t.deepEqual(
    outcome.events.map(({ type }) => type),
    ['transaction-started', 'message-repaired'],
  );
  t.is(outcome.events[1]?.fields['kinds'], 'own-fields');
});

test('a response of a station changes nothing and is not logged: only the transport knows its CALL', async (t) => {
  const frames: Delivery['frame'][] = [
    { type: MessageType.CallResult, id: 'x', payload: {} },
    { type: MessageType.CallError, id: 'x', code: 'GenericError', description: '', details: {} },
  ];
  const log = memoryLog();
  for (const frame of frames)
    t.deepEqual(await deliver('ocpp2.1', frame, { log }), { writes: [], events: [] });
  t.deepEqual(log.lines, []);
});

test('a SEND is not answered', async (t) => {
  for (const action of ['NotifyPeriodicEventStream', 'Heartbeat']) {
    const frame = { type: MessageType.Send, id: 'x', action, payload: {} } as const;
    t.is((await deliver('ocpp2.1', frame)).answer, undefined);
  }
});

test('a failing handler answers InternalError, except to transaction messages; an unavailable store rejects', async (t) => {
  const failing = (error: Error): HandlerTable => {
    const fail = async () => {
      throw error;
    };
    const actions = { Heartbeat: fail, StartTransaction: fail, TransactionEvent: fail };
    return { 'ocpp1.6': actions, 'ocpp2.0.1': actions, 'ocpp2.1': actions };
  };
  const broken = { handlers: failing(new Error('a mistake in a handler')) };
  const reason = 'its handler failed: a mistake in a handler';
  const refused = await call('ocpp1.6', 'Heartbeat', {}, broken);
  t.is(errorOf(refused), 'InternalError');
  t.is(refused.failure, reason, 'so that another release may try first');
  const silence = { writes: [], events: [], deadLetter: reason };
  t.deepEqual(await call('ocpp1.6', 'StartTransaction', start16, broken), silence);
  t.deepEqual(await call('ocpp2.1', 'TransactionEvent', event2('Started', 0), broken), silence);

  const away = { handlers: failing(new TransportError('store-unavailable', 'the store is away')) };
  for (const protocol of PROTOCOLS) {
    await t.throwsAsync(call(protocol, 'Heartbeat', {}, away), { code: 'store-unavailable' });
  }
});
