/** docs/log-messages.md has each message of each program, and no other; and the log calls keep the rules that the page promises. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { callsIn, type LogCall, logCalls } from './log-calls.ts';
import { blocksOf, read, runAll, section } from './page-commands.ts';

const page = read('docs/log-messages.md');
const calls = logCalls();

/** Which section has the messages of a folder. */
const SECTIONS: readonly (readonly [folder: string, section: string])[] = [
  ['services/runtime/', 'Every program'],
  ['services/ws-proxy/', 'ws-proxy'],
  ['services/processor/', 'processor'],
  ['services/csms/', 'processor'],
  ['services/api/', 'API'],
  ['services/bill-sink/', 'Bill sink'],
  ['services/library/', 'Library'],
  ['operator/', 'Operator'],
];

const sectionOf = (file: string) => SECTIONS.find(([folder]) => file.startsWith(folder))?.[1] ?? file;
const where = ({ file, line }: LogCall) => `${file}:${line}`;

const rows = [...new Set(SECTIONS.map(([, name]) => name))].flatMap((name) =>
  [...section(page, name).matchAll(/^\| `(.+?)` \| (\w+) \| (.+?) \| (.+?) \|(?: (.+?))? \|$/gm)].map(
    ([, message = '', level = '', meaning = '', action = '', fields = '']) => {
      return { name, message, key: `${name}: ${level}: ${message}`, meaning, action, fields };
    },
  ),
);
const lines = page.split('\n').filter((line) => line.startsWith('| `') && line.split(' | ').length > 3);

test('every message is a constant text', (t) => {
  t.true(calls.length > 100);
  t.deepEqual(calls.filter(({ message }) => message === undefined).map(where), []);
});

test('the page has each message of the sources with its level, once, and no other', (t) => {
  t.is(rows.length, lines.length, 'each row of a message was read');
  const logged = new Set(calls.map(({ file, level, message }) => `${sectionOf(file)}: ${level}: ${message}`));
  t.deepEqual(rows.map(({ key }) => key).sort(), [...logged].sort());
});

test('each row says in sentences what it means and what to do', (t) => {
  for (const { key, meaning, action } of rows) {
    t.regex(meaning, /^\S.*\.$/, key);
    t.regex(action, /^[A-Z].*\.$/, key);
  }
});

/** Those of an error; and a finding of the sink, whose facts come from another file. */
const ELSEWHERE = new Set(['error', 'code', 'stack', 'cursor', 'first', 'release', 'reason', 'stationId']);

test('the fields that the page names are in the log calls', (t) => {
  for (const { name, message, key, fields } of rows) {
    const texts = calls
      .filter((call) => call.message === message && sectionOf(call.file) === name)
      .map((call) => read(call.file));
    const missing = [...fields.matchAll(/`(\w+)`/g)]
      .map(([, field = '']) => field)
      .filter(
        (field) => !ELSEWHERE.has(field) && !texts.some((text) => new RegExp(`\\b${field}\\b`).test(text)),
      );
    t.deepEqual(missing, [], key);
  }
});

test('a station is in the field stationId only, and no field holds a secret, a token or a payload', (t) => {
  const named = (pattern: RegExp) =>
    calls.filter(({ fields }) => pattern.test(fields.replaceAll(/\$\{.*?\}/g, ''))).map(where);
  const asField = (names: string) => new RegExp(`(?:^|[{,])\\s*(?:${names})\\s*(?=[:,}]|$)`);
  t.deepEqual(
    named(asField('identity|station|id|charger|chargePoint')).filter(
      (call) => !call.startsWith('operator/controller/leader.ts'),
    ),
    [],
  );
  t.deepEqual(
    named(asField('password|secretKey|token|idTag|idToken|authorization|payload|csr|chain|frame')),
    [],
  );
  // Fields of pino: a line would have two of them.
  t.deepEqual(named(asField('name|msg|time|level|pid|hostname')), []);
});

/** Warnings and errors of services that need no limit of their own, with what bounds them. */
const BOUNDED: Readonly<Record<string, string>> = {
  'services/runtime/lifecycle.ts': 'the program ends',
  'services/runtime/live-settings.ts': 'once for each content of the files',
  'services/api/access/access-tokens.ts': 'once for each change of the files',
  'services/api/start-api.ts': 'once at the start',
  'services/bill-sink/observer.ts': 'once for each loss of a stream',
  'services/ws-proxy/access/access.ts': 'once for each change of the files',
  'services/ws-proxy/access/station-certificates.ts': 'once a day',
  'services/ws-proxy/access/tls-observer.ts': 'once for each change of the files',
  'services/ws-proxy/drain/proxy-drain.ts': 'once at the end',
  'services/ws-proxy/proxy.ts': 'once at the start',
  'services/csms/run-handler.ts': 'by dispatch, with handlerLog',
};

test('warnings and errors that stations or an outage can repeat are rate-limited', (t) => {
  const loud = calls.filter(({ file, level, isQuiet }) => {
    return file.startsWith('services/') && !isQuiet && (level === 'warn' || level === 'error');
  });
  const unbounded = loud.filter(
    ({ file }) => !(file in BOUNDED) && !file.startsWith('services/csms/handlers/'),
  );
  t.deepEqual(unbounded.map(where), []);
  const files = new Set(loud.map(({ file }) => file));
  t.deepEqual(
    Object.keys(BOUNDED).filter((file) => !files.has(file)),
    [],
    'needed no more',
  );
});

const hasJq = (() => {
  try {
    return execFileSync('jq', ['--version']).length > 0;
  } catch {
    process.stderr.write(
      'SKIPPED: no jq on the PATH (apt-get install jq), for the commands of docs/log-messages.md\n',
    );
    return false;
  }
})();

(hasJq ? test : test.skip)(
  'its commands find the lines of a station, and the most frequent ones',
  async (t) => {
    const form = section(page, 'The form of a line');
    const [sample = ''] = blocksOf(form, 'json');
    const folder = mkdtempSync(join(tmpdir(), 'ocpp-logs-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const other = '{"level":"error","name":"processor","stationId":"CP-2","msg":"handler failed"}';
    writeFileSync(join(folder, 'a.log'), `1:M * Ready to accept connections\n42\n${other}\n${sample}`);
    const pods = `kubectl() { cat "$LOGS"/*.log; }`;
    const commands = blocksOf(form, 'sh').map((block) => ({ text: block.trim(), prints: '' }));
    const results = await runAll(commands, folder, pods, { LOGS: folder });
    t.deepEqual(
      results.map(({ output }) => output.trim()),
      [sample.trim(), sample.trim(), '13\trefused a handshake\n1\thandler failed'],
    );
  },
);

test('the scan reads each form of a call, and refuses what it could not read', (t) => {
  const source = `const TEXT =
  'a text: (1)';
const about = { stationId, why };
this.#log.warn('kind', about, 'it\\'s, so');
log()
  .error({ a: [1, ')'], b: \`x\` }, TEXT);
options.quiet.error(kind, { ...c }, \`not \${constant}\`);
observer.error(e);`;
  t.deepEqual(
    callsIn('x.ts', source).map(({ line, level, isQuiet, fields, message }) => [
      line,
      level,
      isQuiet,
      fields,
      message,
    ]),
    [
      [4, 'warn', true, '{ stationId, why }', "it's, so"],
      [5, 'error', false, "{ a: [1, ')'], b: `x` }", 'a text: (1)'],
      [7, 'error', true, '{ ...c }', undefined],
    ],
  );
  for (const bad of ["log[level]({}, 'a')", 'const write = log.info;', "logger.warn({}, 'a')"])
    t.throws(() => callsIn('x.ts', bad), undefined, bad);
});
