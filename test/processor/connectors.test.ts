/** The status of connectors, as stations report it in each version, by either message. */
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { call, later, NOW, written } from './stations.ts';

test('a station cannot fill its record with invented connectors', async (t) => {
  const absurd = { connectorId: 100_000, errorCode: 'NoError', status: 'Available' };
  t.deepEqual((await call('ocpp1.6', 'StatusNotification', absurd)).writes, []);
  for (const [evseId, connectorId] of [
    [10, 1],
    [1, 10],
    [-1, 1],
  ]) {
    const request = { timestamp: NOW, connectorStatus: 'Available', evseId, connectorId };
    t.deepEqual((await call('ocpp2.1', 'StatusNotification', request)).writes, []);
  }
});

const connectorEvent = (evse: object | undefined, actualValue: string, more: object = {}) => ({
  eventId: 1,
  timestamp: NOW,
  trigger: 'Delta',
  eventNotificationType: 'HardWiredNotification',
  component: { name: 'Connector', ...(evse !== undefined && { evse }) },
  variable: { name: 'AvailabilityState' },
  actualValue,
  ...more,
});
const notified = (protocol: Protocol, ...eventData: readonly object[]) =>
  call(protocol, 'NotifyEvent', { generatedAt: NOW, seqNo: 0, eventData });

test('2.x: a connector’s status by NotifyEvent is recorded as by StatusNotification (G01)', async (t) => {
  for (const version of later) {
    const status = { timestamp: NOW, connectorStatus: 'Occupied', evseId: 1, connectorId: 2 };
    const direct = await call(version, 'StatusNotification', status);
    const inOtherCase = { component: { name: 'connector', evse: { id: 1, connectorId: 2 } } };
    for (const event of [
      connectorEvent({ id: 1, connectorId: 2 }, 'Occupied'),
      connectorEvent(undefined, ' OCCUPIED', { ...inOtherCase, variable: { name: 'availabilitystate' } }),
    ]) {
      const { writes, events } = await notified(version, event);
      t.deepEqual(writes, direct.writes);
      t.like(events, { 0: { type: 'device-event' }, 1: direct.events[0], length: 2 });
    }
  }
});

test('2.x: the last status of a connector counts, even in an omitted event', async (t) => {
  const one = { id: 1, connectorId: 1 };
  const many = Array.from({ length: 60 }, () => connectorEvent(one, 'Available'));
  const outcome = await notified(
    'ocpp2.1',
    ...many,
    connectorEvent({ id: 2, connectorId: 1 }, 'Charging'),
    connectorEvent(one, 'Faulted'),
  );
  const record = (connector: string, status: string) => JSON.stringify({ connector, status, at: NOW });
  t.deepEqual(written(outcome), [
    [
      'set',
      'station:CP-1',
      { 'status:1.1': record('1.1', 'Faulted'), 'status:2.1': record('2.1', 'Charging') },
    ],
  ]);
  const told = outcome.events.filter(({ type }) => type === 'connector-status');
  t.deepEqual(
    told.map(({ fields }) => fields['status']),
    ['Faulted', 'Charging'],
  );
});

test('2.x: an event without a connector or of another variable is only a device event', async (t) => {
  for (const event of [
    connectorEvent(undefined, 'Occupied'),
    connectorEvent({ id: 1 }, 'Occupied'),
    connectorEvent({ id: 1, connectorId: 99 }, 'Occupied'),
    connectorEvent({ id: 1, connectorId: 1 }, ''),
    connectorEvent({ id: 1, connectorId: 1 }, '', { actualValue: undefined }),
    connectorEvent({ id: 1, connectorId: 1 }, 'Occupied', { variable: {} }),
    connectorEvent({ id: 1, connectorId: 1 }, 'Occupied', { variable: { name: 'Problem' } }),
    connectorEvent({ id: 1, connectorId: 1 }, 'Occupied', {
      component: { name: 'EVSE', evse: { id: 1, connectorId: 1 } },
    }),
  ]) {
    const { writes, events } = await notified('ocpp2.0.1', event);
    t.deepEqual(writes, [], JSON.stringify(event));
    const types = events.map(({ type }) => type).filter((type) => type !== 'message-repaired');
    t.deepEqual(types, ['device-event'], JSON.stringify(event));
  }
});
