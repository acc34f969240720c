/** The programs under test: a ws-proxy and a processor on a Redis of their own, and the monolith, as real processes. */
import { ENV, METRIC } from '../../services/contract.ts';
import { residentBytes } from '../bench/process-use.ts';
import { startCluster } from '../scenario/cluster.ts';
import { type Program, startProgram } from '../support/program.ts';
import type { Endpoint } from './play.ts';

export const TARGETS = ['cluster', 'monolith'] as const;
export type TargetName = (typeof TARGETS)[number];

export interface Target extends AsyncDisposable {
  readonly name: TargetName;
  readonly endpoint: Endpoint;
  /** The programs; the first one has the sockets. */
  readonly programs: readonly [Program, ...Program[]];
}

const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_FRAGMENTS = 1024;

export async function startTarget(name: TargetName, tolerant: boolean): Promise<Target> {
  const env = {
    [ENV.unknownTokens]: 'Accept',
    [ENV.validation]: tolerant ? 'Tolerant' : 'Strict',
    // The fuzzer connects as fast as it can.
    [ENV.connectRate]: '100000',
    // As the operator renders it for proxies.
    NODE_OPTIONS: '--max-semi-space-size=8',
  };
  const rules = {
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxFragments: MAX_FRAGMENTS,
    checksUtf8: !tolerant,
    tolerant,
  };
  if (name === 'monolith') {
    const program = await startProgram(name, env);
    const endpoint = { port: program.stationPort, rules };
    return {
      name,
      endpoint,
      programs: [program],
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  }
  const cluster = await startCluster({ proxies: 1, processors: 1 }, env);
  const [proxy] = cluster.proxies;
  if (proxy === undefined) throw new Error('no ws-proxy was started');
  return {
    name,
    endpoint: { port: proxy.stationPort, rules },
    programs: [proxy, ...cluster.processors],
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** Resident memory of each program, in bytes. */
export function memoryOf({ programs }: Target): number[] {
  return programs.map(({ pid }) => residentBytes(pid));
}

/** A figure of a program's /metrics; undefined if it is not there. */
export async function figure(program: Program, name: string): Promise<number | undefined> {
  const { text } = await program.ask('/metrics');
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** What must not be there after any input: an ended program, an error in a log, a message that no processor could handle. */
export async function damageOf({ name, programs }: Target): Promise<string[]> {
  const found: string[] = [];
  for (const program of programs) {
    if (program.ended) found.push(`${name}: ${program.name} has ended:\n${program.log.slice(-3000)}`);
    const errors = program.log
      .split('\n')
      .filter((line) => /"level":"?(error|fatal|50|60)\b|^\s+at |Error:/.test(line));
    found.push(...errors.slice(0, 5).map((line) => `${name}: ${program.name} logged ${line.slice(0, 500)}`));
    const dead = program.ended ? 0 : ((await figure(program, METRIC.deadLetters)) ?? 0);
    if (dead > 0) found.push(`${name}: ${dead} dead letters`);
  }
  return found;
}
