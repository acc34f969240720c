/** Which messages may be stored some milliseconds later. */
import test from 'ava';
import { isDeferrable } from '../../services/ocpp/deferrable.ts';
import { MessageType } from '../../services/ocpp/frame.ts';

const call = (action: string, payload: unknown = {}) =>
  isDeferrable({ type: MessageType.Call, id: '1', action, payload });

test('what repeats all day can be deferred, what a driver or a caller waits for cannot', (t) => {
  for (const action of ['Heartbeat', 'MeterValues', 'NotifyEvent']) t.true(call(action), action);
  for (const action of [
    'BootNotification',
    'Authorize',
    'StartTransaction',
    'StopTransaction',
    'DataTransfer',
  ])
    t.false(call(action), action);
  t.false(call('StatusNotification'), 'a token is asked about behind it');
  t.false(call('NotifyReport'), 'a part of what a caller has asked for');
  t.false(
    isDeferrable({ type: MessageType.Send, id: '1', action: 'NotifyEvent', payload: {} }),
    'not repeated',
  );
  t.false(isDeferrable({ type: MessageType.CallResult, id: '1', payload: {} }), 'a caller waits');
});

test('of a transaction (2.x) only a periodic reading can be deferred', (t) => {
  const reading = { eventType: 'Updated', triggerReason: 'MeterValuePeriodic' };
  t.true(call('TransactionEvent', reading));
  t.true(call('TransactionEvent', { ...reading, triggerReason: 'MeterValueClock' }));
  t.false(call('TransactionEvent', { ...reading, triggerReason: 'ChargingStateChanged' }));
  t.false(call('TransactionEvent', { ...reading, idToken: { idToken: 'A', type: 'ISO14443' } }));
  t.false(call('TransactionEvent', { ...reading, offline: true }), 'many follow, one after the other');
  for (const eventType of ['Started', 'Ended', 'Unknown', undefined])
    t.false(call('TransactionEvent', { ...reading, eventType }));
  for (const payload of [null, undefined, 'text', 7, []]) t.false(call('TransactionEvent', payload));
});
