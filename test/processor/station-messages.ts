/** One valid request of every action of a station, and its response. */
import type { Protocol } from '../../services/ocpp/frame.ts';
import { boot2, energy, event2, later, NOW, start16, stop16, token2 } from './stations.ts';

export type Sample = readonly [Protocol, action: string, request: object, answer: object];

const hash = { hashAlgorithm: 'SHA256', issuerNameHash: 'a', issuerKeyHash: 'b', serialNumber: '1' };
const accepted = { status: 'Accepted', currentTime: NOW, interval: 300 };
const schedule = {
  id: 1,
  chargingRateUnit: 'W',
  chargingSchedulePeriod: [{ startPeriod: 0, limit: 11_000 }],
};
const profile = {
  id: 1,
  stackLevel: 0,
  chargingProfilePurpose: 'TxDefaultProfile',
  chargingProfileKind: 'Absolute',
  chargingSchedule: [schedule],
};
const part = { requestId: 4, seqNo: 0, generatedAt: NOW };
const unable = { reasonCode: 'UnsupportedRequest' };

const SAMPLES_16: readonly (readonly [string, object, object])[] = [
  ['Authorize', { idTag: 'AbC123' }, { idTagInfo: { status: 'Accepted' } }],
  ['BootNotification', { chargePointVendor: 'Acme', chargePointModel: 'AC-1' }, accepted],
  ['DataTransfer', { vendorId: 'org.example' }, { status: 'UnknownVendorId' }],
  ['DiagnosticsStatusNotification', { status: 'Uploading' }, {}],
  ['FirmwareStatusNotification', { status: 'Installed' }, {}],
  ['Heartbeat', {}, { currentTime: NOW }],
  ['LogStatusNotification', { status: 'Uploaded', requestId: 4 }, {}],
  ['MeterValues', { connectorId: 1, meterValue: [{ timestamp: NOW, sampledValue: [{ value: '1.5' }] }] }, {}],
  ['SecurityEventNotification', { type: 'TamperDetectionActivated', timestamp: NOW }, {}],
  ['SignCertificate', { csr: 'pem' }, { status: 'Rejected' }],
  ['SignedFirmwareStatusNotification', { status: 'InstallVerificationFailed', requestId: 4 }, {}],
  ['StartTransaction', start16, { idTagInfo: { status: 'Accepted' } }],
  ['StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Charging' }, {}],
  ['StopTransaction', stop16, {}],
];

const SAMPLES_2: readonly (readonly [string, object, object])[] = [
  ['Authorize', { idToken: token2 }, { idTokenInfo: { status: 'Accepted' } }],
  ['BootNotification', boot2, accepted],
  ['ClearedChargingLimit', { chargingLimitSource: 'EMS' }, {}],
  ['DataTransfer', { vendorId: 'org.example' }, { status: 'UnknownVendorId' }],
  ['FirmwareStatusNotification', { status: 'Downloading', requestId: 4 }, {}],
  [
    'Get15118EVCertificate',
    { iso15118SchemaVersion: 'urn:iso:15118:2:2013:MsgDef', action: 'Install', exiRequest: 'AAAA' },
    { status: 'Failed', exiResponse: '', statusInfo: unable },
  ],
  [
    'GetCertificateStatus',
    { ocspRequestData: { ...hash, responderURL: 'http://ocsp.example' } },
    { status: 'Failed', statusInfo: unable },
  ],
  ['Heartbeat', {}, { currentTime: NOW }],
  ['LogStatusNotification', { status: 'Uploaded', requestId: 4 }, {}],
  ['MeterValues', { evseId: 1, meterValue: [energy(1.5, 'Sample.Clock')] }, {}],
  ['NotifyChargingLimit', { chargingLimit: { chargingLimitSource: 'EMS', isGridCritical: true } }, {}],
  ['NotifyCustomerInformation', { ...part, data: 'nothing' }, {}],
  ['NotifyDisplayMessages', { requestId: 4 }, {}],
  [
    'NotifyEVChargingSchedule',
    { timeBase: NOW, evseId: 1, chargingSchedule: schedule },
    { status: 'Accepted' },
  ],
  [
    'NotifyEvent',
    {
      generatedAt: NOW,
      seqNo: 0,
      eventData: [
        {
          eventId: 1,
          timestamp: NOW,
          trigger: 'Alerting',
          actualValue: 'true',
          component: { name: 'Connector', evse: { id: 1 } },
          variable: { name: 'Problem' },
          eventNotificationType: 'HardWiredNotification',
        },
      ],
    },
    {},
  ],
  ['NotifyMonitoringReport', part, {}],
  ['NotifyReport', part, {}],
  ['PublishFirmwareStatusNotification', { status: 'Published', location: ['http://lc.example'] }, {}],
  [
    'ReportChargingProfiles',
    { requestId: 4, chargingLimitSource: 'CSO', evseId: 1, chargingProfile: [profile] },
    {},
  ],
  ['ReservationStatusUpdate', { reservationId: 9, reservationUpdateStatus: 'Expired' }, {}],
  ['SecurityEventNotification', { type: 'SettingSystemTime', timestamp: NOW, techInfo: 'drift' }, {}],
  [
    'SignCertificate',
    { csr: 'pem', certificateType: 'V2GCertificate' },
    { status: 'Rejected', statusInfo: unable },
  ],
  ['StatusNotification', { timestamp: NOW, connectorStatus: 'Occupied', evseId: 1, connectorId: 1 }, {}],
  ['TransactionEvent', event2('Started', 0), {}],
];

const needs = { evseId: 1, chargingNeeds: { requestedEnergyTransfer: 'DC' } };

const SAMPLES_21: readonly (readonly [string, object, object])[] = [
  [
    'BatterySwap',
    {
      requestId: 4,
      eventType: 'BatteryIn',
      idToken: token2,
      batteryData: [{ evseId: 1, serialNumber: 'B-1', soC: 20, soH: 98 }],
    },
    {},
  ],
  ['ClosePeriodicEventStream', { id: 3 }, {}],
  [
    'GetCertificateChainStatus',
    {
      certificateStatusRequests: [{ certificateHashData: hash, source: 'OCSP', urls: ['http://o.example'] }],
    },
    {
      certificateStatus: [
        {
          certificateHashData: hash,
          source: 'OCSP',
          status: 'Failed',
          nextUpdate: '2026-11-24T10:00:00.000Z',
        },
      ],
    },
  ],
  ['NotifyDERAlarm', { controlType: 'EnterService', timestamp: NOW }, {}],
  ['NotifyDERStartStop', { controlId: 'c-1', started: true, timestamp: NOW }, {}],
  ['NotifyPriorityCharging', { transactionId: 'tx:1', activated: true }, {}],
  [
    'NotifySettlement',
    {
      pspRef: 'p-1',
      status: 'Settled',
      settlementAmount: 12.5,
      settlementTime: NOW,
      transactionId: 'tx:1',
    },
    {},
  ],
  [
    'OpenPeriodicEventStream',
    { constantStreamData: { id: 3, variableMonitoringId: 8, params: { interval: 5 } } },
    { status: 'Accepted' },
  ],
  ['PullDynamicScheduleUpdate', { chargingProfileId: 1 }, { status: 'Rejected', statusInfo: unable }],
  ['ReportDERControl', { requestId: 4 }, {}],
  [
    'VatNumberValidation',
    { vatNumber: 'NL1', evseId: 1 },
    { status: 'Rejected', vatNumber: 'NL1', evseId: 1, statusInfo: unable },
  ],
];

export const SAMPLES: readonly Sample[] = [
  ...SAMPLES_16.map(([action, request, answer]): Sample => ['ocpp1.6', action, request, answer]),
  ...later.flatMap((version) =>
    SAMPLES_2.map(([action, request, answer]): Sample => [version, action, request, answer]),
  ),
  ['ocpp2.0.1', 'NotifyEVChargingNeeds', needs, { status: 'Rejected', statusInfo: unable }],
  ['ocpp2.1', 'NotifyEVChargingNeeds', needs, { status: 'NoChargingProfile', statusInfo: unable }],
  ...SAMPLES_21.map(([action, request, answer]): Sample => ['ocpp2.1', action, request, answer]),
];

/** The one SEND of 2.1, which is never answered. */
export const STREAM_SEND = {
  id: 3,
  pending: 0,
  basetime: NOW,
  data: [
    { t: 0, v: '1' },
    { t: 5.5, v: '2' },
  ],
};
