/** The command line of ocppctl, its help and completions, and the parts that need no API. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { COMMANDS, helpFor } from '../../services/ocppctl/commands.ts';
import { readCommandLine } from '../../services/ocppctl/command-line.ts';
import { completionOf } from '../../services/ocppctl/completion.ts';
import { GLOBAL_OPTIONS } from '../../services/ocppctl/options.ts';
import { readEvents, type StreamState } from '../../services/ocppctl/event-stream.ts';
import { age, printable, safeJson, table } from '../../services/ocppctl/table.ts';
import { EXIT, ExitError } from '../../services/ocppctl/exit.ts';

const read = (line: string) => readCommandLine(line.split(' '), COMMANDS);

for (const [line, name, args] of [
  ['tokens', 'tokens list', []],
  ['dead-letters', 'dead-letters list', []],
  ['dead-letters unreadable', 'dead-letters unreadable list', []],
  ['-n charging dead-letters unreadable drop 1-1', 'dead-letters unreadable drop', ['1-1']],
  ['call CP-1 Reset - --wait 5', 'call', ['CP-1', 'Reset', '-']],
  ['station register', 'station', ['register']],
] as const)
  test(`command: ${line}`, (t) => {
    const { command, args: given } = read(line);
    t.deepEqual([command?.name, given], [name, [...args]]);
  });

for (const [line, message] of [
  ['nothing', /^unknown command "nothing"; see ocppctl help$/],
  [
    'tokens drop X',
    /^"tokens" needs one of: list, get, set, remove, erase-history, import; see ocppctl help tokens$/,
  ],
  ['stations --no-such-option', /--no-such-option.*; see ocppctl help$/],
  ['stations --cancel', /^"stations" has no option --cancel; see ocppctl help stations$/],
  ['stations --limit 0', /^--limit must be a whole number from 1 to \d+; see/],
  ['call CP-1 Reset --protocol soap', /^--protocol must be one of ocpp1\.6, /],
  ['status -o yaml', /^--output must be one of table, json; /],
  ['station', /^"station" needs STATION; see ocppctl help station$/],
  ['station A B', /^too many arguments after "station"; /],
  ['registrations set CP-1 Accepted', /^STATUS must be one of Pending, Rejected; /],
] as const)
  test(`mistake: ${line}`, (t) => {
    const error = t.throws(() => read(line), { instanceOf: ExitError, message });
    t.is(error?.status, EXIT.usage);
  });

test('an option has the same kind in every command, as the line is read before the command is known', (t) => {
  const kinds = new Map<string, string>();
  for (const { name, value, short, multiple } of [
    ...GLOBAL_OPTIONS,
    ...COMMANDS.flatMap(({ options }) => options),
  ]) {
    const kind = JSON.stringify([value !== undefined, short, multiple]);
    t.is(kinds.get(name) ?? kind, kind, name);
    kinds.set(name, kind);
  }
  t.is(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
});

test('each command and group has its help', (t) => {
  for (const { name, options, summary } of COMMANDS) {
    const text = helpFor(name.split(' ')).join('\n');
    t.true(text.includes(`ocppctl ${name}`) && text.includes(summary), name);
    for (const option of options) t.true(text.includes(`--${option.name}`), `${name} --${option.name}`);
    t.true(
      helpFor([name.split(' ')[0] ?? ''])
        .join('\n')
        .includes(summary),
      name,
    );
  }
  t.throws(() => helpFor(['status', 'x']), { message: /unknown command "status x"/ });
});

for (const [line, words] of [
  ['sta', ['status', 'stations', 'station', 'start']],
  ['dead-letters unreadable ', ['list', 'drop']],
  ['registrations set CP-1 --o', ['--output']],
  ['reset CP-1 --ty', ['--type']],
  ['call CP-1 Reset --protocol ocpp1', ['ocpp1.6']],
  ['completion ', ['bash', 'zsh', 'fish']],
] as const)
  test(`completion of bash: ${line}`, (t) => {
    const given = ['ocppctl', ...line.split(' ')];
    const script = `${completionOf('bash', COMMANDS)}
COMP_WORDS=(${given.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${given.length - 1}; _ocppctl
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    t.is(stderr, '');
    t.deepEqual(stdout.trim().split('\n'), [...words]);
  });

test('completions of the other shells name every command', (t) => {
  for (const shell of ['zsh', 'fish'] as const) {
    const script = completionOf(shell, COMMANDS);
    for (const word of COMMANDS.flatMap(({ name }) => name.split(' '))) t.true(script.includes(word), word);
  }
});

test('control characters are shown as JSON escapes, and JSON stays the same value', (t) => {
  t.is(printable('a\u001B[2J\u009B\u202E\n\uD800 ä😀'), 'a\\u001b[2J\\u009b\\u202e\\n\\ud800 ä😀');
  const value = { text: 'a\u001B\u007F\u009B\u2028', list: ['😀'] };
  t.regex(safeJson(value, 1), /^[\n\x20-\x7E😀]+$/u);
  t.deepEqual(JSON.parse(safeJson(value)), value);
});

test('tables are aligned, and ages are relative', (t) => {
  const columns = [
    { head: 'A', of: ([a]: readonly string[]) => a },
    { head: 'N', right: true, of: ([, n]: readonly string[]) => n },
  ];
  t.deepEqual(table(columns, [['x', '1'], ['long', '23'], ['']]), [
    'A      N',
    'x      1',
    'long  23',
    '-      -',
  ]);
  const now = Date.parse('2026-01-02T00:00:00Z');
  const ages = [
    '2026-01-01T23:59:58Z',
    '2026-01-01T23:57:00Z',
    '2026-01-01T20:00:00Z',
    '2025-12-30T00:00:00Z',
  ];
  t.deepEqual(
    ages.map((one) => age(one, now)),
    ['2s', '3m', '4h', '3d'],
  );
  t.deepEqual([age('2026-01-02T00:00:05Z', now), age('yesterday', now)], ['0s', 'yesterday']);
});

test('a stream of events is read whatever its pieces are', async (t) => {
  const text =
    ': hello\r\n\r\nid: 1\r\nevent: boot\r\ndata: {"a":\r\ndata:1}\r\n\r\nid: 2\n\ndata: ä\n\ndata: cut';
  for (const size of [1, 2, 3, 7, 1000]) {
    const bytes = Buffer.from(text);
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const state: StreamState = {};
    const events = [];
    for await (const event of readEvents(pieces(), state)) if (event !== undefined) events.push(event);
    t.deepEqual(events, [
      { type: 'boot', data: '{"a":\n1}' },
      { type: 'message', data: 'ä' },
    ]);
    t.is(state.lastId, '2');
  }
});
