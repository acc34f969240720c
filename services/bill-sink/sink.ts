/**
 * The working life of a sink: connect to PostgreSQL, wait for the lock, bring the schema up to date, move all streams; and again after
 * an error. What is lost with a connection is only its lock: every batch is complete in PostgreSQL or has not been there at all.
 */
import { sleep } from '../runtime/clock.ts';
import { Backoff } from './backoff.ts';
import { openLedger, takeLock } from './ledger.ts';
import type { Login } from './login.ts';
import { migrate, SCHEMA_VERSION } from './migrations.ts';
import { type MoverObserver, moveStream } from './mover.ts';
import { openSession, type Session } from './session.ts';
import type { Source } from './stream-reader.ts';
import { TABLES } from './tables.ts';

export interface SinkObserver extends MoverObserver {
  /** `standby`: another sink works, and this one waits for its lock. */
  phase(phase: 'connecting' | 'standby' | 'working'): void;
  migrated(from: number, to: number): void;
  /** Whether PostgreSQL answers; an error says why not. */
  postgres(problem: Error | undefined): void;
}

export interface SinkOptions {
  readonly source: Source;
  /** Read for each connection. */
  readonly login: () => Promise<Login>;
  readonly schema: string;
  /** Name of the cluster in the database. */
  readonly cluster: string;
  /** Entries of each stream that stay in Redis. */
  readonly keep: number;
  readonly observer: SinkObserver;
  readonly signal: AbortSignal;
}

/** How often a second sink asks for the lock; ms. */
const STANDBY_MS = 1000;
/** A connection that lived this long was good; ms. */
const GOOD_MS = 10_000;
/** What a stop waits for: the batches under way; ms. */
const STOP_MS = 5000;

/** Runs until the signal aborts. It does not reject. */
export async function runSink(options: SinkOptions): Promise<void> {
  const { observer, signal } = options;
  const backoff = new Backoff();
  while (!signal.aborted) {
    const begun = performance.now();
    observer.phase('connecting');
    try {
      await work(options);
    } catch (error) {
      if (signal.aborted) return;
      observer.postgres(error instanceof Error ? error : new Error(String(error)));
      if (performance.now() - begun > GOOD_MS) backoff.reset();
      await sleep(backoff.next(), signal);
    }
  }
}

/** Resolves when the signal aborts, rejects when the connection fails. */
async function work({ source, login, schema, cluster, keep, observer, signal }: SinkOptions): Promise<void> {
  await using session = await openSession(await login(), schema);
  if (!(await lockOf(session))) return;
  const before = await migrate(session, schema);
  if (before < SCHEMA_VERSION) observer.migrated(before, SCHEMA_VERSION);
  observer.postgres(undefined);
  observer.phase('working');
  const ledger = openLedger(session, cluster);
  // The first failure ends the others too.
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  const moves = TABLES.map((table) => moveStream({ source, ledger, table, keep, observer, signal: until }));
  const stopped = sleep(2 ** 31 - 1, signal).then(() => sleep(STOP_MS));
  try {
    await Promise.race([Promise.all(moves), session.lost, stopped]);
  } finally {
    failed.abort();
    await Promise.race([Promise.allSettled(moves), session.lost.catch(() => undefined), sleep(STOP_MS)]);
  }

  async function lockOf(of: Session): Promise<boolean> {
    while (!signal.aborted) {
      if (await takeLock(of, schema, cluster)) return true;
      observer.postgres(undefined);
      observer.phase('standby');
      await sleep(STANDBY_MS, signal);
    }
    return false;
  }
}
