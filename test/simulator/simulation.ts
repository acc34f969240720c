/**
 * Many simulated stations in one process, and what they saw. Usable from tests:
 *
 *     const simulation = startSimulation({ url, stations: 200 });
 *     … kill something …
 *     simulation.stop();
 *     const summary = await simulation.done;
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PROTOCOLS, type Protocol } from '../../services/ocpp/frame.ts';
import { warmUp } from '../../services/ocpp/schema.ts';
import { compareStream, Ledger, type StreamCheck } from './ledger.ts';
import type { Transaction } from './messages.ts';
import type { MovesReading } from './moves.ts';
import type { Credentials } from './link.ts';
import { Station } from './station.ts';
import { readStream, type StreamAddress } from './stream.ts';

export interface SimulationOptions {
  /** Where stations connect: `ws://host:port/ocpp`. */
  readonly url: string;
  readonly stations: number;
  /** How long they live before they finish; without it until stop() is called. */
  readonly seconds?: number;
  /** Identities are `<prefix>-0001` and so on. */
  readonly prefix?: string;
  /** Of a single station, in place of the prefix. */
  readonly identity?: string;
  readonly credentials?: Credentials;
  /** Dealt out in turn. */
  readonly protocols?: readonly Protocol[];
  /** Mean time between two messages of one station. */
  readonly cadenceSeconds?: number;
  readonly seed?: number;
  /** Stations that connect per second at the start. */
  readonly connectRate?: number;
  readonly callTimeoutSeconds?: number;
  /** Factor on the pauses before reconnecting; 1 is what firmware does. */
  readonly reconnectScale?: number;
  /** Share of the stations, 0 to 1, that begin to charge at once and do not end before they finish. */
  readonly longChargingShare?: number;
  /** Stations charge when a command starts them, until one stops them, and never by themselves. */
  readonly obeys?: boolean;
  /** Messages of one station that wait for an answer, at most; then it says no more. */
  readonly mostWaiting?: number;
  /** How long the last answers may take once the stations finish. */
  readonly settleSeconds?: number;
  /** Compares the ledger with the stream of closed transactions at the end. */
  readonly redis?: StreamAddress;
}

export const DEFAULTS = {
  prefix: 'SIM',
  protocols: PROTOCOLS as readonly Protocol[],
  cadenceSeconds: 10,
  seed: 1,
  connectRate: 200,
  callTimeoutSeconds: 30,
  reconnectScale: 1,
  longChargingShare: 0,
  mostWaiting: 20,
  settleSeconds: 90,
};

export interface Summary {
  readonly stations: number;
  /** Stations that were connected at least once; that are connected now (at the end: before they left). */
  readonly connected: number;
  readonly online: number;
  readonly seconds: number;
  readonly roundTrips: number;
  readonly roundTripsPerSecond: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
  /** CALLs written and answered neither there nor, sent again, later. */
  readonly lost: number;
  /** CALLs that could never be written. */
  readonly unsent: number;
  readonly duplicated: number;
  /** Answers with a wrong id or shape, and errors where none was due. */
  readonly wrong: number;
  /** Some of the above in words. */
  readonly samples: readonly string[];
  readonly resent: number;
  readonly timeouts: number;
  readonly late: number;
  readonly commands: number;
  /** How often stations had to move. */
  readonly moves: {
    readonly reconnects: number;
    readonly closedBy1012: number;
    readonly refused: number;
    readonly mostOfOneStation: number;
  };
  /** As answered by the CSMS. */
  readonly transactions: { readonly started: number; readonly stopped: number };
  readonly stream?: StreamCheck;
}

export interface Simulation {
  readonly done: Promise<Summary>;
  /** Lets the stations finish before their time. */
  stop(): void;
  /** The figures as they stand. */
  progress(): Summary;
  /** How connections ended so far, and when stations came back. */
  moves(): MovesReading;
  /** What the stations know of their transactions, for compareStream. */
  readonly transactions: readonly Transaction[];
  /** Cuts the TCP connections of the first `count` stations. */
  cut(count: number): void;
}

export function startSimulation(given: SimulationOptions): Simulation {
  const options = { ...DEFAULTS, ...given };
  const ledger = new Ledger();
  const stations = Array.from({ length: options.stations }, (_, index) => station(index, options, ledger));
  const startedAt = performance.now();
  const stopping = new AbortController();
  const progress = () => summarise(stations, ledger, startedAt);
  return {
    done: run(stations, options, stopping.signal).then(async (settled) => {
      const summary = summarise(stations, ledger, startedAt, settled);
      if (given.redis === undefined) return summary;
      const entries = await readStream(given.redis);
      return { ...summary, stream: compareStream(ledger.transactions, entries) };
    }),
    stop: () => stopping.abort(),
    progress,
    moves: () => ledger.moves.reading(),
    transactions: ledger.transactions,
    cut: (count) => stations.slice(0, count).forEach(({ link }) => link.cut()),
  };
}

/** Whether anything is wrong with what was seen. */
export function isClean({ lost, duplicated, wrong, stream }: Summary): boolean {
  const { missing = 0, doubled = 0, differing = 0 } = stream ?? {};
  return lost + duplicated + wrong + missing + doubled + differing === 0;
}

type Settings = SimulationOptions & typeof DEFAULTS;

/** Resolves to how many stations were connected when all was said. */
async function run(stations: readonly Station[], options: Settings, stop: AbortSignal): Promise<number> {
  warmUp(options.protocols);
  const until = performance.now() + (options.seconds ?? Infinity) * 1000;
  const started: Station[] = [];
  for (const station of stations) {
    if (stop.aborted) break;
    started.push(station);
    station.start();
    await pause(1000 / options.connectRate, stop);
  }
  while (!stop.aborted && performance.now() < until) {
    await pause(Math.min(1000, until - performance.now()), stop);
  }
  for (const station of started) station.finish();
  const deadline = performance.now() + options.settleSeconds * 1000;
  while (started.some(({ link }) => link.waiting > 0) && performance.now() < deadline) await sleep(100);
  const online = started.filter(({ link }) => link.online).length;
  for (const station of started) station.end();
  return online;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, milliseconds), undefined, { signal }).catch(() => {});
}

function station(index: number, options: Settings, ledger: Ledger): Station {
  const { identity, credentials, obeys = false } = options;
  const { url, prefix, protocols, seed, cadenceSeconds, callTimeoutSeconds, reconnectScale, mostWaiting } =
    options;
  const protocol = protocols[index % protocols.length] ?? 'ocpp1.6';
  return new Station(
    {
      url,
      identity: identity ?? `${prefix}-${String(index + 1).padStart(4, '0')}`,
      ...(credentials !== undefined && { credentials }),
      protocol,
      random: randomOf(seed * 1_000_003 + index),
      callTimeoutMs: callTimeoutSeconds * 1000,
      cadenceMs: cadenceSeconds * 1000,
      reconnectScale,
      mostWaiting,
      obeys,
      // Spread over all versions: neighbours have different ones.
      chargesLong: isChosen(index, options.longChargingShare, protocols.length),
    },
    ledger,
  );
}

/** Chooses this share of each group of neighbours, where a group has one station of each version. */
function isChosen(index: number, share: number, groupSize: number): boolean {
  const group = Math.floor(index / groupSize);
  return Math.floor((group + 1) * share) > Math.floor(group * share);
}

/** A small generator of numbers in [0, 1) that a seed repeats (an LCG; quality does not matter here). */
function randomOf(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function summarise(
  stations: readonly Station[],
  ledger: Ledger,
  startedAt: number,
  online: number = stations.filter(({ link }) => link.online).length,
): Summary {
  const seconds = (performance.now() - startedAt) / 1000;
  const { roundTrips, lost, unsent, duplicated, wrong, resent, timeouts, late, commands } = ledger;
  const connects = stations.map(({ link }) => link.connects);
  const ms = (share: number) => Number(ledger.percentile(share).toFixed(2));
  return {
    stations: stations.length,
    connected: connects.filter((count) => count > 0).length,
    online,
    seconds: Number(seconds.toFixed(1)),
    roundTrips,
    roundTripsPerSecond: Number((roundTrips / seconds).toFixed(1)),
    latencyMs: { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), max: ms(1) },
    lost,
    unsent,
    duplicated,
    wrong,
    samples: [...ledger.samples],
    resent,
    timeouts,
    late,
    commands,
    moves: {
      reconnects: ledger.reconnects,
      closedBy1012: ledger.closes1012,
      refused: ledger.refusals,
      mostOfOneStation: Math.max(0, ...connects.map((count) => count - 1)),
    },
    transactions: {
      started: ledger.transactions.filter((transaction) => transaction.started).length,
      stopped: ledger.transactions.filter((transaction) => transaction.stopped).length,
    },
  };
}
