/** The decision who may connect, as a table: each rule alone, and what outweighs what. */
import test from 'ava';
import {
  type AccessPolicy,
  decide,
  faultOfConnected,
  type Lookup,
  type Question,
} from '../../services/access/decide.ts';
import type { StationEntry } from '../../services/access/station-entry.ts';

const POLICY: AccessPolicy = { unknownStations: 'Reject', organization: '' };
const PASSWORD = { kind: 'password', password: Buffer.from('secret') } as const;
const FACTS = {
  subject: 'CN=CP-1, O=ACME',
  commonName: 'CP-1',
  organizations: ['ACME'],
  names: ['cp-9.example'],
  serialNumber: '1AB',
  issuer: 'CN=CA',
  fingerprint256: 'AA:BB',
  notBefore: 0,
  notAfter: 1,
};
const entry = (fields: StationEntry): Lookup => ({ kind: 'entry', entry: fields });
/** The stored form of a text is the text itself. */
const matches: Question['matches'] = async (stored) => stored === 'secret';

function question(over: Partial<Question> & { readonly identity?: string }): Question {
  const { identity = 'CP-1', ...others } = over;
  return {
    profile: 2,
    lookup: entry({ password: 'secret' }),
    policy: POLICY,
    matches,
    ...others,
    presented: { credentials: PASSWORD, certificate: { kind: 'none' }, ...over.presented, identity },
  };
}

const presented = (over: Partial<Question['presented']>) => ({
  identity: 'CP-1',
  credentials: PASSWORD,
  certificate: { kind: 'none' } as const,
  ...over,
});
const certificate = (over: Partial<typeof FACTS> = {}) =>
  presented({ certificate: { kind: 'verified', facts: { ...FACTS, ...over } } });

const ACCEPTED: readonly (readonly [
  name: string,
  over: Partial<Question> & { identity?: string },
  credential: string,
])[] = [
  ['profile 0 without a source', { profile: 0, lookup: { kind: 'none' } }, ''],
  ['the password', {}, 'secret'],
  ['the next password', { lookup: entry({ password: 'old', nextPassword: 'secret' }) }, 'secret'],
  [
    'an unknown station where the policy accepts it',
    { lookup: { kind: 'unknown' }, policy: { ...POLICY, unknownStations: 'Accept' } },
    '',
  ],
  ['what a webhook accepts', { lookup: { kind: 'judged', accepted: true } }, ''],
  [
    'a certificate with the identity as CN',
    { profile: 3, presented: certificate(), lookup: { kind: 'none' } },
    '',
  ],
  [
    'a certificate with the identity as SAN',
    { profile: 3, identity: 'cp-9.example', presented: certificate(), lookup: { kind: 'none' } },
    '',
  ],
  [
    'a certificate with the serial number of the entry',
    {
      profile: 3,
      identity: 'CP-7',
      presented: certificate(),
      lookup: entry({ certificateSerial: '00:1a:b' }),
    },
    '00:1a:b',
  ],
  [
    'a certificate of the organization',
    {
      profile: 3,
      presented: certificate(),
      lookup: { kind: 'none' },
      policy: { ...POLICY, organization: 'ACME' },
    },
    '',
  ],
  ['a higher profile than it has used', { kept: 1 }, 'secret'],
  ['the profile that its entry demands', { lookup: entry({ password: 'secret', profile: 2 }) }, 'secret'],
];

for (const [name, over, credential] of ACCEPTED) {
  test(`accepted: ${name}`, async (t) => {
    t.like(await decide(question(over)), { kind: 'accept', credential });
  });
}

const REFUSED: readonly (readonly [fault: string, over: Partial<Question> & { identity?: string }])[] = [
  ['unknown-station', { lookup: { kind: 'unknown' } }],
  [
    'unknown-station',
    { lookup: { kind: 'unknown' }, presented: presented({ credentials: { kind: 'none' } }) },
  ],
  ['unknown-station', { profile: 0, lookup: { kind: 'unknown' } }],
  ['unknown-station', { profile: 3, lookup: { kind: 'unknown' }, presented: certificate() }],
  ['bad-entry', { lookup: { kind: 'unusable', reason: 'the entry is not JSON' } }],
  ['webhook', { lookup: { kind: 'judged', accepted: false } }],
  ['webhook', { profile: 0, lookup: { kind: 'judged', accepted: false } }],
  ['blocked', { lookup: entry({ password: 'secret', blocked: true }) }],
  ['blocked', { profile: 0, lookup: entry({ blocked: true }) }],
  ['blocked', { profile: 3, presented: certificate(), lookup: entry({ blocked: true }) }],
  ['profile-too-low', { lookup: entry({ password: 'secret', profile: 3 }) }],
  ['profile-too-low', { profile: 0, lookup: entry({ profile: 1 }) }],
  ['downgrade', { kept: 3 }],
  ['downgrade', { profile: 0, kept: 1, lookup: { kind: 'none' } }],
  ['no-credentials', { presented: presented({ credentials: { kind: 'none' } }) }],
  ['malformed-credentials', { presented: presented({ credentials: { kind: 'malformed', reason: 'x' } }) }],
  ['user-name', { presented: presented({ credentials: { kind: 'other-user' } }) }],
  ['no-password', { lookup: entry({}) }],
  ['password', { lookup: entry({ password: 'other' }) }],
  ['password', { lookup: entry({ password: 'other', nextPassword: 'another' }) }],
  ['no-certificate', { profile: 3, lookup: { kind: 'none' } }],
  [
    'certificate',
    {
      profile: 3,
      lookup: { kind: 'none' },
      presented: presented({ certificate: { kind: 'refused', text: 'revoked' } }),
    },
  ],
  [
    'certificate-identity',
    { profile: 3, identity: 'CP-2', presented: certificate(), lookup: { kind: 'none' } },
  ],
  [
    'certificate-identity',
    { profile: 3, identity: 'cp-1', presented: certificate(), lookup: { kind: 'none' } },
  ],
  [
    'certificate-organization',
    {
      profile: 3,
      presented: certificate(),
      lookup: { kind: 'none' },
      policy: { ...POLICY, organization: 'Other' },
    },
  ],
];

for (const [index, [fault, over]] of REFUSED.entries()) {
  test(`refused: ${fault} (${index})`, async (t) => {
    t.like(await decide(question(over)), { kind: 'refuse', fault });
  });
}

test('names of certificates are compared with case, and a fingerprint counts as a serial number does', async (t) => {
  const other = {
    profile: 3,
    identity: 'CP-9.EXAMPLE',
    presented: certificate(),
    lookup: { kind: 'none' },
  } as const;
  t.like(await decide(question(other)), { kind: 'refuse', fault: 'certificate-identity' });
  t.like(await decide(question({ ...other, lookup: entry({ certificateSerial: 'aa:bb' }) })), {
    kind: 'accept',
  });
});

test('what a station has proved: a password, a certificate or a webhook, and nothing else', async (t) => {
  const proven = async (over: Parameters<typeof question>[0]) => {
    const decision = await decide(question(over));
    return decision.kind === 'accept' && decision.proven;
  };
  t.true(await proven({}));
  t.true(await proven({ profile: 3, presented: certificate(), lookup: { kind: 'none' } }));
  t.true(await proven({ lookup: { kind: 'judged', accepted: true } }));
  t.false(await proven({ profile: 0 }));
  t.false(await proven({ lookup: { kind: 'unknown' }, policy: { ...POLICY, unknownStations: 'Accept' } }));
});

test('the next credential that a station uses is reported, so that it replaces the former', async (t) => {
  t.like(await decide(question({ lookup: entry({ password: 'old', nextPassword: 'secret' }) })), {
    used: 'nextPassword',
  });
  const serial = {
    profile: 3,
    presented: certificate(),
    lookup: entry({ nextCertificateSerial: '1AB' }),
  } as const;
  t.like(await decide(question(serial)), { used: 'nextCertificateSerial' });
  t.is('used' in (await decide(question({}))), false);
});

test('an unknown station costs the comparison of a password, as a known one does', async (t) => {
  const compared: (string | undefined)[] = [];
  const counting: Question['matches'] = async (stored) => {
    compared.push(stored);
    return false;
  };
  await decide(question({ lookup: { kind: 'unknown' }, matches: counting }));
  await decide(question({ lookup: entry({}), matches: counting }));
  await decide(question({ lookup: entry({ password: 'other', blocked: true }), matches: counting }));
  t.deepEqual(compared, [undefined, undefined, 'other']);
});

const GRANT = { profile: 2, proven: true, credential: 'secret' } as const;
const CONNECTED: readonly (readonly [fault: string | undefined, lookup: Lookup, policy?: AccessPolicy])[] = [
  [undefined, entry({ password: 'secret' })],
  [undefined, entry({ password: 'new', nextPassword: 'secret' })],
  [undefined, { kind: 'unusable', reason: 'the entry is not JSON' }],
  [undefined, { kind: 'none' }],
  [undefined, { kind: 'unknown' }, { ...POLICY, unknownStations: 'Accept' }],
  ['unknown-station', { kind: 'unknown' }],
  ['blocked', entry({ password: 'secret', blocked: true })],
  ['profile-too-low', entry({ password: 'secret', profile: 3 })],
  ['password', entry({ password: 'new' })],
  ['password', entry({})],
];

for (const [index, [fault, lookup, policy = POLICY]] of CONNECTED.entries()) {
  test(`a connected station: ${fault ?? 'stays'} (${index})`, (t) => {
    t.is(faultOfConnected(GRANT, lookup, policy), fault as never);
  });
}

test('a connected station without a password is closed when its entry has one; other profiles are not concerned', (t) => {
  const unknown = { proven: false, credential: '' };
  t.is(faultOfConnected({ profile: 2, ...unknown }, entry({ password: 'new' }), POLICY), 'no-credentials');
  t.is(faultOfConnected({ profile: 2, ...unknown }, entry({ labels: {} }), POLICY), undefined);
  t.is(faultOfConnected({ profile: 0, ...unknown }, entry({ password: 'new' }), POLICY), undefined);
});

test('a connected station whose certificate counted by its serial number is closed when the register has another one', (t) => {
  const bySerial = { profile: 3, proven: true, credential: '1AB' } as const;
  t.is(faultOfConnected(bySerial, entry({ certificateSerial: '1AB' }), POLICY), undefined);
  t.is(
    faultOfConnected(bySerial, entry({ certificateSerial: '2', nextCertificateSerial: '1AB' }), POLICY),
    undefined,
  );
  t.is(faultOfConnected(bySerial, entry({ certificateSerial: '2' }), POLICY), 'certificate-identity');
  t.is(
    faultOfConnected({ ...bySerial, credential: '' }, entry({ certificateSerial: '2' }), POLICY),
    undefined,
    'by its name',
  );
});
