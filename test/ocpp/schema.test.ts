import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { knowsAction, validateRequest, validateResponse, warmUp } from '../../services/ocpp/schema.ts';

const BOOT_16 = { chargePointVendor: 'V', chargePointModel: 'M' };
const BOOT_2X = { reason: 'PowerUp', chargingStation: { model: 'M', vendorName: 'V' } };
const START = { connectorId: 1, idTag: 'TAG', meterStart: 0, timestamp: '2026-01-01T00:00:00Z' };
const PROFILE = (limit: number) => ({
  connectorId: 1,
  csChargingProfiles: {
    chargingProfileId: 1,
    stackLevel: 0,
    chargingProfilePurpose: 'TxProfile',
    chargingProfileKind: 'Absolute',
    chargingSchedule: { chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit }] },
  },
});

/** version, action, payload → `code path`, or '' for a valid one */
const REQUESTS: readonly (readonly [Protocol, string, unknown, string])[] = [
  ['ocpp1.6', 'BootNotification', BOOT_16, ''],
  ['ocpp2.0.1', 'BootNotification', BOOT_2X, ''],
  ['ocpp2.1', 'BootNotification', BOOT_2X, ''],
  ['ocpp2.1', 'BootNotification', { ...BOOT_2X, customData: { vendorId: 'x', more: 1 } }, ''],
  ['ocpp2.0.1', 'BootNotification', BOOT_16, 'OccurrenceConstraintViolation /reason'],
  [
    'ocpp1.6',
    'BootNotification',
    { chargePointModel: 'M' },
    'OccurenceConstraintViolation /chargePointVendor',
  ],
  ['ocpp1.6', 'BootNotification', { ...BOOT_16, x: 1 }, 'FormationViolation /x'],
  ['ocpp2.1', 'Heartbeat', { x: 1 }, 'FormatViolation /x'],
  [
    'ocpp1.6',
    'BootNotification',
    { ...BOOT_16, chargePointModel: 'M'.repeat(21) },
    'PropertyConstraintViolation /chargePointModel',
  ],
  ['ocpp1.6', 'StartTransaction', START, ''],
  ['ocpp1.6', 'StartTransaction', { ...START, timestamp: '2026-01-01T00:00:00' }, ''],
  ['ocpp1.6', 'StartTransaction', { ...START, timestamp: 'yesterday' }, 'FormationViolation /timestamp'],
  ['ocpp1.6', 'StartTransaction', { ...START, meterStart: '0' }, 'TypeConstraintViolation /meterStart'],
  ['ocpp1.6', 'StartTransaction', { ...START, meterStart: 0.5 }, 'TypeConstraintViolation /meterStart'],
  ['ocpp2.0.1', 'MeterValues', { evseId: 1, meterValue: [] }, 'OccurrenceConstraintViolation /meterValue'],
  [
    'ocpp1.6',
    'MeterValues',
    {
      connectorId: 1,
      meterValue: [{ timestamp: START.timestamp, sampledValue: [{ value: '1', unit: 'Furlong' }] }],
    },
    'PropertyConstraintViolation /meterValue/0/sampledValue/0/unit',
  ],
  ['ocpp1.6', 'SetChargingProfile', PROFILE(16.1), ''],
  [
    'ocpp1.6',
    'SetChargingProfile',
    PROFILE(16.15),
    'PropertyConstraintViolation /csChargingProfiles/chargingSchedule/chargingSchedulePeriod/0/limit',
  ],
  ['ocpp2.1', 'NotifyPeriodicEventStream', {}, 'OccurrenceConstraintViolation /id'],
];

test('an invalid payload gets the error code of its version and the path', (t) => {
  for (const [protocol, action, payload, expected] of REQUESTS) {
    const before = structuredClone(payload);
    const fault = validateRequest(protocol, action, payload);
    t.is(fault === undefined ? '' : `${fault.code} ${fault.path}`, expected, `${protocol} ${action}`);
    if (fault !== undefined) t.true(fault.description.startsWith(fault.path), fault.description);
    t.deepEqual(payload, before, 'the payload is never changed');
  }
});

test('only MeterValues may have vendor properties, at any depth, unless validation is strict', (t) => {
  const sample = { timestamp: START.timestamp, vendor: 1, sampledValue: [{ value: '1', vendor: 1 }] };
  const sample2 = { ...sample, sampledValue: [{ value: 1, vendor: 1 }] };
  const metered16 = { connectorId: 1, meterValue: [sample], vendor: 1 };
  const cases: readonly (readonly [Protocol, string, object, string])[] = [
    ['ocpp1.6', 'MeterValues', metered16, ''],
    ['ocpp2.0.1', 'MeterValues', { evseId: 1, meterValue: [sample2], vendor: 1 }, ''],
    ['ocpp1.6', 'MeterValues', { connectorId: 1, vendor: 1 }, '/meterValue'],
    ['ocpp1.6', 'StartTransaction', { ...START, vendor: 1 }, '/vendor'],
    ['ocpp2.0.1', 'Authorize', { idToken: { idToken: 'x', type: 'Local', vendor: 1 } }, '/idToken/vendor'],
  ];
  t.is(validateRequest('ocpp1.6', 'MeterValues', metered16, true)?.path, '/vendor');
  for (const [protocol, action, payload, path] of cases) {
    t.is(validateRequest(protocol, action, payload)?.path ?? '', path, `${protocol} ${action}`);
  }
});

test('responses are validated against their own schema; 2.x requires a time zone', (t) => {
  t.is(validateResponse('ocpp2.0.1', 'Heartbeat', { currentTime: '2026-01-01T00:00:00Z' }), undefined);
  t.is(
    validateResponse('ocpp2.0.1', 'Heartbeat', { currentTime: '2026-01-01T00:00:00' })?.path,
    '/currentTime',
  );
  t.is(validateResponse('ocpp1.6', 'Heartbeat', {})?.code, 'OccurenceConstraintViolation');
});

test('an action is known in the versions that have it, in either direction, and by its own name only', (t) => {
  const known: readonly (readonly [string, boolean, boolean, boolean])[] = [
    ['StartTransaction', true, false, false],
    ['TransactionEvent', false, true, true],
    ['Reset', true, true, true],
    ['SecurityEventNotification', true, true, true],
    ['NotifyPeriodicEventStream', false, false, true],
    ['HeartbeatRequest', false, false, false],
    ['HeartbeatResponse', false, false, false],
    ['heartbeat', false, false, false],
    ['toString', false, false, false],
    ['__proto__', false, false, false],
    ['', false, false, false],
  ];
  for (const [action, ...expected] of known) {
    const found = (['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1'] as const).map((version) =>
      knowsAction(version, action),
    );
    t.deepEqual(found, expected, action);
  }
});

test('warmUp compiles in every version; an unknown action throws', (t) => {
  t.notThrows(() => warmUp(['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1']));
  t.throws(() => validateRequest('ocpp2.1', 'StartTransaction', {}), {
    message: /no schema StartTransaction/,
  });
});
