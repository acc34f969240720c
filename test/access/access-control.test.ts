/** The sequence of the front door without sockets: what counts as a guess, what is asked, and what a source that fails means. */
import { scryptSync } from 'node:crypto';
import test from 'ava';
import {
  AccessControl,
  type AccessControlOptions,
  type AccessRequest,
  type AccessSettings,
} from '../../services/access/access-control.ts';
import type { Lookup } from '../../services/access/decide.ts';
import { PasswordHasher } from '../../services/access/password-hash.ts';
import { BusyError } from '../../services/runtime/turns.ts';
import type { StationEntry } from '../../services/access/station-entry.ts';
import { SourceError, type StationSource } from '../../services/access/station-source.ts';

const hasher = () => new PasswordHasher(Buffer.from('0123456789abcdef0123456789abcdef'));
const PASSWORD = 'correct horse battery';
const stored = (identity: string) => ({ password: hasher().hash(identity, PASSWORD) });
const slow = () => {
  const salt = Buffer.from('0123456789abcdef');
  const hash = scryptSync(PASSWORD, salt, 32, { N: 2, r: 1, p: 1 });
  return `$scrypt$ln=1,r=1,p=1$${salt.toString('base64')}$${hash.toString('base64')}`;
};

interface Scene {
  readonly entries?: Readonly<Record<string, StationEntry>>;
  readonly settings?: Partial<AccessSettings>;
  readonly source?: StationSource;
  readonly options?: Partial<AccessControlOptions>;
  /** A webhook decides: there is no key of passwords. */
  readonly isWebhook?: boolean;
}

function scene({ entries = {}, settings, source, options, isWebhook = false }: Scene) {
  const errors: Error[] = [];
  const asked: string[] = [];
  const register: StationSource = {
    async find({ presented: { identity } }): Promise<Lookup> {
      asked.push(identity);
      const entry = entries[identity];
      return entry === undefined ? { kind: 'unknown' } : { kind: 'entry', entry };
    },
  };
  const control = new AccessControl({
    settings: {
      mode: 'Enforce',
      unknownStations: 'Reject',
      unknownStationStatus: 401,
      enrolment: 'Off',
      organization: '',
      ...settings,
    },
    source: source ?? register,
    profiles: { keptProfile: async () => undefined, keepProfile: async () => undefined },
    ...(!isWebhook && { hasher: hasher() }),
    clock: { now: () => 1e12 },
    observer: {
      unproven: () => undefined,
      enrolled: () => undefined,
      error: (error) => void errors.push(error),
    },
    ...options,
  });
  const verdict = (identity: string, password?: string, more: Partial<AccessRequest> = {}) =>
    control.authenticate({
      identity,
      profile: 1,
      authorization:
        password === undefined
          ? undefined
          : `Basic ${Buffer.from(`${identity}:${password}`).toString('base64')}`,
      certificate: { kind: 'none' },
      address: '192.0.2.1',
      ...more,
    });
  const status = async (...request: Parameters<typeof verdict>) => {
    const found = await verdict(...request);
    return found.kind === 'accept' ? 101 : found.status;
  };
  return { control, verdict, status, errors, asked };
}

const ENTRIES = {
  KNOWN: stored('KNOWN'),
  BLOCKED: { ...stored('BLOCKED'), blocked: true },
  HIGHER: { ...stored('HIGHER'), profile: 3 },
  EMPTY: {},
} as const;
const IDENTITIES = [...Object.keys(ENTRIES), 'UNKNOWN'];

for (const [presents, password] of [
  ['no credentials', undefined],
  ['a wrong password', 'wrong password here'],
] as const) {
  test(`identities cannot be found by the status: ${presents}`, async (t) => {
    const { status } = scene({ entries: ENTRIES });
    const found = new Set<string>();
    for (const identity of IDENTITIES) {
      const statuses: number[] = [];
      for (let i = 0; i < 12; i++) statuses.push(await status(identity, password));
      found.add(statuses.join(' '));
    }
    t.is(found.size, 1, [...found].join('\n'));
    t.is([...found][0]?.includes('429'), password !== undefined);
  });
}

test('a thousand passwords at the same time are five guesses; the right one gets in ten seconds later', async (t) => {
  let now = 1e12;
  const { status, verdict } = scene({ entries: ENTRIES, options: { clock: { now: () => now } } });
  const statuses = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => status('KNOWN', `wrong password ${i}`)),
  );
  t.is(statuses.filter((one) => one === 401).length, 5);
  t.like(await verdict('KNOWN', PASSWORD), { code: 'attempts', status: 429, retryAfterSeconds: 10 });
  now += 10_000;
  t.is(await status('KNOWN', PASSWORD), 101);
});

test('a station with a certificate is never slowed, and neither is one that the policy accepts', async (t) => {
  const { status } = scene({ entries: ENTRIES });
  const certificate = { kind: 'verified', facts: { commonName: 'X', names: [], organizations: [] } };
  const secured = {
    profile: 3,
    certificate: certificate as unknown as AccessRequest['certificate'],
  } as const;
  for (let i = 0; i < 30; i++) t.is(await status('KNOWN', undefined, secured), 401);
  const open = scene({ settings: { unknownStations: 'Accept' } });
  for (let i = 0; i < 30; i++) t.is(await open.status('ANY', PASSWORD), 101);
});

test('guesses from many addresses do not lock out a random password; those of scrypt and of a webhook are slowed', async (t) => {
  const locked = async (known: Scene) => {
    const { status } = scene(known);
    for (let i = 0; i < 50; i++) await status('CP-1', 'wrong password here', { address: `192.0.2.${i}` });
    return (await status('CP-1', PASSWORD, { address: '203.0.113.1' })) === 429;
  };
  t.false(await locked({ entries: { 'CP-1': stored('CP-1') } }));
  t.true(await locked({ entries: { 'CP-1': { password: slow() } } }));
  const refusing: StationSource = { find: async () => ({ kind: 'judged', accepted: false }) };
  t.true(await locked({ source: refusing, isWebhook: true }));
});

test('the decoy of a station without a password stays scrypt, whatever was compared last', async (t) => {
  const one = hasher();
  t.false(one.isScrypt());
  await one.verify('CP-1', Buffer.from(PASSWORD), slow());
  t.true(one.isScrypt());
  await one.verify('CP-2', Buffer.from(PASSWORD), one.hash('CP-2', PASSWORD));
  t.true(one.isScrypt());
});

test('a station that finds no turn is refused for now: the source has not failed, and nothing counts', async (t) => {
  const busy: StationSource = { find: () => Promise.reject(new BusyError('no turn within 2 s')) };
  const { control, status, verdict, errors } = scene({ source: busy });
  for (let i = 0; i < 10; i++) t.is(await status('CP-1', PASSWORD), 503);
  t.like(await verdict('CP-1', PASSWORD), { code: 'busy' });
  t.false(control.sourceFailing);
  t.deepEqual(errors, []);
  const report = scene({ source: busy, settings: { mode: 'Report' } });
  t.is(await report.status('CP-1', PASSWORD), 101);
});

test('a source that fails refuses all for now, and nothing counts', async (t) => {
  const away: StationSource = { find: () => Promise.reject(new SourceError('away')) };
  const { control, status, errors } = scene({ source: away });
  for (let i = 0; i < 10; i++) t.is(await status('CP-1', PASSWORD), 503);
  t.true(control.sourceFailing);
  t.is(errors.length, 10);
});

test('a handshake without what its listener demands is refused without a question, unless the status says who is unknown', async (t) => {
  const certificate = { kind: 'refused', text: 'revoked' } as const;
  const lacking: readonly (readonly [code: string, more: Partial<AccessRequest>])[] = [
    ['no-credentials', {}],
    ['malformed-credentials', { authorization: 'Bearer abc' }],
    ['user-name', { authorization: `Basic ${Buffer.from('other:password').toString('base64')}` }],
    ['no-certificate', { profile: 3 }],
    ['certificate', { profile: 3, certificate }],
  ];
  for (const [code, more] of lacking) {
    const { verdict, asked, control } = scene({ entries: ENTRIES });
    t.like(await verdict('KNOWN', undefined, more), { kind: 'refuse', code, status: 401 });
    t.like(await verdict('UNKNOWN', undefined, more), { kind: 'refuse', code, status: 401 });
    t.deepEqual(asked, [], code);
    t.false(control.sourceFailing);
  }
  const visible = scene({ entries: ENTRIES, settings: { unknownStationStatus: 404 } });
  t.is(await visible.status('UNKNOWN'), 404);
  t.is(await visible.status('KNOWN'), 401);
  t.is(await scene({ settings: { unknownStations: 'Accept' } }).status('ANY'), 101);
  t.is(await scene({ settings: { mode: 'Report' } }).status('ANY'), 101);
});
