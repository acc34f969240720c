/** Valid messages of stations, which the mutations spoil. */
import type { Protocol } from '../../services/ocpp/frame.ts';

const AT = '2026-11-28T12:00:00Z';
const wattHours = [{ value: '150', measurand: 'Energy.Active.Import.Register', unit: 'Wh' }];
const variable = { component: { name: 'X' }, variable: { name: 'Y' } };
const report = {
  requestId: 1,
  generatedAt: AT,
  seqNo: 0,
  reportData: [{ ...variable, variableAttribute: [{}] }],
};

const CALLS_1_6: Readonly<Record<string, object>> = {
  BootNotification: { chargePointVendor: 'ACME', chargePointModel: 'One' },
  Heartbeat: {},
  Authorize: { idTag: 'CARD' },
  StatusNotification: { connectorId: 1, errorCode: 'NoError', status: 'Available' },
  StartTransaction: { connectorId: 1, idTag: 'CARD', meterStart: 100, timestamp: AT },
  StopTransaction: { transactionId: 1, meterStop: 200, timestamp: AT, reason: 'Local' },
  MeterValues: { connectorId: 1, meterValue: [{ timestamp: AT, sampledValue: wattHours }] },
  DataTransfer: { vendorId: 'org.example', messageId: 'm', data: 'text' },
  DiagnosticsStatusNotification: { status: 'Idle' },
  FirmwareStatusNotification: { status: 'Idle' },
  SecurityEventNotification: { type: 'FirmwareUpdated', timestamp: AT },
  RemoteStartTransaction: { idTag: 'CARD' },
};

const CALLS_2_X: Readonly<Record<string, object>> = {
  BootNotification: { reason: 'PowerUp', chargingStation: { vendorName: 'ACME', model: 'Two' } },
  Heartbeat: {},
  Authorize: { idToken: { idToken: 'CARD', type: 'ISO14443' } },
  StatusNotification: { timestamp: AT, connectorStatus: 'Available', evseId: 1, connectorId: 1 },
  TransactionEvent: {
    eventType: 'Started',
    timestamp: AT,
    triggerReason: 'Authorized',
    seqNo: 0,
    transactionInfo: { transactionId: 'T' },
    evse: { id: 1, connectorId: 1 },
    idToken: { idToken: 'CARD', type: 'ISO14443' },
  },
  MeterValues: { evseId: 1, meterValue: [{ timestamp: AT, sampledValue: [{ value: 1.5 }] }] },
  DataTransfer: { vendorId: 'org.example', messageId: 'm', data: { deep: [1] } },
  NotifyReport: report,
  NotifyEvent: {
    generatedAt: AT,
    seqNo: 0,
    eventData: [
      {
        eventId: 1,
        timestamp: AT,
        trigger: 'Delta',
        actualValue: '1',
        eventNotificationType: 'HardWiredNotification',
        ...variable,
      },
    ],
  },
  SecurityEventNotification: { type: 'FirmwareUpdated', timestamp: AT },
  FirmwareStatusNotification: { status: 'Idle' },
  RequestStartTransaction: { idToken: { idToken: 'CARD', type: 'ISO14443' }, remoteStartId: 1 },
};

/** Frames that are no CALL; 5 and 6 exist in 2.1 only. */
const OTHERS = [
  [3, 'r1', { status: 'Accepted' }],
  [3, 'r1', { currentTime: AT }],
  [4, 'r1', 'NotSupported', 'not here', {}],
  [5, 'r1', 'FormatViolation', 'bad response', {}],
  [6, 's1', 'NotifyPeriodicEventStream', { id: 1, pending: 0, basetime: AT, data: [{ t: 0, v: '1' }] }],
];

const callsOf = (calls: Readonly<Record<string, object>>): string[] =>
  Object.entries(calls).map(([action, payload], index) => JSON.stringify([2, `c${index}`, action, payload]));

const others = OTHERS.map((frame) => JSON.stringify(frame));

export const SAMPLES: Readonly<Record<Protocol, readonly string[]>> = {
  'ocpp1.6': [...callsOf(CALLS_1_6), ...others],
  'ocpp2.0.1': [...callsOf(CALLS_2_X), ...others],
  'ocpp2.1': [...callsOf(CALLS_2_X), ...others, ...others],
};
