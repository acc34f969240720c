/** Every message of a station is answered, and stores its useful facts. */
import test from 'ava';
import * as schemas16 from 'typed-ocpp/dist/ocpp16/schemas.js';
import * as schemas201 from 'typed-ocpp/dist/ocpp20/schemas.js';
import * as schemas21 from 'typed-ocpp/dist/ocpp21/schemas.js';
import { MessageType, type Protocol, PROTOCOLS } from '../../services/ocpp/frame.ts';
import { validateRequest, validateResponse } from '../../services/ocpp/schema.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { SAMPLES, STREAM_SEND } from './station-messages.ts';
import { call, deliver, later, NOW, type Records, resultOf, written } from './stations.ts';

/** Messages that only a CSMS sends (2.1 Part 2, messages; 1.6 with the security whitepaper). */
const OF_THE_CSMS =
  `AFRRSignal AdjustPeriodicEventStream CancelReservation CertificateSigned ChangeAvailability
  ChangeConfiguration ChangeTransactionTariff ClearCache ClearChargingProfile ClearDERControl ClearDisplayMessage
  ClearTariffs ClearVariableMonitoring CostUpdated CustomerInformation DeleteCertificate ExtendedTriggerMessage
  GetBaseReport GetChargingProfiles GetCompositeSchedule GetConfiguration GetDERControl GetDiagnostics
  GetDisplayMessages GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport
  GetPeriodicEventStream GetReport GetTariffs GetTransactionStatus GetVariables InstallCertificate
  NotifyAllowedEnergyTransfer NotifyWebPaymentStarted PublishFirmware RemoteStartTransaction RemoteStopTransaction
  RequestBatterySwap RequestStartTransaction RequestStopTransaction ReserveNow Reset SendLocalList
  SetChargingProfile SetDERControl SetDefaultTariff SetDisplayMessage SetMonitoringBase SetMonitoringLevel
  SetNetworkProfile SetVariableMonitoring SetVariables SignedUpdateFirmware TriggerMessage UnlockConnector
  UnpublishFirmware UpdateDynamicSchedule UpdateFirmware UsePriorityCharging`.split(/\s+/);

const ACTIONS: Readonly<Record<Protocol, readonly string[]>> = {
  'ocpp1.6': actionsOf(schemas16),
  'ocpp2.0.1': actionsOf(schemas201),
  'ocpp2.1': actionsOf(schemas21),
};

function actionsOf(schemas: object): string[] {
  const names = Object.keys(schemas).filter((name) => !name.endsWith('Response'));
  return names.map((name) => name.replace(/Request$/, '')).sort();
}

for (const protocol of PROTOCOLS) {
  test(`${protocol}: every action has a handler, unless only a CSMS sends it`, (t) => {
    const sent = ACTIONS[protocol].filter((action) => !OF_THE_CSMS.includes(action));
    t.deepEqual(Object.keys(HANDLERS[protocol]).sort(), sent);
    const samples = SAMPLES.filter(([version]) => version === protocol).map(([, action]) => action);
    const alone = protocol === 'ocpp2.1' ? ['NotifyPeriodicEventStream'] : [];
    t.deepEqual([...samples, ...alone].sort(), sent, 'and a sample in this test');
  });
}

for (const [protocol, action, request, answer] of SAMPLES) {
  test(`${protocol} ${action} has a response that its schema allows`, async (t) => {
    t.is(validateRequest(protocol, action, request), undefined, 'the sample itself is valid');
    const result = resultOf(await call(protocol, action, request));
    if (Object.keys(answer).length === 0) t.deepEqual(result, {});
    else t.like(result, answer);
    t.is(validateResponse(protocol, action, result), undefined);
  });
}

test('2.1: the SEND of an event stream keeps its last value, and is not answered', async (t) => {
  const frame = {
    type: MessageType.Send,
    id: 'x',
    action: 'NotifyPeriodicEventStream',
    payload: STREAM_SEND,
  };
  const outcome = await deliver('ocpp2.1', frame);
  t.is(outcome.answer, undefined);
  const fields = { lastValue: '2', lastAt: '2026-11-23T10:00:05.500Z', pending: '0' };
  t.deepEqual(written(outcome), [['set', 'event-stream:CP-1:3', fields]]);
});

test('2.1: event streams are opened, closed, and refused above the limit', async (t) => {
  const open = (id: number) => ({
    constantStreamData: { id, variableMonitoringId: 8, params: { interval: 5 } },
  });
  const opened = await call('ocpp2.1', 'OpenPeriodicEventStream', open(99));
  t.like(opened.writes[0], { key: 'event-stream:CP-1:99', fields: { variableMonitoringId: '8' } });
  const closed = await call('ocpp2.1', 'ClosePeriodicEventStream', { id: 99 });
  t.deepEqual(written(closed), [['delete', 'event-stream:CP-1:99']]);
  for (const id of [100, 2 ** 40]) {
    const refused = await call('ocpp2.1', 'OpenPeriodicEventStream', open(id));
    t.is(resultOf(refused)['status'], 'Rejected');
    t.deepEqual(refused.writes, []);
    t.deepEqual((await call('ocpp2.1', 'ClosePeriodicEventStream', { id })).writes, []);
  }
});

const TOLD: readonly [Protocol, string, type: string, fields: object][] = [
  ['ocpp1.6', 'SecurityEventNotification', 'security-event', { event: 'TamperDetectionActivated', at: NOW }],
  ...later.flatMap((version): [Protocol, string, string, object][] => [
    [
      version,
      'NotifyEvent',
      'device-event',
      { component: 'Connector', evse: '1', variable: 'Problem', value: 'true' },
    ],
    [version, 'NotifyChargingLimit', 'charging-limit', { source: 'EMS', gridCritical: 'true' }],
    [version, 'ClearedChargingLimit', 'charging-limit-cleared', { source: 'EMS' }],
    [version, 'NotifyEVChargingNeeds', 'ev-charging-needs', { evse: '1', energyTransfer: 'DC' }],
    [version, 'SignCertificate', 'certificate-refused', { certificateType: 'V2GCertificate' }],
    [version, 'ReservationStatusUpdate', 'reservation-status', { reservationId: '9', status: 'Expired' }],
    [
      version,
      'SecurityEventNotification',
      'security-event',
      { event: 'SettingSystemTime', techInfo: 'drift' },
    ],
  ]),
  ['ocpp2.1', 'BatterySwap', 'battery-swap', { event: 'BatteryIn', batteries: 'B-1' }],
  ['ocpp2.1', 'NotifyDERAlarm', 'der-alarm', { control: 'EnterService' }],
  ['ocpp2.1', 'NotifyDERStartStop', 'der-control', { control: 'c-1', started: 'true' }],
  ['ocpp2.1', 'NotifyPriorityCharging', 'priority-charging', { transactionId: 'tx:1', activated: 'true' }],
  ['ocpp2.1', 'NotifySettlement', 'settlement', { pspRef: 'p-1', amount: '12.5' }],
];

function sampleOf(protocol: Protocol, action: string): object {
  const sample = SAMPLES.find(([version, name]) => version === protocol && name === action);
  if (sample === undefined) throw new Error(`no sample of ${protocol} ${action}`);
  return sample[2];
}

for (const [protocol, action, type, fields] of TOLD) {
  test(`${protocol} ${action} emits the event ${type}`, async (t) => {
    const { events } = await call(protocol, action, sampleOf(protocol, action));
    t.is(events.length, 1);
    t.like(events[0], { type, stationId: 'CP-1', fields });
  });
}

const TASKS: readonly [Protocol, string, field: string, status: string][] = [
  ['ocpp1.6', 'DiagnosticsStatusNotification', 'diagnosticsStatus', 'Uploading'],
  ['ocpp1.6', 'FirmwareStatusNotification', 'firmwareStatus', 'Installed'],
  ['ocpp1.6', 'SignedFirmwareStatusNotification', 'firmwareStatus', 'InstallVerificationFailed'],
  ['ocpp1.6', 'LogStatusNotification', 'logStatus', 'Uploaded'],
  ['ocpp2.1', 'FirmwareStatusNotification', 'firmwareStatus', 'Downloading'],
  ['ocpp2.1', 'LogStatusNotification', 'logStatus', 'Uploaded'],
  ['ocpp2.1', 'PublishFirmwareStatusNotification', 'firmwarePublishStatus', 'Published'],
];

test('the last status of updates and uploads is stored in the station’s record, and each emits an event', async (t) => {
  for (const [protocol, action, field, status] of TASKS) {
    const { writes, events } = await call(protocol, action, sampleOf(protocol, action));
    t.like(events[0]?.fields, { status, at: NOW }, action);
    const [write] = writes;
    const kept = write?.kind === 'set' && write.key === 'station:CP-1' ? write.fields[field] : undefined;
    t.deepEqual(JSON.parse(kept ?? '{}'), events[0]?.fields, action);
  }
});

test('texts of a station are cut in events, and a NotifyEvent emits at most 50', async (t) => {
  const sample = sampleOf('ocpp2.0.1', 'NotifyEvent') as { eventData: object[] };
  const data = { ...sample.eventData[0], actualValue: 'x'.repeat(2500) };
  const eventData = Array.from({ length: 60 }, () => data);
  const { events } = await call('ocpp2.0.1', 'NotifyEvent', { ...sample, eventData });
  t.is(events.length, 50);
  t.is(events[0]?.fields['value'], 'x'.repeat(500));
});

test('2.1: a settlement is recorded for billing, a repeat under the same business key', async (t) => {
  const request = sampleOf('ocpp2.1', 'NotifySettlement');
  const outcome = await call('ocpp2.1', 'NotifySettlement', request);
  const fields = { stationId: 'CP-1', pspRef: 'p-1', status: 'Settled', amount: '12.5', settledAt: NOW };
  t.like(outcome.writes[0], { kind: 'append', key: 'settlements', fields });
  t.is((await call('ocpp2.1', 'NotifySettlement', request)).businessKey, outcome.businessKey);
  const other = await call('ocpp2.1', 'NotifySettlement', { ...request, settlementAmount: 13 });
  t.not(other.businessKey, outcome.businessKey);
});

const report = (seqNo: number, tbc: boolean, more: object = {}) => ({
  requestId: 4,
  seqNo,
  tbc,
  generatedAt: NOW,
  ...more,
});

/** The stored state after these messages in sequence. */
async function after(messages: readonly (readonly [string, object])[]): Promise<Records> {
  const records: Record<string, Record<string, string>> = {};
  for (const [action, request] of messages) {
    for (const write of (await call('ocpp2.1', action, request, { records })).writes) {
      if (write.kind === 'delete') delete records[write.key];
      else if ('fields' in write) records[write.key] = { ...records[write.key], ...write.fields };
    }
  }
  return records;
}

test('the parts of a report are stored in one expiring record, and the last part emits an event', async (t) => {
  const first = await call('ocpp2.0.1', 'NotifyReport', report(0, true));
  t.like(first.writes[0], { key: 'report:CP-1:NotifyReport:4', expireSeconds: 3600 });
  t.deepEqual(first.events, []);
  const last = await call('ocpp2.0.1', 'NotifyReport', report(1, false));
  t.like(last.events[0], {
    type: 'report-received',
    fields: { report: 'NotifyReport', requestId: '4', parts: '2' },
  });

  const messages = [report(0, true), report(1, false)].map((part) => ['NotifyReport', part] as const);
  const records = await after(messages);
  t.is(records['station:CP-1']?.['reports'], 'NotifyReport:4');
  t.like(records['report:CP-1:NotifyReport:4'], {
    'part:0': JSON.stringify(report(0, true)),
    'part:1': JSON.stringify(report(1, false)),
    parts: '2',
    ended: NOW,
  });
});

test('parts without numbers are all stored, repeated ones once', async (t) => {
  const profiles = sampleOf('ocpp2.1', 'ReportChargingProfiles');
  const records = await after(
    [profiles, { ...profiles, evseId: 2 }, profiles].map((part) => ['ReportChargingProfiles', part] as const),
  );
  const kept = Object.keys(records['report:CP-1:ReportChargingProfiles:4'] ?? {});
  t.is(kept.filter((name) => name.startsWith('part:')).length, 2);
});

test('a station’s reports are bounded in number and size', async (t) => {
  const many = Array.from({ length: 10 }, (_, requestId) => ({ ...report(0, false), requestId }));
  const records = await after(many.map((part) => ['NotifyReport', part] as const));
  const kept = Object.keys(records).filter((name) => name.startsWith('report:'));
  t.deepEqual(
    kept,
    many.slice(2).map(({ requestId }) => `report:CP-1:NotifyReport:${requestId}`),
  );

  const endless = { 'report:CP-1:NotifyReport:4': { size: `${1024 * 1024 - 10}` } };
  const [write] = (await call('ocpp2.1', 'NotifyReport', report(9, true), { records: endless })).writes;
  t.deepEqual(write?.kind === 'set' && write.fields, { truncated: 'true' });
});
