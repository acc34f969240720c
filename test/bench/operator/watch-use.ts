/** What an operator used while something went on: CPU, memory, its event loop, and the calls that it made. */
import type { AuditedCall } from '../../support/audit-log.ts';
import { isLease, isWrite } from './api-calls.ts';
import type { OperatorProcess } from './operator-process.ts';
import type { World } from './world.ts';

export interface Use {
  readonly seconds: number;
  /** From the beginning to the answer of its last write that is none of a Lease or Event; s. */
  readonly lastWrite: number | undefined;
  readonly cpuSeconds: number;
  readonly lagMs: number;
  /** Bytes */
  readonly peak: number;
  readonly rss: number;
  readonly heapUsed: number;
  /** All but those of the Lease. */
  readonly calls: readonly AuditedCall[];
  readonly leaseCalls: number;
  /** Objects whose resourceVersion is another one afterwards, new and deleted ones included. */
  readonly written: number;
}

/** @param before of the process's start: what it used since then counts */
export async function watchUse(
  { calls, clusters }: World,
  operator: OperatorProcess,
  what: () => Promise<void>,
  before: { readonly from?: number; readonly cpu?: number } = {},
): Promise<Use> {
  const versions = await clusters.versions();
  await operator.read();
  operator.takePeak();
  const from = before.from ?? Date.now();
  const cpu = before.cpu ?? operator.cpu();
  await what();
  const seconds = (Date.now() - from) / 1000;
  const cpuSeconds = operator.cpu() - cpu;
  const { lagMs, heapUsed } = await operator.read();
  const made = calls.since(from);
  const work = made.filter((call) => !isLease(call));
  const writes = work.filter((call) => isWrite(call) && call.resource !== 'events' && call.code < 300);
  const last = writes.reduce((latest, { answeredAt }) => Math.max(latest, answeredAt), 0);
  return {
    seconds,
    lastWrite: writes.length > 0 ? (last - from) / 1000 : undefined,
    cpuSeconds,
    lagMs,
    heapUsed,
    peak: operator.takePeak(),
    rss: operator.rss(),
    calls: work,
    leaseCalls: made.length - work.length,
    written: differences(versions, await clusters.versions()),
  };
}

function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): number {
  const all = new Set([...before.keys(), ...after.keys()]);
  return [...all].filter((uid) => before.get(uid) !== after.get(uid)).length;
}
