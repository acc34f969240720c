/** The screens of `npm start`: the board on a terminal, plain lines, JSON. */
import test from 'ava';
import { Board } from '../../../operator/local/cli/board.ts';
import { JsonScreen, PlainScreen } from '../../../operator/local/cli/lines.ts';
import { type ClusterState, whatStops } from '../../../operator/local/cli/state.ts';
import { inColour, summary, table, withoutColour } from '../../../operator/local/cli/table.ts';
import type { Pod } from '../../../operator/local/kinds.ts';

const STATE: ClusterState = {
  cluster: 'city',
  namespace: 'default',
  phase: 'Running',
  stations: 10,
  transactions: 4,
  queue: { depth: 250, oldestSeconds: 1.5, inFlight: 100 },
  proxies: { ready: 2, desired: 2, why: 'spec.proxy.replicas is 2' },
  processors: {
    ready: 1,
    desired: 3,
    why: '900 frames/s arrive, 250 wait, 100 in flight, one processor does 500/s: 3 wanted',
  },
};
const UNKNOWN: ClusterState = {
  ...STATE,
  phase: 'Starting',
  stations: null,
  transactions: null,
  queue: null,
};

test('the table shows figures and why so many; what is unknown is no number', (t) => {
  t.deepEqual(table([STATE, { ...UNKNOWN, cluster: 'lab', processors: null }], 79, withoutColour), [
    'CLUSTER  PHASE     STATIONS  TRANSACTIONS  QUEUE  OLDEST  IN FLIGHT',
    'city     Running         10             4    250   1.5 s        100',
    '  proxies     2/2    spec.proxy.replicas is 2',
    '  processors  1/3    900 frames/s arrive, 250 wait, 100 in flight, one',
    '                     processor does 500/s: 3 wanted',
    'lab      Starting         –             –      –       –          –',
    '  proxies     2/2    spec.proxy.replicas is 2',
  ]);
  const degraded = table([{ ...STATE, phase: 'Degraded', problem: 'no Redis' }], 79, withoutColour);
  t.is(degraded[2], '  no Redis');
  t.is(
    summary(UNKNOWN),
    'city Starting  stations –  transactions –  queue –  in flight –  proxies 2/2  processors 1/3',
  );
  t.regex(visible(table([STATE], 79, inColour)[1] ?? ''), /␛\[32mRunning/);
});

test('no line is wider than the terminal, however narrow', (t) => {
  const long = { ...STATE, cluster: 'a'.repeat(40), problem: 'x'.repeat(200) };
  for (let width = 1; width < 120; width += 1) {
    for (const line of table([STATE, long], width, withoutColour))
      t.true(line.length <= width, `${width}: ${line}`);
  }
});

const visible = (text: string) => text.replaceAll('\u001B', '␛');

/** What a terminal shows after `text`, as far as the board uses its sequences. */
function shown(text: string): string[] {
  const rows: string[] = [];
  let row = 0;
  for (const [part, count] of visible(text).matchAll(/␛\[(\d*)A|␛\[J|\r|\n|[^␛\r\n]+/g)) {
    if (count !== undefined) row = Math.max(0, row - Number(count));
    else if (part === '␛[J') rows.length = Math.min(rows.length, row);
    else if (part === '\n') row += 1;
    else if (part !== '\r') rows[row] = part;
  }
  return Array.from(rows, (one) => one ?? '');
}

function terminal(columns = 100, rows = 30) {
  let written = '';
  let resized = () => {};
  const out = {
    columns,
    rows,
    write: (text: string) => (written += text),
    on: (_: 'resize', listener: () => void) => void (resized = listener),
  };
  return { out, shown: () => shown(written), written: () => written, resize: () => resized() };
}

test('the board is repainted in place; notes that leave it stay above it, in order', (t) => {
  const screen = terminal();
  const board = new Board(screen.out, () => Date.parse('2026-01-01T10:00:00'), withoutColour);
  board.say(['  stations connect to   ws://127.0.0.1:9000/ocpp/{id}']);
  board.show([UNKNOWN]);
  board.show([STATE]);
  const repaints = screen.written().length;
  board.show([STATE]);
  t.is(screen.written().length, repaints, 'the same state is not painted again');
  for (let note = 1; note <= 7; note += 1) board.note(`note ${note}`);
  const head = table([STATE], 99, withoutColour);
  t.deepEqual(screen.shown(), [
    '  stations connect to   ws://127.0.0.1:9000/ocpp/{id}',
    '10:00:00 note 1',
    '10:00:00 note 2',
    ...head,
    'LAST EVENTS',
    ...[3, 4, 5, 6, 7].map((note) => `  10:00:00 note ${note}`),
  ]);
  board.end();
  board.show([STATE]);
  board.note('stopped');
  t.deepEqual(screen.shown().slice(1), [
    ...[1, 2, 3, 4, 5, 6, 7].map((note) => `10:00:00 note ${note}`),
    '10:00:00 stopped',
  ]);
});

test('a terminal that became narrower has wrapped the board, which is erased whole', (t) => {
  const screen = terminal(100);
  const board = new Board(screen.out, () => 0, withoutColour);
  board.show([STATE]);
  const before = screen.written().length;
  screen.out.columns = 40;
  screen.resize();
  const rows = table([STATE], 99, withoutColour).reduce((sum, line) => sum + Math.ceil(line.length / 40), 0);
  t.is(/␛\[(\d+)A/.exec(visible(screen.written().slice(before)))?.[1], String(rows));
  t.true(rows > table([STATE], 99, withoutColour).length);
});

test('where there are few rows, older notes and then the table make room', (t) => {
  const lines = table([STATE], 99, withoutColour).length;
  for (const [rows, notes] of [
    [lines + 4, 2],
    [lines + 2, 0],
    [3, 0],
  ] as const) {
    const screen = terminal(100, rows);
    const board = new Board(screen.out, () => 0, withoutColour);
    board.show([STATE]);
    for (let note = 1; note <= 4; note += 1) board.note(`note ${note}`);
    t.true(screen.shown().length < rows, `${rows}: ${screen.shown().join('\n')}`);
    t.is(screen.shown().filter((line) => /note [34]$/.test(line)).length, notes);
  }
});

test('without a terminal the state is a line now and then, and other lines at once', (t) => {
  let now = 0;
  let written = '';
  const pipe = new PlainScreen({ write: (text: string) => (written += text) }, () => now);
  pipe.say(['one', 'two']);
  for (const [at, stations] of [
    [0, 1],
    [1000, 2],
    [4000, 3],
    [9000, 3],
  ] as const) {
    now = at;
    pipe.show([{ ...STATE, stations }]);
  }
  t.deepEqual(written.split('\n'), [
    'one',
    'two',
    summary({ ...STATE, stations: 1 }),
    summary({ ...STATE, stations: 3 }),
    '',
  ]);
});

test('with --json, each change is one object on one line, and everything else is on the other stream', (t) => {
  const streams = { out: '', log: '' };
  const to = (name: keyof typeof streams) => ({ write: (text: string) => (streams[name] += text) });
  const screen = new JsonScreen(to('out'), to('log'), () => 0);
  const time = '1970-01-01T00:00:00.000Z';
  screen.note('a note');
  screen.show([STATE]);
  screen.show([STATE]);
  screen.show([UNKNOWN]);
  screen.event({ time, cluster: 'city', warning: true, reason: 'RedisLost', message: 'gone' });
  screen.access({ cluster: 'city', stations: [], protocols: [], metrics: [] });
  const objects = streams.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  t.deepEqual(objects, [
    { time, type: 'state', ...STATE },
    { time, type: 'state', ...UNKNOWN },
    { time, type: 'event', cluster: 'city', warning: true, reason: 'RedisLost', message: 'gone' },
    { time, type: 'access', cluster: 'city', stations: [], protocols: [], metrics: [] },
  ]);
  t.regex(streams.log, /a note\n$/);
});

test('Ctrl-C says what it stops', (t) => {
  const pod = (component: string) =>
    ({ metadata: { name: 'p', labels: { 'app.kubernetes.io/component': component } } }) as unknown as Pod;
  const pods = [pod('ws-proxy'), pod('ws-proxy'), pod('processor'), pod('redis')];
  t.is(whatStops(pods, [STATE]), '2 proxies (10 stations are asked to reconnect), 1 processor, Redis');
  t.is(whatStops(pods, [UNKNOWN]), '2 proxies (stations are asked to reconnect), 1 processor, Redis');
  t.is(
    whatStops([pod('ws-proxy')], [{ ...STATE, stations: 1 }]),
    '1 proxy (1 station is asked to reconnect)',
  );
  t.is(whatStops([pod('ws-proxy')], [{ ...STATE, stations: 0 }]), '1 proxy');
});
