/** How a sink is operated: one works at a time, its schema, its login, its health, and the queries and metrics of docs/bill-sink.md. */
import { chownSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Registry } from 'prom-client';
import { createSinkMetrics } from '../../services/bill-sink/metrics.ts';
import { ENV } from '../../services/contract.ts';
import { serverCertificate, testAuthority } from '../support/certificates.ts';
import { blocksOf, read } from '../docs/page-commands.ts';
import { until } from '../support/until.ts';
import { hasPostgres } from './postgres-server.ts';
import { bill, startWorld, type World } from './world.ts';

const isThere = hasPostgres();
const run = isThere ? test : test.skip;
const PAGE = read('docs/bill-sink.md');
let world: World;
let folder: string;
test.before(async () => {
  if (!isThere) return;
  folder = await mkdtemp(join(tmpdir(), 'ocpp-tls-'));
  const { certificate, key } = await serverCertificate();
  await writeFile(join(folder, 'tls.crt'), certificate);
  await writeFile(join(folder, 'tls.key'), key, { mode: 0o600 });
  await writeFile(join(folder, 'ca.crt'), (await testAuthority()).certificate);
  await writeFile(join(folder, 'other.crt'), (await testAuthority('Other CA')).certificate);
  if (process.getuid?.() === 0)
    for (const name of ['', 'tls.crt', 'tls.key']) chownSync(join(folder, name), 65_534, 65_534);
  world = await startWorld([
    'ssl = on',
    `ssl_cert_file = '${join(folder, 'tls.crt')}'`,
    `ssl_key_file = '${join(folder, 'tls.key')}'`,
  ]);
});
test.after.always(async () => {
  await world?.[Symbol.asyncDispose]();
  if (isThere) await rm(folder, { recursive: true });
});

const isWorking = async (sink: { ask(path: string): Promise<{ text: string }> }) =>
  /^ocpp_bill_sink_working 1$/m.test((await sink.ask('/metrics')).text);

run(
  'of two sinks one works; the other one is ready, waits, and takes over when the first is killed',
  async (t) => {
    const place = await world.place();
    await using first = await place.sink();
    await until(() => isWorking(first), 'a working sink');
    await using second = await place.sink();
    await second.waitReady();
    await until(() => second.log.includes('another bill-sink of this cluster works'), 'a sink in standby');
    t.false(await isWorking(second));
    await place.append('transactions', bill(1));
    await place.filled('bills', 1);
    await first.kill('SIGKILL');
    await until(() => isWorking(second), 'the successor');
    await place.append('transactions', bill(2));
    await place.filled('bills', 2);
    t.is(await second.kill(), 0);
  },
);

run('migrations are applied once, and the schema of a newer program is refused', async (t) => {
  const place = await world.place();
  {
    await using sink = await place.sink();
    await until(() => isWorking(sink), 'a working sink');
    await sink.kill();
  }
  const applied = await place.rows('SELECT * FROM ocpp.migrations ORDER BY version');
  t.is(applied.length, 2);
  {
    await using sink = await place.sink();
    await until(() => isWorking(sink), 'a working sink');
    await sink.kill();
  }
  t.deepEqual(await place.rows('SELECT * FROM ocpp.migrations ORDER BY version'), applied);
  await place.rows('INSERT INTO ocpp.migrations (version) VALUES (99)');
  await using old = await place.sink();
  await until(
    async () => (await old.ask('/readyz')).text.includes('has version 99, and this bill-sink knows 2'),
    'a refusal',
  );
  t.is((await old.ask('/healthz')).status, 200);
});

run(
  'a user without the right to make schemas works in one that was made for it, as the page says; a reader reads',
  async (t) => {
    const [setUp = ''] = blocksOf(PAGE, 'sql');
    const place = await world.place();
    // Blocks in a list are indented.
    await world.postgres.query(setUp.replaceAll(/\bocpp\b/g, place.name));
    const urlFile = join(folder, 'sink-url');
    const url = (password: string) =>
      `postgresql://bill_sink:${encodeURIComponent(password)}@localhost:${world.postgres.port}/postgres?sslmode=verify-full&sslrootcert=${join(folder, 'ca.crt')}`;
    await writeFile(urlFile, url('s3cret/wrong').replace('postgresql:', 'mysql:'));
    await using sink = await place.sink({ [ENV.billSinkUrlFile]: urlFile });
    await until(
      async () => (await sink.ask('/readyz')).text.includes('does not begin with postgresql://'),
      'a refused URL',
    );
    await writeFile(urlFile, url('s3cret/wrong'));
    await until(
      async () => (await sink.ask('/readyz')).text.includes('check user and password'),
      'a refused password',
    );
    await writeFile(urlFile, url('a long random text'));
    await until(() => isWorking(sink), 'a sink with the changed file');
    t.notRegex(`${sink.log}${(await sink.ask('/readyz')).text}`, /s3cret|long random/);
    t.notRegex(sink.log, /"stack"|"code":""/, 'a wrong login is no mistake of the program');
    t.deepEqual(
      await world.postgres.query(
        "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'bill_sink'",
      ),
      [{ ssl: true }],
    );
    await place.append('transactions', bill(1));
    await place.filled('bills', 1);
    const read = await world.postgres
      .query(`SET ROLE billing; SELECT bill_id FROM ${place.name}.current_bills`)
      .catch((error: unknown) => error);
    t.false(read instanceof Error, String(read));
    const written = await t.throwsAsync(
      world.postgres.query(`SET ROLE billing; DELETE FROM ${place.name}.bills`),
    );
    t.regex(written.message, /permission denied/);
  },
);

run('TLS is checked as sslmode says', async (t) => {
  const place = await world.place();
  const urlFile = join(folder, 'tls-url');
  const base = `${world.postgres.url.split('?')[0]}`;
  await writeFile(urlFile, `${base}?sslrootcert=${join(folder, 'other.crt')}`);
  await using sink = await place.sink({ [ENV.billSinkUrlFile]: urlFile });
  const cases: readonly (readonly [string, RegExp])[] = [
    [`sslrootcert=${join(folder, 'other.crt')}`, /^PostgreSQL: .*(certificate|issuer|self.signed)/i],
    [`sslmode=verify-ca&sslrootcert=${join(folder, 'ca.crt')}`, /^ok$/],
  ];
  for (const [query, answer] of cases) {
    await writeFile(urlFile, `${base}?${query}`);
    await until(async () => answer.test((await sink.ask('/readyz')).text.trim()), query);
  }
  t.true(await until(() => isWorking(sink), 'a working sink'));
  t.notRegex(sink.log, /superuser/, 'no password');
});

run('what is away is named, bills wait meanwhile, and a bad environment ends the program', async (t) => {
  const place = await world.place();
  await using sink = await place.sink({ [ENV.billSinkKeep]: '1' });
  await until(() => isWorking(sink), 'a working sink');
  await world.redis.kill();
  await until(async () => (await sink.ask('/readyz')).text.startsWith('Redis at '), 'Redis is named');
  await world.redis.restart();
  await sink.waitReady();
  await place.rows("ALTER TABLE ocpp.bills ADD CONSTRAINT refuse CHECK (bill_id = '')");
  await place.append('transactions', bill(1), bill(2), bill(3));
  await until(
    async () => /^PostgreSQL: .*refuse/.test((await sink.ask('/readyz')).text),
    'PostgreSQL is named',
  );
  t.is((await sink.ask('/healthz')).status, 200);
  t.is(await world.look.xlen(`${place.name}:transactions`), 3, 'what is not moved stays');
  await place.rows('ALTER TABLE ocpp.bills DROP CONSTRAINT refuse');
  await place.filled('bills', 3);
  const cases: readonly (readonly [Record<string, string | undefined>, RegExp])[] = [
    [{ [ENV.billSinkUrlFile]: undefined }, /set OCPP_BILL_SINK_URL_FILE or PGHOST/],
    [{ [ENV.billSinkSchema]: 'a"; DROP' }, /OCPP_BILL_SINK_SCHEMA must be lower-case letters/],
    [{ [ENV.billSinkKeep]: '0' }, /OCPP_BILL_SINK_KEEP: must be a whole number from 1/],
  ];
  for (const [env, message] of cases) {
    const bad = await place.sink(env);
    await until(() => bad.ended, 'its end');
    t.regex(bad.log, message);
  }
});

run('the data of another cluster are refused', async (t) => {
  const place = await world.place();
  await place.append('transactions', bill(1));
  await world.look.hset(`${place.name}:store`, 'cluster', 'charging/city/1');
  await using sink = await place.sink({ [ENV.clusterId]: 'charging/town/2' });
  await until(
    async () =>
      (await sink.ask('/readyz')).text.includes(
        'PrefixTaken: the Redis prefix belongs to cluster charging/city/1',
      ),
    'a refusal',
  );
  t.is(await place.count('bills'), 0);
  await world.look.hset(`${place.name}:store`, 'cluster', 'charging/town/2');
  await place.filled('bills', 1);
  t.deepEqual(await place.rows('SELECT cluster FROM ocpp.bills'), [{ cluster: 'charging/town' }]);
});

run('the queries of docs/bill-sink.md run as printed', async (t) => {
  const place = await world.place();
  await using sink = await place.sink();
  await place.append(
    'transactions',
    bill(1),
    bill(1, { billId: 'second', kind: 'correction', supersedes: 'bill-1', notes: 'phases-differ' }),
  );
  const about = { stationId: 'CP-7', transactionId: 'tx-1' };
  await place.append('meter-values', { ...about, values: '[{"a":1},{"a":2}]' });
  await place.append('settlements', { ...about, pspRef: 'psp-1', amount: '3.75' });
  await place.filled('bills', 2);
  await place.filled('meter_values', 1);
  await place.filled('settlements', 1);
  const [, ...queries] = blocksOf(PAGE, 'sql');
  const answers = [];
  for (const query of queries) answers.push(await place.rows(query));
  t.deepEqual(
    answers.map((rows) => rows.length),
    [1, 1, 2, 2, 2, 1, 2],
  );
  t.like(answers[0]?.[0], { token: 'ABC123', kwh: '7.5005000000000000', bills: '1' });
  t.like(answers[5]?.[0], { psp_ref: 'psp-1', bill_id: 'second' });
  t.deepEqual(await place.rows("SELECT DISTINCT id_tag, entry->>'idTag' AS entry FROM ocpp.bills"), [
    { id_tag: 'ERASED', entry: 'ERASED' },
  ]);
  t.is(await sink.kill(), 0);
});

test('docs/bill-sink.md lists the metrics, the settings and the checks', async (t) => {
  const registry = new Registry();
  createSinkMetrics(registry);
  const exported = (await registry.getMetricsAsJSON()).map(({ name, type }) => `| \`${name}\` | ${type} |`);
  for (const row of exported) t.true(PAGE.includes(row), row);
  for (const [key, name] of Object.entries(ENV))
    if (/^(billSink|postgres)/.test(key)) t.true(PAGE.includes(`\`${name}\``), name);
  const views = await readFile(
    new URL('../../services/bill-sink/migrations/0002-views.sql', import.meta.url),
    'utf8',
  );
  const doubtful = [
    ...read('docs/stored-data.md').matchAll(/^\| (`[^|]*`) \| [^|]* \| `bill-doubtful` \|$/gm),
  ];
  const notes = doubtful.flatMap(([, names = '']) => names.match(/[a-z-]+/g) ?? []);
  // Of `goes-on` only a report has the note.
  for (const note of notes.filter((one) => one !== 'goes-on')) t.true(views.includes(`'${note}'`), note);
  t.true(notes.length >= 8);
});
