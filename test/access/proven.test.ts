/** Which accepted stations have proved who they are: only these may get a certificate for their identity. */
import test from 'ava';
import {
  AccessControl,
  type AccessRequest,
  type AccessSettings,
} from '../../services/access/access-control.ts';
import type { Lookup, PresentedCertificate } from '../../services/access/decide.ts';
import { PasswordHasher } from '../../services/access/password-hash.ts';

const hasher = new PasswordHasher(Buffer.from('a key of the stored passwords'));
const PASSWORD = 'password-of-CP-1';
const SETTINGS: AccessSettings = {
  mode: 'Enforce',
  unknownStations: 'Accept',
  unknownStationStatus: 401,
  enrolment: 'FirstSeen',
  organization: '',
};
const REPORT = { ...SETTINGS, mode: 'Report', unknownStations: 'Reject' } as const;
const header = (password: string) => `Basic ${Buffer.from(`CP-1:${password}`).toString('base64')}`;
const known: Lookup = { kind: 'entry', entry: { password: hasher.hash('CP-1', PASSWORD) } };
const judged: Lookup = { kind: 'judged', accepted: true };
const unknown: Lookup = { kind: 'unknown' };
const certificate: PresentedCertificate = {
  kind: 'verified',
  facts: {
    subject: 'CN=CP-1',
    commonName: 'CP-1',
    organizations: [],
    names: [],
    serialNumber: '1AB',
    issuer: 'CN=CA',
    fingerprint256: 'AB',
    notBefore: 0,
    notAfter: Infinity,
  },
};

const ROWS: readonly (readonly [
  what: string,
  proven: boolean,
  lookup: Lookup,
  request: Partial<AccessRequest>,
  settings?: AccessSettings,
])[] = [
  ['its password', true, known, { authorization: header(PASSWORD) }],
  ['its password in mode Report', true, known, { authorization: header(PASSWORD) }, REPORT],
  ['a password that the webhook accepts', true, judged, { authorization: header('any password') }],
  ['its certificate', true, unknown, { profile: 3, certificate }],
  ['nothing, as an unknown station', false, unknown, {}],
  ['a password that is compared with none', false, unknown, { authorization: header(PASSWORD) }],
  ['nothing, on a plain listener', false, known, { profile: 0 }],
  ['nothing, to a webhook on a plain listener', false, judged, { profile: 0 }],
  ['a wrong password in mode Report', false, known, { authorization: header('wrong password!!') }, REPORT],
  ['a first password, which is stored', false, unknown, { authorization: header(PASSWORD) }, REPORT],
  ['no certificate in mode Report', false, unknown, { profile: 3 }, REPORT],
];

for (const [what, proven, lookup, request, settings = SETTINGS] of ROWS) {
  test(`${proven ? 'proof' : 'no proof'}: ${what}`, async (t) => {
    const access = new AccessControl({
      settings,
      hasher,
      source: { find: async () => lookup, store: async () => true },
      clock: { now: () => 0 },
      observer: { unproven: () => {}, enrolled: () => {}, error: () => {} },
    });
    const verdict = await access.authenticate({
      identity: 'CP-1',
      profile: 1,
      authorization: undefined,
      certificate: { kind: 'none' },
      address: '192.0.2.1',
      ...request,
    });
    t.is(verdict.kind, 'accept');
    if (verdict.kind === 'accept') t.is(verdict.grant.proven, proven);
  });
}
