/** Who may charge and who may connect: tokens, registrations, the register of stations. */
import * as Type from 'typebox';
import { CONCURRENT_TRANSACTIONS, TOKEN_STATUSES } from '../../csms/tokens.ts';
import { Command } from './commands.ts';
import {
  answerOf,
  bodyOf,
  flag,
  listOf,
  maybe,
  pageOf,
  registration,
  text,
  texts,
  whole,
  word,
  wordOf,
} from './schema.ts';

const status = wordOf('TokenStatus', TOKEN_STATUSES, 'Decision about a token; an accepted one expires.');
const expiry = maybe(text('When it expires, ISO 8601.', { minLength: 1, maxLength: 40 }));
const parent = maybe(text('Parent in 1.6, group in 2.x.', { minLength: 1, maxLength: 255 }));
const type = maybe(text('IdTokenType of 2.x, such as ISO14443.', { minLength: 1, maxLength: 20 }));
const concurrent = maybe(
  word(
    CONCURRENT_TRANSACTIONS,
    'Whether it may charge in two transactions at once; omitted: as the cluster says.',
  ),
);

const limits = {
  maxEnergyWh: maybe(
    Type.Number({
      exclusiveMinimum: 0,
      description: 'Most energy of a transaction, Wh; only stations of 2.1 get it.',
    }),
  ),
  maxDurationSeconds: maybe(whole('Longest transaction, s; only stations of 2.1 get it.', 1, 2 ** 31 - 1)),
};

export const Token = answerOf('Token', 'A token that may charge, or may not.', {
  token: text('In upper case.'),
  status,
  expiry,
  parent,
  type,
  concurrent,
  ...limits,
  problem: maybe(text('Why the entry is not usable; its status then counts as Invalid.')),
});
export const TokenRequest = bodyOf('TokenRequest', 'What is stored of a token.', {
  status,
  expiry,
  parent,
  type,
  concurrent,
  ...limits,
});
export const TokenPage = pageOf('TokenPage', Token, 'Tokens.');

export const ErasedHistory = answerOf('ErasedHistory', 'What one request has erased.', {
  bills: whole('Bills that have the token `ERASED` now.', 0, Number.MAX_SAFE_INTEGER),
  marks: whole('Marks of closed transactions that have it.', 0, Number.MAX_SAFE_INTEGER),
  events: whole('Events that were removed.', 0, Number.MAX_SAFE_INTEGER),
  next: maybe(text('More is left: `after` of the next request.')),
});

const RefusedLine = answerOf('RefusedLine', 'A line of an import that was not stored.', {
  line: whole('Number of the line; the header is 1.', 1, Number.MAX_SAFE_INTEGER),
  problem: text('What is wrong with it.'),
});
export const TokenImport = answerOf('TokenImport', 'The result of an import.', {
  imported: whole('Tokens that were stored.', 0, Number.MAX_SAFE_INTEGER),
  refused: listOf(RefusedLine),
});

export const Registration = answerOf('Registration', 'A station that is not accepted.', {
  station: text('Identity of the station.'),
  status: registration,
});
export const RegistrationRequest = bodyOf('RegistrationRequest', 'What a station gets at its next boot.', {
  status: word(['Pending', 'Rejected'], 'To accept it, delete its registration.'),
});
export const RegistrationPage = pageOf('RegistrationPage', Registration, 'Stations that are not accepted.');

export const RegisteredStation = answerOf(
  'RegisteredStation',
  'An entry of the register. Passwords are never shown.',
  {
    station: text('Identity of the station.'),
    profile: maybe(whole('Least security profile with which it may connect.', 0, 3)),
    certificateSerial: maybe(text('Serial number of its certificate, hexadecimal.')),
    nextCertificateSerial: maybe(text('That of a certificate that it has not used yet.')),
    blocked: maybe(flag('Whether it may not connect.')),
    vendor: maybe(text('Vendor.')),
    labels: maybe(texts('Labels of the operator.')),
    hasPassword: flag('Whether it has a password.'),
    hasNextPassword: flag('Whether a new password is stored that it has not used yet.'),
    problem: maybe(text('Why the entry cannot be used.')),
  },
);
export const RegisteredStationPage = pageOf('RegisteredStationPage', RegisteredStation, 'The register.');

const orNull = <T>(type: string, options: object) =>
  maybe(Type.Unsafe<T | null>({ type: [type, 'null'], ...options }));

export const RegisterChanges = bodyOf(
  'RegisterChanges',
  'Fields that are set; null removes one, and what is left out stays.',
  {
    profile: orNull<0 | 1 | 2 | 3>('integer', { minimum: 0, maximum: 3 }),
    certificateSerial: orNull<string>('string', { minLength: 1, maxLength: 100 }),
    blocked: orNull<boolean>('boolean', {}),
    vendor: orNull<string>('string', { minLength: 1, maxLength: 255 }),
    labels: orNull<Record<string, string>>('object', {
      additionalProperties: { type: 'string', maxLength: 255 },
      maxProperties: 100,
    }),
  },
);

export const NewPassword = answerOf('NewPassword', 'A new password, which is shown once.', {
  password: text('The password.'),
});
export const PasswordChangeRequest = bodyOf('PasswordChangeRequest', 'How the password is changed.', {
  replacePending: maybe(flag('Change it although an earlier new password is pending.')),
});
export const PasswordChange = answerOf(
  'PasswordChange',
  'The result of a change of a password through OCPP.',
  {
    result: word(
      ['applied', 'refused', 'uncertain'],
      'Which password the station has: the new one, the former one, or one of both.',
    ),
    command: Command,
  },
);
