/** Which messages may be stored some milliseconds later. */
import test from 'ava';
import { deferredMs } from '../../services/ocpp/deferrable.ts';
import { MessageType } from '../../services/ocpp/frame.ts';

const call = (action: string, payload: unknown = {}) =>
  deferredMs({ type: MessageType.Call, id: '1', action, payload });

test('what repeats all day can be deferred, what a driver or a caller waits for cannot', (t) => {
  t.is(call('Heartbeat'), 25);
  for (const action of ['MeterValues', 'NotifyEvent']) t.is(call(action), 10, action);
  for (const action of [
    'BootNotification',
    'Authorize',
    'StartTransaction',
    'StopTransaction',
    'DataTransfer',
  ])
    t.is(call(action), 0, action);
  t.is(call('StatusNotification'), 0, 'a token is asked about behind it');
  t.is(call('NotifyReport'), 0, 'a part of what a caller has asked for');
  t.is(
    deferredMs({ type: MessageType.Send, id: '1', action: 'NotifyEvent', payload: {} }),
    0,
    'not repeated',
  );
  t.is(deferredMs({ type: MessageType.CallResult, id: '1', payload: {} }), 0, 'a caller waits');
});

test('of a transaction (2.x) only a periodic reading can be deferred', (t) => {
  const reading = { eventType: 'Updated', triggerReason: 'MeterValuePeriodic' };
  t.is(call('TransactionEvent', reading), 10);
  t.is(call('TransactionEvent', { ...reading, triggerReason: 'MeterValueClock' }), 10);
  t.is(call('TransactionEvent', { ...reading, triggerReason: 'ChargingStateChanged' }), 0);
  t.is(call('TransactionEvent', { ...reading, idToken: { idToken: 'A', type: 'ISO14443' } }), 0);
  t.is(call('TransactionEvent', { ...reading, offline: true }), 0, 'many follow, one after the other');
  for (const eventType of ['Started', 'Ended', 'Unknown', undefined])
    t.is(call('TransactionEvent', { ...reading, eventType }), 0);
  for (const payload of [null, undefined, 'text', 7, []]) t.is(call('TransactionEvent', payload), 0);
});
