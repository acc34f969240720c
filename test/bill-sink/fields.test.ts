/** What a row has for what a station has sent, and logins: pure parts of the sink. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readFields, recordedAt } from '../../services/bill-sink/fields.ts';
import { type LoginSettings, parseUrl, readLogin } from '../../services/bill-sink/login.ts';
import { idBefore, isLater } from '../../services/transport/stored-lists.ts';

test('a value that its column cannot hold is NULL or cut, and its field is named', (t) => {
  const long = '7'.repeat(30);
  const cases: readonly (readonly ['text' | 'decimal' | 'time' | 'json', string, unknown, boolean])[] = [
    ['text', 'Ä\n', 'Ä\n', false],
    ['text', '', '', false],
    ['text', 'a\0b', 'a\uFFFDb', true],
    ['text', 'x'.repeat(256), 'x'.repeat(255), true],
    ['text', `${'x'.repeat(254)}😀`, `${'x'.repeat(254)}\uFFFD`, true],
    ['decimal', `${long}.${long}`, `${long}.${long}`, false],
    ['decimal', '-0.50', '-0.50', false],
    ['decimal', '1.5e3', '1500', false],
    ['decimal', '1,5', null, true],
    ['decimal', 'NaN', null, true],
    ['decimal', '', null, true],
    ['time', '2026-11-23T10:00:00+01:00', '2026-11-23T09:00:00.000Z', false],
    ['time', '9999-12-31T24:00:00Z', null, true],
    ['time', 'yesterday', null, true],
    ['json', `[{"a":${long}.10,"b":"\\u0041\\n"}]`, `[{"a":${long}.10,"b":"\\u0041\\n"}]`, false],
    [
      'json',
      '["\\u0000 \\ud83d\\ude00 \\ud83d \\\\u0000"]',
      '["\uFFFD \\ud83d\\ude00 \uFFFD \\\\u0000"]',
      false,
    ],
    ['json', '[1e99999]', null, true],
    ['json', `${'['.repeat(200)}${']'.repeat(200)}`, null, true],
    ['json', '{', null, true],
  ];
  for (const [kind, written, value, isIncomplete] of cases) {
    const reader = readFields({ field: written });
    t.is(reader[kind]('field'), value as string | null, `${kind} ${written}`);
    t.deepEqual(reader.incomplete, isIncomplete ? ['field'] : [], `${kind} ${written}`);
    t.is(readFields({})[kind]('field'), null, 'a missing field is no empty one');
  }
  t.deepEqual(readFields({ notes: 'linked  time-unreadable' }).words('notes'), ['linked', 'time-unreadable']);
  t.deepEqual(readFields({}).words('notes'), []);
});

test('ids of entries are compared as numbers, and every id has one before it', (t) => {
  t.true(isLater('10-0', '9-5') && isLater('9-10', '9-9') && !isLater('9-9', '9-9'));
  t.true(isLater('18446744073709551615-2', '18446744073709551615-1'));
  t.is(idBefore('9-1'), '9-0');
  t.is(idBefore('9-0'), '8-18446744073709551615');
  t.is(recordedAt('1796014465225-3'), '2026-11-30T04:54:25.225Z');
  t.is(recordedAt('18446744073709551615-1'), '9999-01-01T00:00:00.000Z');
});

const NONE: LoginSettings = {
  urlFile: '',
  host: '',
  port: 5432,
  user: '',
  password: '',
  database: '',
  sslMode: '',
  sslRootCert: '',
  sslCert: '',
  sslKey: '',
};

test('a URL is read as libpq reads it, and the variables fill what it leaves out', (t) => {
  const read = (url: string, more: Partial<LoginSettings> = {}) =>
    parseUrl(url, 'file', { ...NONE, ...more });
  t.like(read('postgresql://u%40x:p%2Fw@db.example.com:6432/bills?sslmode=require&connect_timeout=5'), {
    host: 'db.example.com',
    port: 6432,
    user: 'u@x',
    password: 'p/w',
    database: 'bills',
    sslMode: 'require',
  });
  t.like(read('postgres://[::1]/', { user: 'me', sslMode: 'verify-ca' }), {
    host: '::1',
    port: 5432,
    user: 'me',
    database: '',
    sslMode: 'verify-ca',
  });
  t.is(read('postgresql:///bills?host=/run/postgresql&user=me').host, '/run/postgresql');
});

test('a bad login is refused with what to do, and without a secret', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ocpp-login-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const urlFile = join(folder, 'url');
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /url does not begin with postgresql:\/\//],
    ['mysql://u:s3cret@h/d', /does not begin with postgresql/],
    ['postgresql://u:s3cret@h:port/d', /is not valid: it is postgresql:\/\/user:password@host/],
    ['postgresql://u:%s3cret@h/d', /special characters as %XX/],
    ['postgresql://u:s3cret@/d', /names no host|is not valid/],
    ['postgresql://:s3cret@h/d', /no user/],
    ['postgresql://u:s3cret@h/d?sslmode=prefer', /sslmode "prefer" is not supported: use disable, require/],
    ['postgresql://u:s3cret@h/d?ssl=s3cret', /unknown parameter, "ssl": known are host/],
    [
      'postgresql://u:s3cret@h/d?sslrootcert=/nowhere/ca.crt',
      /\/nowhere\/ca\.crt for TLS .* cannot be read: ENOENT/,
    ],
    ['postgresql://u:s3cret@h/d?sslcert=/x', /sslcert and sslkey, both or neither/],
  ];
  for (const [url, message] of cases) {
    await writeFile(urlFile, url);
    const { message: said } = await t.throwsAsync(readLogin({ ...NONE, urlFile }), { message });
    t.notRegex(said, /s3cret/);
  }
  await t.throwsAsync(readLogin({ ...NONE, urlFile: join(folder, 'none') }), {
    message: /cannot be read: ENOENT/,
  });
  const login = await readLogin({ ...NONE, host: 'db', user: 'u', password: 'a b' });
  t.like(login, { address: { database: 'u' }, tls: { servername: 'db', rejectUnauthorized: true } });
  t.is(
    login.withoutSecrets(new Error('postgresql://u:a%20b@db, "a b"')).message,
    'postgresql://u:[secret]@db, "[secret]"',
  );
});
