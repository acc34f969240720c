/** HTTP Basic credentials as stations send them, stored passwords, entries of the register, and slowed guesses. */
import { createHmac, scryptSync } from 'node:crypto';
import test from 'ava';
import { basicCredentials, spellingsOf } from '../../services/access/basic-credentials.ts';
import { BusyError, Turns } from '../../services/runtime/turns.ts';
import { HashError, isStoredForm, PasswordHasher } from '../../services/access/password-hash.ts';
import { checkPasswordKey } from '../../services/access/password-key.ts';
import {
  EntryError,
  readStationEntry,
  withUsed,
  writeStationEntry,
} from '../../services/access/station-entry.ts';
import { TransportError } from '../../services/transport/errors.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import type { StateStore } from '../../services/transport/stored-state.ts';

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');

const READ: readonly (readonly [
  name: string,
  header: string | undefined,
  identity: string,
  expected: string,
])[] = [
  ['none', undefined, 'CP-1', 'none'],
  ['empty', ' ', 'CP-1', 'none'],
  ['as it should be', `Basic ${base64('CP-1:secret')}`, 'CP-1', 'secret'],
  ['a scheme in another case', `bASIC ${base64('CP-1:secret')}`, 'CP-1', 'secret'],
  ['several spaces and a tab', ` Basic  \t ${base64('CP-1:secret')}  `, 'CP-1', 'secret'],
  [
    'a broken line in a long value',
    `Basic ${base64('CP-1:secret').slice(0, 6)} ${base64('CP-1:secret').slice(6)}`,
    'CP-1',
    'secret',
  ],
  ['no padding', `Basic ${base64('CP-1:secrets').replaceAll('=', '')}`, 'CP-1', 'secrets'],
  ['the URL alphabet', `Basic ${Buffer.from('CP-1:???>>>').toString('base64url')}`, 'CP-1', '???>>>'],
  ['a colon in the password', `Basic ${base64('CP-1:se:cret:')}`, 'CP-1', 'se:cret:'],
  ['a colon in the identity', `Basic ${base64('A:B:secret')}`, 'A:B', 'secret'],
  ['UTF-8 in both', `Basic ${base64('Säule:pässword')}`, 'Säule', 'pässword'],
  ['an empty password', `Basic ${base64('CP-1:')}`, 'CP-1', ''],
  ['another user', `Basic ${base64('CP-2:secret')}`, 'CP-1', 'other-user'],
  ['a user that begins with the identity', `Basic ${base64('CP-11:secret')}`, 'CP-1', 'other-user'],
  ['the identity in another case', `Basic ${base64('cp-1:secret')}`, 'CP-1', 'other-user'],
  ['no colon', `Basic ${base64('CP-1')}`, 'CP-1', 'malformed'],
  ['no Base64', 'Basic ***', 'CP-1', 'malformed'],
  ['no value', 'Basic', 'CP-1', 'malformed'],
  ['another scheme', 'Bearer abc', 'CP-1', 'malformed'],
  ['a long password', `Basic ${base64(`CP-1:${'x'.repeat(256)}`)}`, 'CP-1', 'malformed'],
];

for (const [name, header, identity, expected] of READ) {
  test(`Basic credentials: ${name}`, (t) => {
    const found = basicCredentials(header, identity);
    t.is(found.kind === 'password' ? found.password.toString() : found.kind, expected);
  });
}

test('a password of bytes that are no UTF-8 stays as it is', (t) => {
  const bytes = Buffer.from([0xff, 0x00, 0x3a, 0x80]);
  const found = basicCredentials(`Basic ${base64(Buffer.concat([Buffer.from('CP-1:'), bytes]))}`, 'CP-1');
  t.deepEqual(found, { kind: 'password', password: bytes });
});

const KEY = Buffer.from('0123456789abcdef0123456789abcdef');

test('AuthorizationKey of 1.6 is found as text in either case and as the bytes that it stands for', async (t) => {
  const hasher = new PasswordHasher(KEY);
  const stored = hasher.hash('CP-1', '00AABBCCDDEEFF00112233445566778899AABBCC');
  const matches = async (password: Buffer) => {
    for (const one of spellingsOf(password)) if (await hasher.verify('CP-1', one, stored)) return true;
    return false;
  };
  const hex = '00aabbccddeeff00112233445566778899aabbcc';
  t.true(await matches(Buffer.from(hex)));
  t.true(await matches(Buffer.from(hex.toUpperCase())));
  t.true(await matches(Buffer.from(hex, 'hex')));
  t.false(await matches(Buffer.from(hex.replace('aa', 'ab'))));
  t.false(await matches(Buffer.from(hex.replace('aa', 'ab'), 'hex')));
});

test('the first key that is used is that of the stored data; another one is refused, at the same time too', async (t) => {
  const hashers = [KEY, Buffer.from('another key of the passwords')].map((key) => new PasswordHasher(key));
  const checks = async (state: StateStore) => {
    const results = await Promise.allSettled(hashers.map((hasher) => checkPasswordKey(state, hasher)));
    return results.map((result) =>
      result.status === 'fulfilled' ? 'used' : (result.reason as TransportError),
    );
  };
  const { state } = createMemoryBus().transport;
  const [first, other] = await checks(state);
  t.is(first, 'used');
  t.like(other, { code: 'bad-settings' });
  t.regex(String(other), /Restore the former key/);
  t.deepEqual((await checks(state))[0], 'used');
  const digests = hashers.map(({ keyDigest }) => keyDigest);
  t.is(new Set(digests).size, 2);
  t.deepEqual(await state.record('password-key'), { digest: digests[0] });
  const away = { field: () => Promise.reject(new TransportError('store-unavailable', 'away')) };
  await t.throwsAsync(
    checks({ ...state, ...away }).then(([error]) => Promise.reject(error)),
    {
      message: 'away',
    },
  );
});

test('the default stored form is HMAC-SHA-256 of identity and password: another station, key or password differs', async (t) => {
  const hasher = new PasswordHasher(KEY);
  const stored = hasher.hash('CP-1', 'secret');
  t.is(stored, `$hmac-sha256$${createHmac('sha256', KEY).update('CP-1\nsecret').digest('base64url')}`);
  t.true(await hasher.verify('CP-1', Buffer.from('secret'), stored));
  t.false(await hasher.verify('CP-2', Buffer.from('secret'), stored));
  t.false(await hasher.verify('CP-1', Buffer.from('secret '), stored));
  t.false(await new PasswordHasher(Buffer.alloc(32, 1)).verify('CP-1', Buffer.from('secret'), stored));
});

test('scrypt in PHC format is accepted, with and without padding; its parameters are bounded', async (t) => {
  const hasher = new PasswordHasher(KEY);
  const salt = Buffer.from('0123456789abcdef');
  const hash = scryptSync('secret', salt, 32, { N: 2 ** 10, r: 8, p: 1 });
  const stored = `$scrypt$ln=10,r=8,p=1$${salt.toString('base64')}$${hash.toString('base64')}`;
  t.true(await hasher.verify('CP-1', Buffer.from('secret'), stored));
  t.true(await hasher.verify('CP-1', Buffer.from('secret'), stored.replaceAll('=$', '$').replace(/=+$/, '')));
  t.false(await hasher.verify('CP-1', Buffer.from('other'), stored));
  for (const bad of ['ln=30,r=8,p=1', 'ln=16,r=99,p=1', 'ln=10,r=8,p=99', 'ln=10,r=0,p=1']) {
    t.false(isStoredForm(stored.replace('ln=10,r=8,p=1', bad)), bad);
    await t.throwsAsync(hasher.verify('CP-1', Buffer.from('secret'), stored.replace('ln=10,r=8,p=1', bad)), {
      instanceOf: HashError,
    });
  }
  t.is(await hasher.pretend('CP-1', Buffer.from('x')), undefined, 'a decoy of the same form');
});

test('a password that finds no turn for scrypt in time is not compared', async (t) => {
  const hasher = new PasswordHasher(KEY, new Turns({ atOnce: 1, maxWaitMs: 1 }));
  const stored = `$scrypt$ln=14,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
  const verify = () => hasher.verify('CP-1', Buffer.from('secret'), stored);
  const first = verify();
  await t.throwsAsync(verify(), { instanceOf: BusyError });
  t.false(await first);
  t.false(await verify());
});

test('a clear password is no stored form, and a short key is refused', async (t) => {
  for (const clear of ['secret', '', '$hmac-sha256$', '$2b$10$abc', 'plain:secret']) {
    t.false(isStoredForm(clear));
    await t.throwsAsync(new PasswordHasher(KEY).verify('CP-1', Buffer.from(clear), clear), {
      instanceOf: HashError,
    });
  }
  t.throws(() => new PasswordHasher(Buffer.from('short')), { instanceOf: HashError });
});

test('an entry keeps the fields of later versions, and says which field is wrong without its value', (t) => {
  const stored = new PasswordHasher(KEY).hash('CP-1', 'secret');
  const text = JSON.stringify({ password: stored, profile: 2, future: { a: 1 } });
  t.deepEqual(JSON.parse(writeStationEntry(readStationEntry(text))), JSON.parse(text));
  for (const bad of [
    '',
    'null',
    '[]',
    '"x"',
    '{"password":1}',
    '{"password":""}',
    '{"password":"yes, in clear"}',
    '{"nextPassword":"$hmac-sha256$yes"}',
    '{"password":"$scrypt$ln=30,r=8,p=1$yesyesyesyesyesyesyesA$yesyesyesyesyesyesyesA"}',
    '{"profile":4}',
    '{"blocked":"yes"}',
    '{"labels":{"a":1}}',
  ]) {
    const error = t.throws(() => readStationEntry(bad), { instanceOf: EntryError }, bad);
    t.notRegex(error?.message ?? '', /yes|hmac|scrypt/);
  }
});

test('a used credential replaces the former, and leaves the other kind as it is', (t) => {
  const both = {
    password: 'a',
    nextPassword: 'b',
    certificateSerial: '1',
    nextCertificateSerial: '2',
    vendor: 'V',
  };
  t.deepEqual(withUsed(both, 'nextPassword'), {
    password: 'b',
    certificateSerial: '1',
    nextCertificateSerial: '2',
    vendor: 'V',
  });
  t.deepEqual(withUsed(both, 'nextCertificateSerial'), {
    password: 'a',
    nextPassword: 'b',
    certificateSerial: '2',
    vendor: 'V',
  });
});
