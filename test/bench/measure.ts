/** One measurement: stations talk to a server for some seconds, and what that cost is read from the kernel. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from './fleet.ts';
import type { Message } from './messages.ts';
import { cpuSeconds } from './process-use.ts';
import { type CommandUses, commandUses, sentCommands } from './redis-commands.ts';
import type { Served } from './servers.ts';

export interface Load {
  readonly stations: number;
  /** CALLs a second of all stations together; left out: a closed loop. */
  readonly rate?: number;
  readonly message: Message;
  readonly seconds: number;
}

export interface Figures {
  readonly callsPerSecond: number;
  /** CPU of all its processes, µs a CALL. */
  readonly cpu: number;
  /** The same by part. */
  readonly cpuOf: Readonly<Record<string, number>>;
  /** ms */
  readonly p50: number;
  readonly p99: number;
  /** Commands sent to Redis, per CALL; undefined without one. */
  readonly redisCommands: number | undefined;
  /** Redis' own account of these seconds. */
  readonly commands?: { readonly before: CommandUses; readonly after: CommandUses };
}

/** Time for connections to settle and for V8 to compile what is hot; ms. */
const WARM_UP_MS = 2000;

/** @throws Error when a CALL was answered with an error, or a connection was lost */
export async function measure(served: Served, load: Load): Promise<Figures> {
  using fleet = new Fleet();
  await fleet.connect(served.endpoints, load.stations);
  await using _beside = served.beside?.();
  const partOf = await load.message(fleet);
  if (load.rate === undefined) fleet.startClosedLoop(partOf);
  else fleet.startOpenLoop(load.rate, partOf);
  await sleep(WARM_UP_MS);
  const before = await look(served);
  fleet.reset();
  await sleep(load.seconds * 1000);
  const latencies = fleet.latencies.splice(0).sort((a, b) => a - b);
  const after = await look(served);
  await fleet.stopLoop();
  if (fleet.faults.length > 0) throw new Error(`${fleet.faults.length} faults, such as: ${fleet.faults[0]}`);
  return figures(before, after, latencies, served.sent ?? sentCommands);
}

interface Look {
  readonly at: number;
  /** s by part */
  readonly cpu: ReadonlyMap<string, number>;
  readonly commands: CommandUses | undefined;
}

async function look({ parts, redis }: Served): Promise<Look> {
  const commands = redis && (await commandUses(redis));
  const cpu = new Map(
    Object.entries(parts).map(([part, pids]) => [part, pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)]),
  );
  return { at: performance.now(), cpu, commands };
}

function figures(
  before: Look,
  after: Look,
  latencies: readonly number[],
  sent: typeof sentCommands,
): Figures {
  const count = latencies.length;
  const cpuOf = Object.fromEntries(
    [...after.cpu].map(([part, cpu]) => [part, ((cpu - (before.cpu.get(part) ?? 0)) * 1e6) / count]),
  );
  const at = (share: number) => latencies[Math.min(count - 1, Math.floor(count * share))] ?? Number.NaN;
  const commands = before.commands && after.commands && { before: before.commands, after: after.commands };
  return {
    callsPerSecond: (count * 1000) / (after.at - before.at),
    cpu: Object.values(cpuOf).reduce((sum, one) => sum + one, 0),
    cpuOf,
    p50: at(0.5),
    p99: at(0.99),
    redisCommands: commands && sent(commands.before, commands.after, count) / count,
    ...(commands && { commands }),
  };
}
