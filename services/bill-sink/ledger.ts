/**
 * What PostgreSQL knows of the move: the rows, and for each stream of each data the last entry that was moved. Rows and cursor change in
 * one transaction, so a crash at any moment loses nothing and repeats nothing.
 */
import type { StoredEntry } from '../transport/stored-lists.ts';
import type { Session } from './session.ts';
import type { Table } from './tables.ts';

export interface Batch {
  readonly table: Table;
  /** Of the data in Redis. */
  readonly dataId: string;
  /** The cursor before; undefined: there is none. */
  readonly cursor: string | undefined;
  readonly entries: readonly [StoredEntry, ...StoredEntry[]];
}

export interface Moved {
  readonly stored: number;
  /** Entries that were stored before. */
  readonly repeated: number;
}

export interface Ledger {
  cursor(table: Table, dataId: string): Promise<string | undefined>;
  move(batch: Batch): Promise<Moved>;
}

const CURSOR = 'SELECT entry_id FROM cursors WHERE cluster = $1 AND data_id = $2 AND stream = $3';
const ADVANCE = `
  INSERT INTO cursors (cluster, data_id, stream, entry_id, stored, repeated) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (cluster, data_id, stream) DO UPDATE SET entry_id = excluded.entry_id, moved_at = now(),
    stored = cursors.stored + excluded.stored, repeated = cursors.repeated + excluded.repeated
  WHERE cursors.entry_id = $7
  RETURNING entry_id`;

export function openLedger(session: Session, cluster: string): Ledger {
  return {
    async cursor({ stream }, dataId) {
      const [found] = await session.run<{ entry_id: string }>(CURSOR, [cluster, dataId, stream]);
      return found?.entry_id;
    },
    move: ({ table, dataId, cursor, entries }) =>
      session.transaction(async (run) => {
        const rows = JSON.stringify(entries.map((entry) => table.row(entry)));
        const { length: stored } = await run(table.insert, [rows, cluster, dataId]);
        const repeated = entries.length - stored;
        const last = entries.at(-1)?.id;
        const advanced = await run(ADVANCE, [
          cluster,
          dataId,
          table.stream,
          last,
          stored,
          repeated,
          cursor ?? '',
        ]);
        // The lock should have excluded it; a pooler that shares connections breaks the lock.
        if (advanced.length === 0)
          throw new Error(
            `another bill-sink moves ${table.stream}; a pooler in transaction mode cannot be used`,
          );
        return { stored, repeated };
      }),
  };
}

/** Takes the lock of the working sink, which PostgreSQL frees with the session. @returns whether this session has it */
export async function takeLock(session: Session, schema: string, cluster: string): Promise<boolean> {
  const [lock] = await session.run<{ taken: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
    [`ocpp bill-sink ${schema} ${cluster}`],
  );
  return lock?.taken === true;
}
