/** Messages with faults: they are stored as far as they can be understood, and only an unusable one gets an error. */
import * as fc from 'fast-check';
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { SAMPLES } from './station-messages.ts';
import type { Outcome } from '../../services/transport/transport.ts';
import { call, errorOf, event2, keyOf, NOW, open16, start16, stop16, token2 } from './stations.ts';

const meter = (...sampledValue: object[]) => [{ timestamp: NOW, sampledValue }];
const records = {
  'transaction:17': open16,
  'transaction:CP-1:tx:1': { transactionId: 'tx:1', stationId: 'CP-1', lastMeter: '1000', seqNo: '0' },
};
const ended = (more: object) => event2('Ended', 1, more);
const kWh = (value: unknown, more: object = {}) => ({ value, unitOfMeasure: { unit: 'kWh' }, ...more });

/** Fault → fields of the first write that must be correct nevertheless. */
const REPAIRED: readonly [what: string, Protocol, string, object, fields: object][] = [
  [
    'a long idTag',
    'ocpp1.6',
    'StartTransaction',
    { ...start16, idTag: 'x'.repeat(255) },
    { idTag: 'x'.repeat(255) },
  ],
  [
    'a reservation that is text',
    'ocpp1.6',
    'StartTransaction',
    { ...start16, reservationId: 'none' },
    { meterStart: '1500' },
  ],
  [
    'a meter with a fraction',
    'ocpp1.6',
    'StartTransaction',
    { ...start16, meterStart: 1500.4 },
    { meterStart: '1500.4' },
  ],
  [
    'a meter as text',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, meterStop: '2750' },
    { meterStop: '2750', meterStart: '1500' },
  ],
  [
    'null for what is left out',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, reason: null, idTag: null },
    { reason: 'Local' },
  ],
  [
    'a reason of its own',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, reason: 'EVGone' },
    { reason: 'EVGone' },
  ],
  [
    'transactionData of the wrong kind',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, transactionData: 'none' },
    { meterStop: '2750' },
  ],
  [
    'transactionData without samples',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, transactionData: [{ timestamp: NOW, sampledValue: 5 }] },
    { meterStop: '2750' },
  ],
  [
    'an unknown measurand beside the register, whose value is a number',
    'ocpp1.6',
    'MeterValues',
    {
      connectorId: 1,
      transactionId: 17,
      meterValue: meter({ value: 1600 }, { value: '9', measurand: 'Coffee' }),
    },
    { lastMeter: '1600' },
  ],
  [
    'an unknown context',
    'ocpp2.0.1',
    'TransactionEvent',
    ended({ meterValue: meter(kWh(2.75, { context: 'The.End' })) }),
    { meterStop: '2750' },
  ],
  [
    'a value as text',
    'ocpp2.1',
    'TransactionEvent',
    ended({ meterValue: meter(kWh('2.75')) }),
    { meterStop: '2750' },
  ],
  [
    'a unit as text',
    'ocpp2.0.1',
    'TransactionEvent',
    ended({ meterValue: meter({ value: 2.75, unitOfMeasure: 'kWh' }) }),
    { meterStop: '2750' },
  ],
  [
    'one bad sample among good ones',
    'ocpp2.1',
    'TransactionEvent',
    ended({ meterValue: [...meter({ unit: 'V' }, kWh(2.75)), { sampledValue: [kWh(3)] }] }),
    { meterStop: '3000' },
  ],
  [
    'a bad customData',
    'ocpp2.0.1',
    'TransactionEvent',
    ended({ customData: { mine: 1 } }),
    { transactionId: 'tx:1' },
  ],
  [
    'no trigger, an EVSE without number, an unknown reason, a time without zone',
    'ocpp2.0.1',
    'TransactionEvent',
    {
      ...ended({ evse: { connectorId: 1 }, timestamp: '2026-11-23T10:00:00' }),
      triggerReason: undefined,
      transactionInfo: { transactionId: 'tx:1', stoppedReason: 'EVGone' },
    },
    { reason: 'EVGone', stoppedAt: '2026-11-23T10:00:00' },
  ],
  [
    'an unknown type of token',
    'ocpp2.0.1',
    'TransactionEvent',
    event2('Started', 0, {
      idToken: { ...token2, type: 'RFID' },
      transactionInfo: { transactionId: 'tx:2' },
    }),
    { idTag: 'AbC123', authorization: 'Accepted' },
  ],
];

/** The main write: an opened record follows the removal of an older closing mark. */
const mainWrite = ({ writes }: Outcome) => writes.find((write) => 'fields' in write);

for (const [what, protocol, action, request, fields] of REPAIRED) {
  test(`${protocol} ${action}, ${what}: stored and answered, the fault emits an event`, async (t) => {
    const outcome = await call(protocol, action, request, { records });
    t.is(outcome.answer?.kind, 'result');
    t.like(mainWrite(outcome), { fields });
    const event = outcome.events.at(-1);
    t.like(event, { type: 'message-repaired', stationId: 'CP-1', fields: { action, messageId: 'm-1' } });
    t.true((event?.fields['faults'] ?? '').length > 10);
    t.true((event?.fields['kinds'] ?? '').length > 3);
    t.is(event?.fields['payload'], JSON.stringify(request));
  });
}

/** Fault → notes of the bill. */
const DOUBTFUL: readonly [what: string, Protocol, string, object, fields: object][] = [
  [
    'no id and no tag',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, transactionId: null },
    { transactionId: '-1', notes: 'start-unknown' },
  ],
  [
    'no meter, one known',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, meterStop: ' ' },
    { meterStop: '2000', energy: '500', notes: 'meter-stop-from-last-reading' },
  ],
  [
    'a meter beyond all numbers',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, meterStop: Infinity },
    { meterStop: '2000', notes: 'meter-stop-from-last-reading' },
  ],
  [
    'a meter below its start',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, meterStop: 12 },
    { meterStop: '2000', notes: 'meter-below-start meter-stop-from-last-reading' },
  ],
  [
    'a time that is none',
    'ocpp1.6',
    'StopTransaction',
    { ...stop16, timestamp: 'noon' },
    { stoppedAt: NOW, stoppedAtUtc: NOW, energy: '1250', notes: 'time-unreadable' },
  ],
  [
    'half a number',
    'ocpp2.0.1',
    'TransactionEvent',
    ended({ meterValue: meter(kWh('2,75')) }),
    { meterStop: undefined, energy: undefined, notes: 'start-unknown value-unreadable' },
  ],
  [
    'an unknown unit',
    'ocpp2.1',
    'TransactionEvent',
    ended({ meterValue: meter({ value: 3, unitOfMeasure: { unit: 'kW' } }) }),
    { meterStop: undefined, notes: 'start-unknown unit-unknown' },
  ],
  [
    'a unit that is no text',
    'ocpp2.1',
    'TransactionEvent',
    ended({ meterValue: meter({ value: 3, unitOfMeasure: { unit: {} } }) }),
    { meterStop: undefined, notes: 'start-unknown value-unreadable' },
  ],
];

for (const [what, protocol, action, request, fields] of DOUBTFUL) {
  test(`${protocol} ${action}, ${what}: billed as far as it is reliable`, async (t) => {
    const outcome = await call(protocol, action, request, { records });
    t.is(outcome.answer?.kind, 'result');
    const [bill] = outcome.writes;
    t.like(bill, { key: 'transactions', fields });
    const doubtful = 'notes' in fields && fields.notes !== 'start-unknown';
    const reports = outcome.writes.filter((write) => keyOf(write) === 'reports');
    t.is(reports.length, doubtful ? 1 : 0);
    t.is(
      outcome.events.some(({ type }) => type === 'bill-doubtful'),
      doubtful,
    );
  });
}

/** A message without its essential part. */
const REFUSED: readonly [Protocol, string, object, code: string][] = [
  ['ocpp1.6', 'Authorize', { idTag: null }, 'OccurenceConstraintViolation'],
  ['ocpp2.1', 'TransactionEvent', event2('Paused', 0), 'PropertyConstraintViolation'],
  ['ocpp2.0.1', 'TransactionEvent', ended({ transactionInfo: {} }), 'OccurrenceConstraintViolation'],
  ['ocpp1.6', 'StatusNotification', { connectorId: 1, errorCode: 'NoError' }, 'OccurenceConstraintViolation'],
  ['ocpp2.1', 'GetCertificateChainStatus', {}, 'OccurrenceConstraintViolation'],
];

for (const [protocol, action, request, code] of REFUSED) {
  test(`${protocol} ${action} ${JSON.stringify(request).slice(0, 90)} cannot be understood: ${code}, and the message is kept`, async (t) => {
    const outcome = await call(protocol, action, request, { records });
    t.is(errorOf(outcome), code);
    t.deepEqual(outcome.writes, []);
    t.is(outcome.events.length, 1);
    t.like(outcome.events[0], {
      type: 'message-refused',
      fields: { action, payload: JSON.stringify(request) },
    });
    t.like(outcome.unreadable, { stationId: 'CP-1', text: JSON.stringify([2, 'm-1', action, request]) });
  });
}

test('every mutated message is answered without a handler failure', async (t) => {
  const full: readonly (readonly [Protocol, string, object])[] = [
    ...SAMPLES.map(([protocol, action, request]) => [protocol, action, request] as const),
    [
      'ocpp1.6',
      'StopTransaction',
      { ...stop16, idTag: 'A', transactionData: meter({ value: '1', unit: 'Wh' }) },
    ],
    ['ocpp1.6', 'MeterValues', { connectorId: 1, transactionId: 17, meterValue: meter({ value: '1' }) }],
    ['ocpp2.0.1', 'TransactionEvent', ended({ meterValue: meter(kWh(1)), idToken: token2, evse: { id: 1 } })],
  ];
  /** Replaces the value at one place of a JSON value. */
  const changed = (value: unknown, place: { at: number }, other: unknown): unknown => {
    if (place.at-- === 0) return other;
    if (Array.isArray(value)) return value.map((one) => changed(one, place, other));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, changed(one, place, other)]));
  };
  const other = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.string({ minLength: 200, maxLength: 300 }),
    fc.constant(undefined),
  );
  const faults = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), other), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...full), faults, async ([protocol, action, request], changes) => {
      const broken = changes.reduce<unknown>((value, [at, to]) => changed(value, { at }, to), request);
      const { answer } = await call(protocol, action, broken, { records });
      return answer !== undefined && !(answer.kind === 'error' && answer.code === 'InternalError');
    }),
    { numRuns: 4000 },
  );
  t.pass();
});
