/** Rules of commands beyond the schema, and short forms. */
import test from 'ava';
import * as schemas16 from 'typed-ocpp/dist/ocpp16/schemas.js';
import * as schemas201 from 'typed-ocpp/dist/ocpp20/schemas.js';
import * as schemas21 from 'typed-ocpp/dist/ocpp21/schemas.js';
import { isSentByStations } from '../../services/csms/commands/direction.ts';
import { contentFault } from '../../services/csms/commands/rules.ts';
import { shortForm, type ShortFormName, type ShortForms } from '../../services/csms/commands/short-forms.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { validateRequest } from '../../services/ocpp/schema.ts';

type Row = {
  [N in ShortFormName]: readonly [Protocol, N, ShortForms[N], string, object];
}[ShortFormName];

const V16 = 'ocpp1.6';
const V201 = 'ocpp2.0.1';
const V21 = 'ocpp2.1';
const profile16 = {
  chargingProfileId: 1,
  stackLevel: 0,
  chargingProfilePurpose: 'TxProfile',
  chargingProfileKind: 'Relative',
  chargingSchedule: { chargingRateUnit: 'A', chargingSchedulePeriod: [{ startPeriod: 0, limit: 16 }] },
};

const FORMS: readonly Row[] = [
  [V16, 'start', { token: 'AB', connector: 2 }, 'RemoteStartTransaction', { idTag: 'AB', connectorId: 2 }],
  [V16, 'start', { token: 'AB', tokenType: 'eMAID' }, 'RemoteStartTransaction', { idTag: 'AB' }],
  [
    V16,
    'start',
    { token: 'AB', chargingProfile: profile16 },
    'RemoteStartTransaction',
    { idTag: 'AB', chargingProfile: profile16 },
  ],
  [
    V201,
    'start',
    { token: 'AB', evse: 1 },
    'RequestStartTransaction',
    { remoteStartId: 39_109_419, idToken: { idToken: 'AB', type: 'Central' }, evseId: 1 },
  ],
  [
    V21,
    'start',
    { token: 'AB', tokenType: 'eMAID' },
    'RequestStartTransaction',
    { remoteStartId: 39_109_419, idToken: { idToken: 'AB', type: 'eMAID' } },
  ],
  [V16, 'stop', { transaction: '17' }, 'RemoteStopTransaction', { transactionId: 17 }],
  [V201, 'stop', { transaction: 'a-17' }, 'RequestStopTransaction', { transactionId: 'a-17' }],
  [V16, 'unlock', { connector: 2 }, 'UnlockConnector', { connectorId: 2 }],
  [V21, 'unlock', { connector: 2, evse: 1 }, 'UnlockConnector', { evseId: 1, connectorId: 2 }],
  [V16, 'reset', { type: 'soft' }, 'Reset', { type: 'Soft' }],
  [V16, 'reset', { type: 'immediate' }, 'Reset', { type: 'Soft' }],
  [V16, 'reset', { type: 'hard' }, 'Reset', { type: 'Hard' }],
  [V201, 'reset', { type: 'soft' }, 'Reset', { type: 'Immediate' }],
  [V201, 'reset', { type: 'idle', evse: 2 }, 'Reset', { type: 'OnIdle', evseId: 2 }],
  [V21, 'reset', { type: 'resume' }, 'Reset', { type: 'ImmediateAndResume' }],
  [V16, 'trigger', { message: 'Heartbeat' }, 'TriggerMessage', { requestedMessage: 'Heartbeat' }],
  [
    V16,
    'trigger',
    { message: 'MeterValues', connector: 1 },
    'TriggerMessage',
    { requestedMessage: 'MeterValues', connectorId: 1 },
  ],
  [
    V16,
    'trigger',
    { message: 'SignChargePointCertificate' },
    'ExtendedTriggerMessage',
    { requestedMessage: 'SignChargePointCertificate' },
  ],
  [
    V201,
    'trigger',
    { message: 'StatusNotification', evse: 1, connector: 2 },
    'TriggerMessage',
    { requestedMessage: 'StatusNotification', evse: { id: 1, connectorId: 2 } },
  ],
];

test('a short form is the right message of each version, valid by its schema', (t) => {
  for (const [protocol, name, input, action, payload] of FORMS) {
    const said = `${protocol} ${name} ${JSON.stringify(input)}`;
    t.deepEqual(shortForm(protocol, name, input, { seed: 'k' }), { action, payload }, said);
    t.is(validateRequest(protocol, action, payload), undefined, said);
  }
});

const PROBLEMS: {
  readonly [N in ShortFormName]: readonly (readonly [Protocol, ShortForms[N], RegExp])[];
} = {
  start: [
    [V16, { token: 'AB', evse: 1 }, /no EVSEs: set `connector`/],
    [V16, { token: 'AB', connector: 0 }, /`connector` must be an integer from 1 on, it is 0/],
    [V16, { token: 'x'.repeat(21) }, /`token` must NOT have more than 20 characters/],
    [V16, { token: 'AB', chargingProfile: {} }, /\/chargingProfile\/chargingProfileId is missing/],
    [V201, { token: 'AB', connector: 1 }, /set `evse`/],
    [V201, { token: 'AB', connector: 1, evse: 1 }, /omit `connector`/],
    [V201, { token: 'AB', tokenType: 'Card' }, /`tokenType` must be .*: use Central, .* or NoAuthorization/],
    [V21, { token: 'AB', evse: 1.5 }, /`evse` must be an integer from 1 on, it is 1.5/],
  ],
  stop: [
    [V16, { transaction: 'a-17' }, /`transaction` must be an integer/],
    [V16, { transaction: '' }, /`transaction` must be an integer/],
    [V201, { transaction: 'x'.repeat(37) }, /`transaction` must NOT have more than 36 characters/],
  ],
  unlock: [
    [V16, { connector: 1, evse: 1 }, /no EVSEs/],
    [V201, { connector: 1 }, /numbers connectors within an EVSE: set `evse`/],
  ],
  reset: [
    [V16, { type: 'idle' }, /no reset of type "idle": use soft, immediate or hard/],
    [V16, { type: 'soft', evse: 1 }, /resets a whole station: omit `evse`/],
    [V201, { type: 'hard' }, /no reset of type "hard": use soft, immediate or idle/],
    [V201, { type: 'resume' }, /no reset of type "resume"/],
    [V21, { type: 'toString' as 'soft' }, /no reset of type "toString"/],
  ],
  trigger: [
    [V16, { message: 'TransactionEvent' }, /cannot trigger "TransactionEvent": use BootNotification, .* or /],
    [V201, { message: 'Reset' }, /`message` must be .*: use BootNotification, .*/],
    [V201, { message: 'MeterValues', connector: 1 }, /set `evse`/],
    [V21, { message: 'CustomTrigger' }, /needs its name/],
  ],
};

test('what a version cannot express is a problem that says what would be right', (t) => {
  for (const name of Object.keys(PROBLEMS) as ShortFormName[]) {
    for (const [protocol, input, message] of PROBLEMS[name]) {
      const found = shortForm(protocol, name, input);
      const said = `${protocol} ${name} ${JSON.stringify(input)}`;
      t.regex('problem' in found ? found.problem : 'no problem', message, said);
    }
  }
});

test('a remote start repeats its number under the same seed, and has a new one without', (t) => {
  const numberOf = (seed?: string) => {
    const found = shortForm(V201, 'start', { token: 'AB' }, seed === undefined ? {} : { seed });
    return 'payload' in found ? (found.payload as { remoteStartId: number }).remoteStartId : 0;
  };
  t.is(numberOf('one'), numberOf('one'));
  t.not(numberOf('one'), numberOf('two'));
  t.not(numberOf(), numberOf());
  for (let i = 0; i < 1000; i++) {
    const number = numberOf(`${i}`);
    t.true(Number.isInteger(number) && number > 0 && number < 2 ** 31);
  }
});

/** Actions of a CSMS; with those of stations they are every action of the three versions. */
const COMMANDS =
  `AFRRSignal AdjustPeriodicEventStream CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration
  ChangeTransactionTariff ClearCache ClearChargingProfile ClearDERControl ClearDisplayMessage ClearTariffs ClearVariableMonitoring
  CostUpdated CustomerInformation DataTransfer DeleteCertificate ExtendedTriggerMessage GetBaseReport GetChargingProfiles
  GetCompositeSchedule GetConfiguration GetDERControl GetDiagnostics GetDisplayMessages GetInstalledCertificateIds
  GetLocalListVersion GetLog GetMonitoringReport GetPeriodicEventStream GetReport GetTariffs GetTransactionStatus GetVariables
  InstallCertificate NotifyAllowedEnergyTransfer NotifyWebPaymentStarted PublishFirmware RemoteStartTransaction
  RemoteStopTransaction RequestBatterySwap RequestStartTransaction RequestStopTransaction ReserveNow Reset SendLocalList
  SetChargingProfile SetDERControl SetDefaultTariff SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile
  SetVariableMonitoring SetVariables SignedUpdateFirmware TriggerMessage UnlockConnector UnpublishFirmware UpdateDynamicSchedule
  UpdateFirmware UsePriorityCharging`.split(/\s+/);

test('every action of every version is sent by stations, or to them, or both', (t) => {
  const versions = { [V16]: schemas16, [V201]: schemas201, [V21]: schemas21 };
  const seen = new Set<string>();
  for (const [protocol, schemas] of Object.entries(versions)) {
    for (const name of Object.keys(schemas)) {
      if (name.endsWith('Response')) continue;
      const action = name.replace(/Request$/, '');
      const handled = Object.hasOwn(HANDLERS[protocol as Protocol], action);
      t.is(isSentByStations(action), handled && action !== 'DataTransfer', `${protocol} ${action}`);
      t.is(isSentByStations(action), !COMMANDS.includes(action), `${protocol} ${action}`);
      seen.add(action);
    }
  }
  t.deepEqual(
    COMMANDS.filter((action) => !seen.has(action)),
    [],
  );
});

const periods = (...starts: number[]) => starts.map((startPeriod) => ({ startPeriod, limit: 16 }));
const ONE_PERIOD = { chargingRateUnit: 'A', chargingSchedulePeriod: periods(0, 60) };
const START = '2027-01-01T00:00:00Z';

/** A valid profile of 1.6, with changes. */
const p16 = (parts: object = {}, schedule: object = {}) => ({
  ...profile16,
  ...parts,
  chargingSchedule: { ...ONE_PERIOD, ...schedule },
});
/** A valid profile of 2.x, with changes. */
const p2 = (parts: object = {}, schedule: object = {}) => ({
  id: 1,
  stackLevel: 0,
  chargingProfilePurpose: 'TxDefaultProfile',
  chargingProfileKind: 'Relative',
  ...parts,
  chargingSchedule: [{ id: 1, ...ONE_PERIOD, ...schedule }],
});
const tx = { chargingProfilePurpose: 'TxProfile' };
const max16 = { chargingProfilePurpose: 'ChargePointMaxProfile' };
const max2 = { chargingProfilePurpose: 'ChargingStationMaxProfile', chargingProfileKind: 'Absolute' };
const start2 = (parts: object) => ({
  remoteStartId: 1,
  idToken: { idToken: 'A', type: 'Central' },
  ...parts,
});

type Rule = readonly [Protocol, string, object, RegExp | undefined];
/** Number of the connector or EVSE, profile, refusal. */
type Profiles = readonly (readonly [number, object, RegExp | undefined])[];

const OTHERS: readonly Rule[] = [
  [V16, 'RemoteStartTransaction', { idTag: 'A', chargingProfile: p16() }, undefined],
  [V16, 'RemoteStartTransaction', { idTag: 'A', connectorId: 0 }, /^\/connectorId must be at least 1/],
  [
    V16,
    'RemoteStartTransaction',
    { idTag: 'A', chargingProfile: p16({ chargingProfilePurpose: 'TxDefaultProfile' }) },
    /^\/chargingProfile\/chargingProfilePurpose must be TxProfile .* it is TxDefaultProfile \(1\.6 §5\.16\.2\)/,
  ],
  [
    V16,
    'RemoteStartTransaction',
    { idTag: 'A', chargingProfile: p16({ transactionId: 1 }) },
    /^\/chargingProfile\/transactionId must be omitted .*1\.6 §5\.16\.2/,
  ],
  [V16, 'UnlockConnector', { connectorId: 0 }, /^\/connectorId must be at least 1/],
  [V16, 'UnlockConnector', { connectorId: 1 }, undefined],
  [V201, 'RequestStartTransaction', start2({ evseId: 1, chargingProfile: p2(tx) }), undefined],
  [V201, 'RequestStartTransaction', start2({ evseId: 0 }), /^\/evseId must be at least 1/],
  [
    V201,
    'RequestStartTransaction',
    start2({ chargingProfile: p2() }),
    /^\/chargingProfile\/chargingProfilePurpose must be TxProfile .*F01\.FR\.09/,
  ],
  [
    V21,
    'RequestStartTransaction',
    start2({ chargingProfile: p2({ ...tx, transactionId: 'a' }) }),
    /^\/chargingProfile\/transactionId must be omitted .*F01\.FR\.11/,
  ],
  [V201, 'ClearCache', {}, undefined],
];

const PROFILES_16: Profiles = [
  [0, p16(max16), undefined],
  [1, p16(max16), /^\/connectorId must be 0 for a ChargePointMaxProfile, it is 1/],
  [1, p16({ transactionId: 4 }), undefined],
  [1, p16({}, { chargingSchedulePeriod: periods(5, 60) }), undefined],
  [0, p16(), /^\/connectorId must be the connector of the transaction/],
  [0, p16({ ...max16, transactionId: 4 }), /^\/csChargingProfiles\/transactionId must be omitted/],
  [1, p16({ chargingProfileKind: 'Absolute' }), undefined],
  [1, p16({ chargingProfileKind: 'Recurring' }), /^\/csChargingProfiles\/recurrencyKind is missing/],
  [1, p16({}, { chargingSchedulePeriod: [] }), /chargingSchedulePeriod must have at least one period/],
  [
    1,
    p16({}, { chargingSchedulePeriod: periods(0, 60, 60) }),
    /chargingSchedule\/chargingSchedulePeriod\/2\/startPeriod must be more .* 60 after 60/,
  ],
];

const PROFILES_2: Profiles = [
  [0, p2(), undefined],
  [1, p2({ ...tx, transactionId: 'a' }), undefined],
  [1, p2(tx), /transactionId is missing.*K01\.FR\.03/],
  [0, p2({ ...tx, transactionId: 'a' }), /^\/evseId .*K01\.FR\.16/],
  [1, p2({ transactionId: 'a' }), /transactionId must be omitted in a TxDefaultProfile/],
  [0, p2(max2, { startSchedule: START }), undefined],
  [1, p2(max2, { startSchedule: START }), /^\/evseId must be 0 for a ChargingStationMaxProfile, it is 1/],
  [
    0,
    p2({ ...max2, chargingProfileKind: 'Relative' }),
    /chargingProfileKind must not be Relative .*K01\.FR\.38/,
  ],
  [
    0,
    p2({ chargingProfilePurpose: 'ChargingStationExternalConstraints' }),
    /must not be ChargingStationExternalConstraints .*K01\.FR\.22/,
  ],
  [1, p2({ chargingProfileKind: 'Absolute' }), /\/0\/startSchedule is missing.*K01\.FR\.40/],
  [1, p2({}, { startSchedule: START }), /\/0\/startSchedule must be omitted in a Relative .*K01\.FR\.41/],
  [1, p2({}, { chargingSchedulePeriod: periods(5) }), /\/0\/startPeriod must be 0, it is 5 .*K01\.FR\.31/],
  [1, p2({}, { chargingSchedulePeriod: periods(0, 60, 30) }), /\/2\/startPeriod must be more .*K01\.FR\.35/],
];

const PROFILES_21: Profiles = [
  [
    1,
    p2({ chargingProfileKind: 'Dynamic', dynUpdateInterval: 60 }, { chargingSchedulePeriod: periods(0) }),
    undefined,
  ],
  [1, p2({ dynUpdateInterval: 60 }), /dynUpdateInterval must be omitted in a Relative profile .*K28\.FR\.04/],
  [1, p2({ chargingProfileKind: 'Dynamic' }), /must be one schedule with one period .*K28\.FR\.01/],
];

const setting2 =
  (protocol: Protocol) =>
  ([evseId, chargingProfile, wrong]: Profiles[number]): Rule => [
    protocol,
    'SetChargingProfile',
    { evseId, chargingProfile },
    wrong,
  ];

const RULES: readonly Rule[] = [
  ...OTHERS,
  ...PROFILES_16.map(([connectorId, csChargingProfiles, wrong]): Rule => [
    V16,
    'SetChargingProfile',
    { connectorId, csChargingProfiles },
    wrong,
  ]),
  ...PROFILES_2.map(setting2(V201)),
  ...[...PROFILES_2, ...PROFILES_21].map(setting2(V21)),
];

test('what a rule of OCPP forbids is refused with its place, what would be right, and the requirement', (t) => {
  for (const [protocol, action, payload, wrong] of RULES) {
    const said = `${protocol} ${action} ${JSON.stringify(payload)}`;
    t.is(validateRequest(protocol, action, payload), undefined, said);
    const found = contentFault(protocol, action, payload);
    if (wrong === undefined) t.is(found, undefined, said);
    else t.regex(found?.description ?? 'no fault', wrong, said);
    if (found !== undefined) t.true(found.description.startsWith(`${found.path} `));
  }
});
