/** The simulator is a judge, so here it stands before cases whose verdict is known. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { compareStream } from './ledger.ts';
import { newTransaction } from './messages.ts';
import { Moves, movesBetween } from './moves.ts';
import { isClean, type SimulationOptions, startSimulation } from './simulation.ts';

interface Csms extends AsyncDisposable {
  readonly url: string;
}
interface Asked {
  readonly socket: WebSocket;
  readonly id: string;
  readonly action: string;
  readonly payload: Record<string, unknown>;
  /** A right answer. */
  readonly result: object;
  /** How many CALLs this CSMS has had, this one included. */
  readonly count: number;
}

type Verify = Extract<ServerOptions['verifyClient'], (info: never, done: never) => void>;

/** A CSMS that answers rightly, but for what `misbehave` does instead (when it returns true). */
async function csms(
  misbehave: (asked: Asked) => boolean = () => false,
  verifyClient: Verify = (_info, done) => done(true),
): Promise<Csms> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient });
  await once(server, 'listening');
  let count = 0;
  let transactions = 0;
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const [type, id, action, payload] = parse(data);
      if (type !== 2) return;
      const result = resultOf(action, socket.protocol, () => ++transactions);
      if (misbehave({ socket, id, action, payload, result, count: ++count })) return;
      socket.send(JSON.stringify([3, id, result]));
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/ocpp`,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

function parse(data: RawData): [type: number, id: string, action: string, payload: Asked['payload']] {
  return JSON.parse((data as Buffer).toString()) as ReturnType<typeof parse>;
}

function resultOf(action: string, protocol: string, nextId: () => number): object {
  const info = protocol === 'ocpp1.6' ? 'idTagInfo' : 'idTokenInfo';
  const token = { [info]: { status: 'Accepted' } };
  const currentTime = new Date().toISOString();
  switch (action) {
    case 'BootNotification':
      return { status: 'Accepted', currentTime, interval: 300 };
    case 'Heartbeat':
      return { currentTime };
    case 'StartTransaction':
      return { transactionId: nextId(), ...token };
    case 'Authorize':
    case 'TransactionEvent':
      return token;
    default:
      return {};
  }
}

/** Quick stations: a message every 20 ms, back at once. */
const QUICK: Omit<SimulationOptions, 'url'> = {
  stations: 3,
  cadenceSeconds: 0.02,
  reconnectScale: 0.02,
  settleSeconds: 20,
  connectRate: 1000,
};

/** Runs until `enough`, and a little further until all is answered. */
async function simulate(
  url: string,
  enough: (progress: ReturnType<Running['progress']>) => boolean,
  more: Partial<SimulationOptions> = {},
) {
  const simulation = startSimulation({ ...QUICK, ...more, url });
  const timer = setInterval(() => enough(simulation.progress()) && simulation.stop(), 20);
  const summary = await simulation.done;
  clearInterval(timer);
  return { simulation, summary, transactions: simulation.transactions };
}
type Running = ReturnType<typeof startSimulation>;

test('stations of all versions charge, end their transactions and find nothing wrong', async (t) => {
  await using server = await csms();
  const { summary, transactions } = await simulate(
    server.url,
    ({ transactions }) => transactions.stopped >= 9,
  );
  t.true(isClean(summary), summary.samples.join('\n'));
  t.like(summary, { stations: 3, connected: 3, online: 3, unsent: 0, resent: 0, timeouts: 0 });
  t.is(summary.transactions.started, transactions.length);
  t.is(summary.transactions.stopped, transactions.length, 'the open ones are ended at the end');
  t.is(new Set(transactions.map(({ station, id }) => `${station} ${id}`)).size, transactions.length);
  t.true(summary.latencyMs.p50 > 0 && summary.latencyMs.p50 <= summary.latencyMs.p99);
});

test('a CALL that was open when the socket ended is sent again, the same, before anything else', async (t) => {
  const seen = new Map<string, string[]>();
  let closed = 0;
  await using server = await csms(({ socket, id, action, payload, count }) => {
    if (action !== 'StartTransaction' && action !== 'TransactionEvent') return false;
    const fact = JSON.stringify(payload);
    seen.set(fact, [...(seen.get(fact) ?? []), `${socket.protocol} ${id}`]);
    if ((seen.get(fact)?.length ?? 0) > 1 || closed >= 6) return false;
    closed++;
    if (count % 2 === 0) socket.terminate();
    else socket.close(1012);
    return true;
  });
  const { summary } = await simulate(server.url, ({ transactions }) => transactions.stopped >= 6);
  t.true(isClean(summary), summary.samples.join('\n'));
  t.is(summary.resent, closed);
  t.is(summary.moves.reconnects, closed);
  t.true(summary.moves.closedBy1012 > 0);
  const again = [...seen.values()].filter((ids) => ids.length > 1);
  t.is(again.length, closed);
  for (const ids of again) {
    t.is(new Set(ids).size, ids[0]?.startsWith('ocpp1.6') === true ? 2 : 1, '2.x keeps its message id');
  }
});

/** What a bad CSMS does to every twentieth CALL → how it has to count. */
const MISDEEDS: Readonly<
  Record<string, readonly [kind: 'duplicated' | 'wrong', act: (asked: Asked) => void]>
> = {
  'an answer twice': [
    'duplicated',
    ({ socket, id, result }) => {
      socket.send(JSON.stringify([3, id, result]));
      socket.send(JSON.stringify([3, id, result]));
    },
  ],
  'a response to no request': [
    'wrong',
    ({ socket, id, result }) => {
      socket.send(JSON.stringify([3, 'unknown', result]));
      socket.send(JSON.stringify([3, id, result]));
    },
  ],
  'an answer that its schema refuses': [
    'wrong',
    ({ socket, id }) => socket.send(JSON.stringify([3, id, { surplus: 1 }])),
  ],
  'an error': ['wrong', ({ socket, id }) => socket.send(JSON.stringify([4, id, 'InternalError', '', {}]))],
  'no frame': [
    'wrong',
    ({ socket, id, result }) => {
      socket.send('{}');
      socket.send(JSON.stringify([3, id, result]));
    },
  ],
};

test('every misdeed of a CSMS is found, and counted once', async (t) => {
  for (const [name, [kind, act]] of Object.entries(MISDEEDS)) {
    let done = 0;
    await using server = await csms((asked) => {
      // Not to transaction messages, whose effect would be gone.
      if (asked.action !== 'StatusNotification' || done >= 3) return false;
      done++;
      act(asked);
      return true;
    });
    const { summary } = await simulate(server.url, ({ roundTrips }) => roundTrips > 60);
    t.is(done, 3);
    t.is(summary[kind], done, name);
    t.is(summary.lost + summary.duplicated + summary.wrong, done, name);
    t.false(isClean(summary));
  }
});

test('a CALL that is never answered is lost: after some tries on a living socket, or at the end', async (t) => {
  await using server = await csms(({ action }) => action === 'Heartbeat');
  const { summary } = await simulate(server.url, ({ lost }) => lost >= 1, {
    stations: 1,
    callTimeoutSeconds: 0.05,
    settleSeconds: 0.01,
  });
  t.true(summary.timeouts >= 3);
  t.true(summary.lost >= 1);
  t.regex(summary.samples.join('\n'), /Heartbeat timed out 3 times/);

  await using deaf = await csms(() => true);
  const { summary: ended } = await simulate(deaf.url, ({ online }) => online === 3, { settleSeconds: 0.1 });
  t.is(ended.lost, 3, 'the three boots');
});

test('a refused handshake is tried again, not before Retry-After', async (t) => {
  const at: number[] = [];
  await using server = await csms(undefined, (_info, done) => {
    at.push(Date.now());
    if (at.length === 1) done(false, 503, 'draining', { 'Retry-After': '1' });
    else done(true);
  });
  const { summary } = await simulate(server.url, ({ roundTrips }) => roundTrips > 0, { stations: 1 });
  t.is(summary.moves.refused, 1);
  t.is(summary.moves.reconnects, 0);
  t.true((at[1] ?? 0) - (at[0] ?? 0) >= 990);
  t.true(isClean(summary));
});

test('a station that is asked to reconnect has moved once, and its gap ends with a response', async (t) => {
  await using server = await csms(({ socket, action, count }) => {
    if (count !== 1 || action !== 'BootNotification') return false;
    socket.close(1012);
    return true;
  });
  const { simulation, summary } = await simulate(server.url, ({ roundTrips }) => roundTrips > 5, {
    stations: 1,
  });
  const figures = movesBetween(new Moves(0).reading(), simulation.moves());
  t.like(figures, { moves: 1, moved: 1, movedAgain: 0, drops: 0, away: 0 });
  t.true(figures.gapSeconds.p50 > 0);
  t.true(isClean(summary), summary.samples.join('\n'));
});

test('the chosen share charges until the end, in all versions, and its transactions are closed then', async (t) => {
  await using server = await csms();
  const { simulation, summary } = await simulate(server.url, (progress) => progress.roundTrips > 400, {
    stations: 12,
    longChargingShare: 0.5,
  });
  const byStation = Map.groupBy(simulation.transactions, ({ station }) => station);
  const once = [...byStation]
    .filter(([, charged]) => charged.length === 1)
    .map(([station]) => station)
    .sort();
  t.deepEqual(once, ['SIM-0004', 'SIM-0005', 'SIM-0006', 'SIM-0010', 'SIM-0011', 'SIM-0012']);
  t.true(simulation.transactions.every(({ stopped }) => stopped));
  t.true(isClean(summary), summary.samples.join('\n'));
});

test('a CALL of the CSMS is answered while one of the station is open', async (t) => {
  const answers: unknown[] = [];
  await using server = await csms(({ socket, id, action, result }) => {
    if (action !== 'BootNotification') return false;
    socket.once('message', (data) => {
      answers.push(parse(data));
      socket.send(JSON.stringify([3, id, result]));
    });
    socket.send(
      JSON.stringify([2, 'c1', 'Reset', { type: socket.protocol === 'ocpp1.6' ? 'Soft' : 'Immediate' }]),
    );
    return true;
  });
  const { summary } = await simulate(server.url, ({ roundTrips }) => roundTrips > 10);
  const expected = [3, 'c1', { status: 'Accepted' }];
  t.deepEqual(answers, [expected, expected, expected]);
  t.is(summary.commands, 3);
  t.true(isClean(summary), summary.samples.join('\n'));
});

test('the ledger is compared with the stream: missing, doubled and differing transactions are found', (t) => {
  const transactions = ['A', 'B', 'C', 'D'].map((station, index) =>
    Object.assign(newTransaction(station, 'TAG', 100), {
      id: String(index),
      meter: 300,
      stoppedAt: '2026-01-01T01:00:00.000Z',
      started: true,
      stopped: station !== 'D',
    }),
  );
  const entries = transactions.map(({ station, id, startedAt }) => ({
    stationId: station,
    transactionId: id,
    idTag: 'TAG',
    meterStart: '100',
    meterStop: '300',
    startedAt,
    stoppedAt: '2026-01-01T01:00:00Z',
  }));
  const [a, b, c] = entries;
  if (a === undefined || b === undefined || c === undefined) return t.fail();
  const good = { expected: 3, missing: 0, doubled: 0, differing: 0 };
  t.deepEqual(compareStream(transactions, entries), good, 'D may be there: its last answer was not seen');
  t.deepEqual(compareStream(transactions, [a, b]), { ...good, missing: 1 });
  t.deepEqual(compareStream(transactions, [a, b, c, b]), { ...good, doubled: 1 });
  t.deepEqual(compareStream(transactions, [a, b, c, { ...b, transactionId: '99' }]), { ...good, doubled: 1 });
  t.deepEqual(compareStream(transactions, [a, b, { ...c, meterStop: '299' }]), { ...good, differing: 1 });
  return undefined;
});
