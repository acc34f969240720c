/**
 * `npm start` as a user runs it, with a manifest and stations. Its child processes are found, killed, and gone at the end.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { WebSocket } from 'ws';
import { freePort } from '../support/free-port.ts';
import { isClean, startSimulation } from '../simulator/simulation.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Started extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly url: string;
  /** Of the second listener. */
  readonly lab: string;
  readonly file: string;
  output(): string;
  /** Without standard error. */
  stdout(): string;
  says(pattern: RegExp, seconds?: number): Promise<unknown>;
  /** Ends it with a signal; resolves to its exit status. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const TWO = '{ replicas: 2 }';
const BY_STATIONS =
  '{ autoscaling: { minReplicas: 1, maxReplicas: 3, targetSessionsPerPod: 14, scaleDownStabilizationSeconds: 5 } }';

const manifest = (port: number, lab: number, proxy = TWO, unknownTokens = 'Accept', more = '') => `
apiVersion: ocpp.dev/v1alpha1
kind: OcppCluster
metadata: { name: start, namespace: test }
spec:
  listeners:
    - { name: stations, port: ${port}, path: /ocpp }
    - { name: lab, port: ${lab}, path: /lab }
  proxy: ${proxy}
  processor:
    unknownTokens: ${unknownTokens}
    autoscaling: { minReplicas: 1, maxReplicas: 3, targetDrainSeconds: 1, scaleDownStabilizationSeconds: 10 }
${more}`;

async function start(
  env: Readonly<Record<string, string>> = {},
  proxy = TWO,
  unknownTokens = 'Accept',
  options: readonly string[] = [],
): Promise<Started> {
  const [port, lab] = [await freePort(), await freePort()];
  const folder = await mkdtemp(join(tmpdir(), 'start-test-'));
  const file = join(folder, 'cluster.yaml');
  await writeFile(file, manifest(port, lab, proxy, unknownTokens));
  const child = spawn(process.execPath, [join(ROOT, 'operator/local/cli/main.ts'), '-f', file, ...options], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let stdout = '';
  child.stdout.on('data', (data: Buffer) => (stdout += String(data)));
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += String(data)));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    child,
    file,
    url: `ws://127.0.0.1:${port}/ocpp`,
    lab: `ws://127.0.0.1:${lab}/lab`,
    output: () => output,
    stdout: () => stdout,
    says: (pattern, seconds) => until(() => pattern.test(output), `${pattern}`, (seconds ?? 60) * 1000),
    end(signal) {
      child.kill(signal);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

interface Process {
  readonly pid: number;
  readonly command: string;
}

/** The children of `parent`, as the kernel lists them. */
async function childrenOf(parent: number): Promise<Process[]> {
  const found: Process[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const ppid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (ppid !== parent) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    found.push({ pid: Number(name), command: command.replaceAll('\0', ' ').trim() });
  }
  return found;
}

async function children(started: Started, command: RegExp): Promise<Process[]> {
  return (await childrenOf(started.child.pid ?? 0)).filter((one) => command.test(one.command));
}

const PROXY = /ws-proxy\/main\.ts/;
const PROCESSOR = /processor\/main\.ts/;
const REDIS = /^\S*redis-server /;

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A station by hand: one socket, CALLs one after the other, sent again on a new socket if that ends. */
class ByHand {
  readonly #url: string;
  #socket: WebSocket | undefined;
  #number = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async call(action: string, payload: object): Promise<Record<string, unknown>> {
    this.#number += 1;
    const id = `n${this.#number}`;
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(300)) {
      const answer = await this.#attempt(JSON.stringify([2, id, action, payload])).catch(() => undefined);
      if (answer?.[0] === 3 && answer[1] === id) return answer[2] as Record<string, unknown>;
      if (answer !== undefined) throw new Error(`${action} was answered ${JSON.stringify(answer)}`);
    }
    throw new Error(`${action} was not answered within 60 s`);
  }

  close(): void {
    this.#socket?.close();
  }

  async #attempt(text: string): Promise<unknown[]> {
    const socket = await this.#connected();
    return new Promise((resolve, reject) => {
      const closed = () => reject(new Error('closed'));
      socket.once('message', (data: Buffer) => {
        socket.off('close', closed);
        resolve(JSON.parse(data.toString()) as unknown[]);
      });
      socket.once('close', closed);
      socket.send(text);
    });
  }

  async #connected(): Promise<WebSocket> {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    const socket = new WebSocket(this.#url, ['ocpp1.6']);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    this.#socket = socket;
    return socket;
  }
}

/** Whether the handshake is refused; a socket that opens stays. */
const isRefused = (url: string, connected: WebSocket[]) =>
  new Promise<boolean>((resolve) => {
    const socket = new WebSocket(url, ['ocpp1.6']);
    socket.once('open', () => {
      connected.push(socket);
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });

const BOOT = { chargePointVendor: 'Vendor', chargePointModel: 'Model' };
const now = () => new Date().toISOString();

/** The commands that Redis runs. */
async function monitor(started: Started): Promise<{ seen(): string; stop(): void }> {
  const [redis] = await children(started, REDIS);
  const [, host, port] = /(127[\d.]+):(\d+)/.exec(redis?.command ?? '') ?? [];
  const password = await passwordOf(redis?.pid ?? 0);
  const socket = connect({ host: host ?? '', port: Number(port) });
  let seen = '';
  socket.on('data', (data) => (seen += data.toString()));
  socket.write(`AUTH ${password}\r\nMONITOR\r\n`);
  await until(() => seen.startsWith('+OK\r\n+OK'), 'MONITOR');
  return { seen: () => seen, stop: () => socket.destroy() };
}

/** Of the Redis that runs with this pid, in the folder of its volume. */
async function passwordOf(pid: number): Promise<string> {
  const folder = await readlink(`/proc/${pid}/cwd`);
  const [file = ''] = globSync(join(folder, '../../../pods/*/*/volumes/redis-login/password'));
  return readFile(file, 'utf8');
}

const load = (url: string, stations = 30, prefix = 'SIM') =>
  startSimulation({ url, stations, prefix, cadenceSeconds: 1, reconnectScale: 0.2 });

const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;

onLinux(
  'a station is served through Redis, killed processes restart, and SIGTERM leaves nothing',
  async (t) => {
    t.timeout(240_000);
    await using started = await start({}, TWO, 'Reject');
    await started.says(/start is ready after/);
    t.regex(
      started.output(),
      new RegExp(`stations connect to +${started.url}/\\{id\\}.*\n +and to ${started.lab}/\\{id\\}`),
    );
    const redis = await monitor(started);
    const station = new ByHand(`${started.url}/BY-HAND`);
    t.is((await station.call('BootNotification', BOOT))['status'], 'Accepted');
    t.truthy((await station.call('Heartbeat', {}))['currentTime']);
    await until(
      () => /"lpush" "ocpp:requests" .*BY-HAND.*BootNotification/i.test(redis.seen()),
      'the frame in Redis',
    );
    redis.stop();
    const authorize = () => station.call('Authorize', { idTag: '04A2B3C4' });
    t.like(await authorize(), { idTagInfo: { status: 'Invalid' } });
    await started.says(/REDISCLI_AUTH.* HSET /);
    const [command = ''] = /REDISCLI_AUTH.* HSET .*/.exec(started.output()) ?? [];
    const added = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    t.is(added.stdout.trim(), '1', `${command}: ${added.stderr}`);
    t.like(await authorize(), { idTagInfo: { status: 'Accepted' } });
    const transaction = { connectorId: 1, idTag: '04A2B3C4', meterStart: 10, timestamp: now() };
    const { transactionId } = await station.call('StartTransaction', transaction);
    t.is(typeof transactionId, 'number');

    const simulation = load(started.url, 20);
    const inTheLab = load(started.lab, 10, 'LAB');
    try {
      await until(() => simulation.progress().roundTrips > 60, 'round trips');
      for (const program of [PROCESSOR, PROXY]) {
        const before = await children(started, program);
        process.kill(before[0]?.pid ?? 0, 'SIGKILL');
        const stop = { meterStop: 20, timestamp: now(), transactionId };
        if (program === PROXY) t.deepEqual(await station.call('StopTransaction', stop), {});
        else t.truthy((await station.call('Heartbeat', {}))['currentTime']);
        await until(async () => {
          const after = await children(started, program);
          return after.length === before.length && after.every((one) => one.pid !== before[0]?.pid);
        }, `${program} again`);
      }
      const { roundTrips } = simulation.progress();
      await until(() => simulation.progress().roundTrips > roundTrips + 60, 'more round trips');
    } finally {
      simulation.stop();
      inTheLab.stop();
    }
    for (const summary of await Promise.all([simulation.done, inTheLab.done])) {
      t.true(isClean(summary) && summary.roundTrips > 30, JSON.stringify(summary));
    }
    station.close();

    const left = await childrenOf(started.child.pid ?? 0);
    t.true(left.length >= 5, 'two proxies, a processor, Redis, the guard');
    t.is(await started.end('SIGTERM'), 0);
    t.deepEqual(
      left.filter((one) => alive(one.pid)),
      [],
    );
    t.regex(started.output(), /stopped, nothing is left running/);
  },
);

onLinux(
  'a backlog adds processors and stations add proxies, both scale in again without loss; SIGKILL ends every child',
  async (t) => {
    t.timeout(300_000);
    await using started = await start({}, BY_STATIONS);
    await started.says(/start is ready after/);
    t.regex(started.output(), /WARNING +any token may charge/);
    const proxies = async () => (await children(started, PROXY)).length;
    t.is(await proxies(), 1);
    const processors = async () => (await children(started, PROCESSOR)).length;
    t.is(await processors(), 1);
    const simulation = load(started.url);
    let staying: ReturnType<typeof load> | undefined;
    try {
      await until(() => simulation.progress().roundTrips > 60, 'round trips');
      await started.says(/proxies 3\/3/);
      // They come to the proxies with the fewest stations, which are the new ones.
      staying = load(started.lab, 8, 'LAB');
      // However fast one processor is: while it is stopped, the stations' CALLs wait.
      const [slow] = await children(started, PROCESSOR);
      process.kill(slow?.pid ?? 0, 'SIGSTOP');
      await until(async () => (await processors()) > 1, 'a second processor');
      process.kill(slow?.pid ?? 0, 'SIGCONT');
      await started.says(/start: ScaledProcessors: scaled from 1 to [23]/);
    } finally {
      simulation.stop();
    }
    const summary = await simulation.done;
    t.true(isClean(summary), JSON.stringify(summary));
    try {
      await until(async () => (await proxies()) === 1, 'one proxy again', 120_000);
    } finally {
      staying.stop();
    }
    const stayed = await staying.done;
    t.true(isClean(stayed), JSON.stringify(stayed));
    t.true(stayed.moves.closedBy1012 > 0, 'stations had to move');
    await until(async () => (await processors()) === 1, 'one processor again', 120_000);

    const left = await childrenOf(started.child.pid ?? 0);
    await started.end('SIGKILL');
    await until(() => !left.some((one) => alive(one.pid)), 'the end of every child');
  },
);

onLinux(
  'a saved manifest with other rules and limits takes effect in seconds, and nothing restarts',
  async (t) => {
    t.timeout(120_000);
    await using started = await start({ LOG_LEVEL: 'warn' }, TWO, 'Reject');
    await started.says(/start is ready after/);
    const station = new ByHand(`${started.url}/BY-HAND`);
    t.is((await station.call('BootNotification', BOOT))['interval'], 300);
    const status = async () => (await station.call('Authorize', { idTag: 'A' }))['idTagInfo'];
    t.like(await status(), { status: 'Invalid' });
    let stations = 0;
    const pids = async () => {
      const programs = await Promise.all([PROXY, PROCESSOR, REDIS].map((one) => children(started, one)));
      return programs.flat().map(({ pid }) => pid);
    };
    const before = await pids();
    const [port, lab] = [Number(new URL(started.url).port), Number(new URL(started.lab).port)];
    const proxy = '{ replicas: 2, maxSessionsPerPod: 1, logLevel: debug }';
    await writeFile(started.file, manifest(port, lab, proxy, 'Accept', '    heartbeatSeconds: 60\n'));
    await until(async () => JSON.stringify(await status()).includes('Accepted'), 'the new rule', 20_000);
    const connected: WebSocket[] = [];
    const more = () => isRefused(`${started.url}/MORE-${(stations += 1)}`, connected);
    await until(more, 'both proxies to be full', 20_000);
    t.is((await station.call('BootNotification', BOOT))['interval'], 60);
    const [, folder = ''] = /logs of every Pod +(\S+)/.exec(started.output()) ?? [];
    // The level may have changed after the last of them connected.
    const logs = async () => {
      for (const socket of connected.splice(0)) socket.close();
      await more();
      const all = await Promise.all(globSync(join(folder, '*.log')).map((file) => readFile(file, 'utf8')));
      const joined = all.join('\n');
      return /"level":"debug".*"stationId":"MORE-\d+".*"station connected"/.test(joined) && joined;
    };
    const text = await until(logs, 'the log level', 20_000);
    t.notRegex(text, /"level":"debug".*"stationId":"BY-HAND".*"station connected"/);
    t.notRegex(
      text,
      /"changes":\[.*OCPP_HEARTBEAT_INTERVAL/,
      'LOG_LEVEL holds where the manifest names no level',
    );
    // A slow machine may want a further processor meanwhile.
    const after = new Set(await pids());
    t.deepEqual(
      before.filter((pid) => !after.has(pid)),
      [],
      'no process was restarted',
    );
    t.is(await started.end('SIGTERM'), 0);
  },
);

test('wrong options are one line, --help is one screen', (t) => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOT, 'operator/local/cli/main.ts'), ...args], { encoding: 'utf8' });
  for (const args of [['--wrong'], ['more'], ['-f'], ['--json=yes']]) {
    const { status, stdout, stderr } = run(...args);
    t.is(status, 2, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, /^[^\n]+ See npm start -- --help\n$/);
  }
  const help = run('--help');
  t.is(help.status, 0);
  t.true(help.stdout.split('\n').length < 24);
  const missing = run('-f', '/no/such/file');
  t.like(missing, { status: 1, stdout: '', stderr: '/no/such/file: there is no such file\n' });
});

/** Runs the printed command until the API answers it. */
async function stationsOverHttp(access: unknown): Promise<string> {
  const { listStations = '' } = ((access ?? {}) as { api?: { listStations?: string } }).api ?? {};
  let answer = '';
  const isAnswered = () => {
    answer = spawnSync('sh', ['-c', listStations.replace('curl', 'curl -s')], { encoding: 'utf8' }).stdout;
    return answer !== '';
  };
  await until(isAnswered, `an answer to ${listStations}`, 20_000);
  return answer;
}

onLinux('with --json the output is objects; with --data Redis keeps its data for the next run', async (t) => {
  t.timeout(120_000);
  const data = await mkdtemp(join(tmpdir(), 'start-data-'));
  const run = async (command: string) => {
    await using started = await start({}, TWO, 'Reject', ['--json', '--data', data]);
    await started.says(/"addToken"/);
    const lines = started.stdout().split('\n').slice(0, -1);
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const access = objects.find(({ type }) => type === 'access');
    t.deepEqual(access?.['stations'], [started.url, started.lab]);
    const state = objects.find(({ type }) => type === 'state');
    t.like(state, { cluster: 'start', namespace: 'test', transactions: null });
    t.is(await stationsOverHttp(access), '{"items":[]}');
    await using second = await start({}, TWO, 'Reject', ['--data', data]);
    await second.says(/is in use by another npm start/);
    const { stdout } = spawnSync('sh', ['-c', `${String(access?.['redis'])} ${command}`], {
      encoding: 'utf8',
    });
    t.is(await started.end('SIGINT'), 0);
    t.regex(
      started.output(),
      /stopping: 2 proxies( \(stations are asked to reconnect\))?, 1 processor, the HTTP API, Redis \(Ctrl-C again/,
    );
    return stdout.trim();
  };
  t.is(await run('SET kept yes'), 'OK');
  t.is(await run('GET kept'), 'yes');
  await rm(data, { recursive: true });
});

onLinux('without redis-server it says so, and one process serves the stations', async (t) => {
  t.timeout(120_000);
  await using started = await start({ PATH: '/nowhere' });
  await started.says(/start is ready after/);
  t.regex(started.output(), /redis-server is not installed\. Install it: \S+/);
  const station = new ByHand(`${started.url}/BY-HAND`);
  t.is((await station.call('BootNotification', BOOT))['status'], 'Accepted');
  station.close();

  const [port = 0, lab = 0] = [started.url, started.lab].map((url) => Number(new URL(url).port));
  const inTheLab = new ByHand(`${started.lab}/IN-THE-LAB`);
  t.is((await inTheLab.call('BootNotification', BOOT))['status'], 'Accepted');
  inTheLab.close();
  await writeFile(started.file, manifest(port, lab, TWO, 'Accept', '  protocolls: [ocpp1.6]\n'));
  await started.says(/cluster\.yaml:\d+: spec\.protocolls: there is no such field/);
  await writeFile(started.file, manifest(port, lab, TWO, 'Accept', '  image: *nope\n'));
  await started.says(/the last good version keeps running:\n.*cluster\.yaml:\d+: \*nope has no anchor/);
  const renamed = manifest(port, lab, TWO, 'Accept').replace('name: start', 'name: renamed');
  await writeFile(started.file, renamed);
  await started.says(
    /port \d+ belongs to the cluster start, which is no longer in the file and keeps running/,
  );
  t.is((await station.call('Heartbeat', {}))['status'], undefined, 'what ran before goes on');
  station.close();
  t.is(await started.end('SIGINT'), 0);
});

onLinux('a reader that closes its pipe ends it quietly, whichever output that is', async (t) => {
  t.timeout(120_000);
  for (const closed of ['stdout', 'stderr'] as const) {
    await using started = await start(
      { PATH: '/nowhere' },
      TWO,
      'Accept',
      closed === 'stderr' ? ['--json'] : [],
    );
    started.child[closed]?.destroy();
    await until(() => started.child.exitCode !== null, `the end without ${closed}`, 60_000);
    t.is(started.child.exitCode, 0, started.output());
    t.notRegex(started.output(), /EPIPE|^ +at /m);
  }
});
