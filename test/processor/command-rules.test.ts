/** Rules of commands beyond the schema, and short forms. */
import test from 'ava';
import { shortForm, type ShortFormName, type ShortForms } from '../../services/csms/commands/short-forms.ts';
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
