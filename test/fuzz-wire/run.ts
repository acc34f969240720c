/** Many inputs on all targets at once, with well-behaved neighbours beside them, and what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { METRIC } from '../../services/contract.ts';
import type { Protocol } from '../../services/ocpp/frame.ts';
import type { Connection } from './connection.ts';
import { type FrameInput, type Input, inputOf } from './input.ts';
import { NEIGHBOURS, Neighbours, type Waits } from './neighbours.ts';
import { openStation, playFrames, playHandshake } from './play.ts';
import { damageOf, figure, memoryOf, startTarget, type Target, TARGETS } from './target.ts';

export interface RunOptions {
  readonly seed: number;
  readonly count: number;
  /** Inputs per second at most; undefined: as fast as possible. */
  readonly rate?: number | undefined;
  /** Memory may be as much above that of the warmed-up programs, after so many seconds of rest. */
  readonly memoryShare: number;
  readonly restSeconds: number;
  readonly report?: (line: string) => void;
}

export interface Finding {
  readonly number: number;
  /** The inputs before it on the same connection, the newest last. */
  readonly before: readonly number[];
  readonly name: string;
  readonly what: string;
}

export interface TargetReport {
  readonly target: string;
  /** Whether its memory has to be back. That of the monolith holds all stored data, with keys that are kept for a week. */
  readonly isMemoryJudged: boolean;
  readonly quiet: Waits;
  readonly busy: Waits;
  /** Resident bytes of each program: the most in the second and in the last quarter of the inputs, and after the rest. */
  readonly memory: { readonly warm: number[]; readonly last: number[]; readonly rested: number[] };
}

export interface RunReport {
  readonly findings: readonly Finding[];
  readonly damage: readonly string[];
  readonly targets: readonly TargetReport[];
}

/** Clients that play at the same time. */
const CLIENTS = 48;
/** Names of each client and version: one may connect every two seconds only. */
const NAMES = 40;
/** How long the neighbours are measured alone; ms. */
const QUIET = 3000;
const MAX_FINDINGS = 20;

/** Even seeds: the monolith is tolerant, and the cluster strict; odd ones: the other way around. */
export const isTolerant = (seed: number, target: number): boolean => (seed + target) % 2 === 1;

export async function runFuzz(options: RunOptions): Promise<RunReport> {
  const { seed, count } = options;
  await using stack = new AsyncDisposableStack();
  const targets: Target[] = [];
  for (const [index, name] of TARGETS.entries()) {
    targets.push(stack.use(await startTarget(name, isTolerant(seed, index))));
  }
  const neighbours: Neighbours[] = [];
  for (const { endpoint } of targets) neighbours.push(stack.use(await Neighbours.start(endpoint.port)));
  await sleep(QUIET);
  const quiet = await Promise.all(neighbours.map((one) => one.waits()));
  const run = new Run(options, targets);
  // The first quarter warms the programs up: their bounded caches fill. Their memory rises and falls with their garbage
  // collections, so that what counts is the most in a quarter.
  const quarter = Math.floor(count / 4);
  await run.play(0, quarter);
  const second = new MemoryPeak(targets);
  await run.play(quarter, 2 * quarter);
  const warm = second.end();
  await run.play(2 * quarter, 3 * quarter);
  const fourth = new MemoryPeak(targets);
  await run.play(3 * quarter, count);
  const last = fourth.end();
  const busy = await Promise.all(neighbours.map((one) => one.waits()));
  const isJudged = ({ name }: Target) => name !== 'monolith';
  const rested = await Promise.all(
    targets.map(async (target, index) =>
      isJudged(target) ? rest(target, warm[index] ?? [], options) : memoryOf(target),
    ),
  );
  const after = await Promise.all(neighbours.map((one) => one.waits()));
  const damage = (
    await Promise.all(
      targets.map(async (target) => [...(await damageOf(target)), ...(await leftOver(target))]),
    )
  ).flat();
  for (const { lost } of [...quiet, ...busy, ...after])
    damage.push(...lost.map((what) => `a neighbour lost an answer: ${what}`));
  const empty: Waits = { answered: 0, lost: [], median: 0, p99: 0 };
  return {
    findings: run.findings,
    damage,
    targets: targets.map((target, i) => ({
      target: target.name,
      isMemoryJudged: isJudged(target),
      quiet: quiet[i] ?? empty,
      busy: busy[i] ?? empty,
      memory: { warm: warm[i] ?? [], last: last[i] ?? [], rested: rested[i] ?? [] },
    })),
  };
}

/** The most memory of each program from now on, looked at each second. */
class MemoryPeak {
  readonly #targets: readonly Target[];
  readonly #peaks: number[][];
  readonly #timer: NodeJS.Timeout;

  constructor(targets: readonly Target[]) {
    this.#targets = targets;
    this.#peaks = targets.map(memoryOf);
    this.#timer = setInterval(() => this.#look(), 1000);
  }

  end(): readonly number[][] {
    clearInterval(this.#timer);
    this.#look();
    return this.#peaks;
  }

  #look(): void {
    for (const [index, target] of this.#targets.entries()) {
      const peaks = this.#peaks[index] ?? [];
      for (const [one, bytes] of memoryOf(target).entries()) peaks[one] = Math.max(peaks[one] ?? 0, bytes);
    }
  }
}

/** Waits until the memory of the programs is back. */
async function rest(
  target: Target,
  warm: readonly number[],
  { memoryShare, restSeconds }: RunOptions,
): Promise<number[]> {
  for (let second = 0; ; second++) {
    const now = memoryOf(target);
    const isBack = now.every((bytes, index) => bytes <= (warm[index] ?? 0) * memoryShare);
    if (isBack || second >= restSeconds) return now;
    await sleep(1000);
  }
}

/** Sockets of clients that have gone. */
async function leftOver({ name, programs: [program] }: Target): Promise<string[]> {
  for (let second = 0; second < 30; second++) {
    if (program.ended) return [];
    // The neighbours stay.
    if (((await figure(program, METRIC.proxySessions)) ?? 0) <= NEIGHBOURS) return [];
    await sleep(1000);
  }
  return [`${name}: sockets of clients that have gone are still counted`];
}

class Run {
  readonly findings: Finding[] = [];
  readonly #options: RunOptions;
  readonly #targets: readonly Target[];
  #next = 0;
  #begin = Date.now();

  constructor(options: RunOptions, targets: readonly Target[]) {
    this.#options = options;
    this.#targets = targets;
  }

  /** Plays the inputs from `first` up to `end`, without it. */
  async play(first: number, end: number): Promise<void> {
    this.#next = first;
    this.#begin = Date.now();
    await Promise.all(
      Array.from({ length: CLIENTS }, (_, client) =>
        this.#client(new Client(client, this.#targets), first, end),
      ),
    );
  }

  async #client(client: Client, first: number, end: number): Promise<void> {
    const { seed, rate, report } = this.#options;
    while (
      this.#next < end &&
      this.findings.length < MAX_FINDINGS &&
      !this.#targets.some(({ programs }) => programs.some(({ ended }) => ended))
    ) {
      const number = this.#next++;
      if (number % 10_000 === 0 && number > first)
        report?.(`${number} inputs, ${this.findings.length} findings`);
      if (rate !== undefined)
        await sleep(Math.max(0, this.#begin + ((number - first) / rate) * 1000 - Date.now()));
      const input = inputOf(seed, number);
      const what = await client.play(input).catch((error: unknown) => String(error));
      if (what === undefined) continue;
      const { before } = client;
      this.findings.push({ number, before, name: input.name, what });
      report?.(`input ${number} of seed ${seed} (${input.name}) after ${before.join()}: ${what}`);
    }
    client.leave();
  }
}

interface Station {
  readonly connection: Connection;
  played: readonly number[];
}

/** Inputs of a connection that a finding names. */
const REMEMBERED = 5;

/** One client: a connection for each version and target, opened when it is needed. */
class Client {
  readonly #number: number;
  readonly #targets: readonly Target[];
  readonly #open = new Map<string, Station>();
  #opened = 0;
  /** The last inputs on the connection that was used last. */
  before: readonly number[] = [];

  constructor(number: number, targets: readonly Target[]) {
    this.#number = number;
    this.#targets = targets;
  }

  /** What was wrong; undefined: nothing. */
  async play(input: Input): Promise<string | undefined> {
    const target = this.#targets[input.number % this.#targets.length];
    if (target === undefined) return undefined;
    this.before = [];
    return input.kind === 'handshake'
      ? playHandshake(target.endpoint, input.handshake, input.number)
      : this.#frames(target, input);
  }

  async #frames({ name, endpoint }: Target, input: FrameInput): Promise<string | undefined> {
    const key = `${name} ${input.protocol}`;
    const station = this.#open.get(key) ?? (await this.#connected(endpoint.port, input.protocol));
    this.#open.set(key, station);
    this.before = station.played;
    station.played = [...station.played, input.number].slice(-REMEMBERED);
    const { isOpen, finding } = await playFrames(station.connection, input, endpoint.rules);
    if (!isOpen) this.#open.delete(key);
    return finding;
  }

  async #connected(port: number, protocol: Protocol): Promise<Station> {
    const name = `F-${protocol.slice(4)}-${this.#number}-${this.#opened++ % NAMES}`;
    return { connection: await openStation(port, name, protocol), played: [] };
  }

  leave(): void {
    for (const { connection } of this.#open.values()) connection.drop();
    this.#open.clear();
  }
}
