/** Who waits for what follows from a message of a station. */
import test from 'ava';
import { MessageType } from '../../services/ocpp/frame.ts';
import { canWait } from '../../services/ocpp/patience.ts';

const call = (action: string, payload: unknown = {}) =>
  canWait({ type: MessageType.Call, id: '1', action, payload });

test('reports can wait, what a driver or the station wants to know cannot', (t) => {
  for (const action of ['Heartbeat', 'MeterValues', 'StatusNotification', 'NotifyReport'])
    t.true(call(action), action);
  for (const action of [
    'BootNotification',
    'Authorize',
    'StartTransaction',
    'StopTransaction',
    'DataTransfer',
  ])
    t.false(call(action), action);
  t.true(canWait({ type: MessageType.Send, id: '1', action: 'NotifyPeriodicEventStream', payload: {} }));
  t.false(canWait({ type: MessageType.CallResult, id: '1', payload: {} }), 'a caller waits');
});

test('of a transaction (2.x) only a reading can wait', (t) => {
  t.true(call('TransactionEvent', { eventType: 'Updated' }));
  t.false(call('TransactionEvent', { eventType: 'Updated', idToken: { idToken: 'A', type: 'ISO14443' } }));
  for (const eventType of ['Started', 'Ended', 'Unknown', undefined])
    t.false(call('TransactionEvent', { eventType }));
  for (const payload of [null, undefined, 'text', 7, []]) t.false(call('TransactionEvent', payload));
});
