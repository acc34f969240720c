/** The programs under test: a ws-proxy and a processor on a Redis of their own, and the monolith, as real processes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PasswordHasher } from '../../services/access/password-hash.ts';
import { ENV, METRIC, PATH } from '../../services/contract.ts';
import { residentBytes } from '../bench/process-use.ts';
import { startCluster } from '../scenario/cluster.ts';
import { freePort } from '../support/free-port.ts';
import { type Environment, type Program, startProgram } from '../support/program.ts';
import { passwordOf, REGISTERED } from './handshakes/credentials.ts';
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
const KEY = 'a key for the passwords of the fuzzer';

export async function startTarget(name: TargetName, tolerant: boolean): Promise<Target> {
  const stack = new AsyncDisposableStack();
  try {
    const [port, securedPort] = [await freePort(), await freePort()];
    const env = {
      [ENV.unknownTokens]: 'Accept',
      [ENV.validation]: tolerant ? 'Tolerant' : 'Strict',
      // The fuzzer connects as fast as it can.
      [ENV.connectRate]: '100000',
      [ENV.listeners]: JSON.stringify([
        { port, path: PATH.stations },
        { port: securedPort, path: PATH.stations, securityProfile: 1 },
      ]),
      ...(await registered(stack)),
      // As the operator renders it for proxies.
      NODE_OPTIONS: '--max-semi-space-size=8',
    };
    const programs = await start(name, env, stack);
    const rules = {
      maxMessageBytes: MAX_MESSAGE_BYTES,
      maxFragments: MAX_FRAGMENTS,
      checksUtf8: !tolerant,
      tolerant,
    };
    const endpoint = { port, securedPort, rules };
    return { name, endpoint, programs, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function start(
  name: TargetName,
  env: Environment,
  stack: AsyncDisposableStack,
): Promise<Target['programs']> {
  if (name === 'monolith') return [stack.use(await startProgram(name, env))];
  const { proxies, processors } = stack.use(await startCluster({ proxies: 1, processors: 1 }, env));
  const [proxy] = proxies;
  if (proxy === undefined) throw new Error('no ws-proxy was started');
  return [proxy, ...processors];
}

/** Entries of the stations with credentials, as a mounted Secret has them; other stations are accepted without. */
async function registered(stack: AsyncDisposableStack): Promise<Environment> {
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-wire-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const hasher = new PasswordHasher(Buffer.from(KEY));
  const entries = Array.from({ length: REGISTERED }, (_, i) => {
    const station = `B${i}`;
    return [station, { password: hasher.hash(station, passwordOf(station)) }] as const;
  });
  await mkdir(join(folder, 'stations'));
  await writeFile(join(folder, 'stations', 'stations.json'), JSON.stringify(Object.fromEntries(entries)));
  await writeFile(join(folder, 'key'), KEY);
  return {
    [ENV.stationSource]: 'files',
    [ENV.stationsFolder]: join(folder, 'stations'),
    [ENV.passwordKeyFile]: join(folder, 'key'),
    [ENV.unknownStations]: 'Accept',
    // Each client has an address of its own, or wrong passwords would slow all of them.
    [ENV.trustedNetworks]: '127.0.0.0/8',
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
