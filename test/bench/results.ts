/** Figures of the tables as JSON, for programs that compare two runs. */
import { availableParallelism, cpus } from 'node:os';
import type { Result } from './compare.ts';
import type { Row } from './rows.ts';

export interface Results {
  /** When it was written; ISO 8601. */
  readonly at: string;
  readonly machine: {
    readonly platform: string;
    readonly cores: number;
    readonly cpu?: string | undefined;
    readonly node: string;
  };
  readonly rounds: number;
  readonly seconds: number;
  /** Those that were measured so far. */
  readonly rows: readonly RowFigures[];
}

export interface RowFigures {
  readonly row: string;
  readonly what: string;
  readonly contenders: readonly ContenderFigures[];
}

/** Of the round with the median CPU. */
export interface ContenderFigures {
  readonly name: string;
  /** CALLs a second; left out: a closed loop. */
  readonly rate?: number;
  /** µs of all its processes, which is also the CPU seconds of a million messages. */
  readonly cpuMicrosPerCall: number;
  readonly cpuMicrosPerCallOf: Readonly<Record<string, number>>;
  /** Of each round, in their order. */
  readonly cpuMicrosPerCallOfRounds: readonly number[];
  readonly callsPerSecond: number;
  /** What one core could serve: a second by its CPU per CALL. */
  readonly callsPerSecondOfCore: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
  readonly redisCommandsPerCall?: number;
  readonly ratio?: { readonly to: string; readonly cpu: number; readonly p99: number };
}

export function figuresOf({ name, what }: Row, results: readonly Result[]): RowFigures {
  return { row: name, what, contenders: results.map((one) => contenderFigures(one, results)) };
}

export function resultsOf(
  options: { readonly rounds: number; readonly seconds: number },
  rows: readonly RowFigures[],
): Results {
  const machine = {
    platform: process.platform,
    cores: availableParallelism(),
    cpu: cpus()[0]?.model,
    node: process.version,
  };
  return { at: new Date().toISOString(), machine, ...options, rows };
}

export const resultsText = (results: Results) => `${JSON.stringify(results, undefined, 2)}\n`;

function contenderFigures(
  { contender: { name, rate, base: baseName }, median, rounds }: Result,
  results: readonly Result[],
): ContenderFigures {
  const { cpu, cpuOf, callsPerSecond, p50, p99, redisCommands } = median;
  const base = results.find((one) => one.contender.name === baseName)?.median;
  return {
    name,
    ...(rate !== undefined && { rate }),
    cpuMicrosPerCall: cpu,
    cpuMicrosPerCallOf: cpuOf,
    cpuMicrosPerCallOfRounds: rounds.map((round) => round.cpu),
    callsPerSecond,
    callsPerSecondOfCore: 1e6 / cpu,
    p50Millis: p50,
    p99Millis: p99,
    ...(redisCommands !== undefined && { redisCommandsPerCall: redisCommands }),
    ...(baseName !== undefined &&
      base !== undefined && { ratio: { to: baseName, cpu: cpu / base.cpu, p99: p99 / base.p99 } }),
  };
}
