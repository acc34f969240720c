/**
 * Brings the schema up to date: numbered SQL files, each applied once, in order, all in one transaction. A database that a newer program
 * has changed is refused, as this one does not know what its tables mean.
 */
import { readFileSync } from 'node:fs';
import type { Session } from './session.ts';

/** Files that were released never change. */
const FILES: readonly URL[] = [
  new URL('./migrations/0001-tables.sql', import.meta.url),
  new URL('./migrations/0002-views.sql', import.meta.url),
];

/** Of this program. */
export const SCHEMA_VERSION = FILES.length;

/** Schemas are created with a name that needs no quotes. */
const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** @returns what is wrong with the name of a schema, if anything */
export function schemaProblem(schema: string): string | undefined {
  if (SCHEMA_NAME.test(schema) && !schema.startsWith('pg_')) return undefined;
  return 'must be lower-case letters, digits and underscores, and not begin with pg_ or a digit';
}

/**
 * Applies what is missing, in the schema of the session. Sinks of several clusters may share it: one at a time.
 * @returns the version before
 * @throws Error for a schema of a newer program
 */
export function migrate(session: Session, schema: string): Promise<number> {
  return session.transaction(async (run) => {
    await run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`ocpp bill-sink schema ${schema}`]);
    // CREATE SCHEMA needs a right that a schema made by hand does not.
    const [found] = await run<{ found: boolean }>('SELECT to_regnamespace($1) IS NOT NULL AS found', [
      schema,
    ]);
    if (found?.found !== true) await run(`CREATE SCHEMA ${schema}`);
    await run(
      'CREATE TABLE IF NOT EXISTS migrations (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const [applied] = await run<{ version: number }>(
      'SELECT coalesce(max(version), 0) AS version FROM migrations',
    );
    const version = applied?.version ?? 0;
    if (version > SCHEMA_VERSION) throw new Error(newerSchema(schema, version));
    for (const [index, file] of FILES.entries()) {
      if (index < version) continue;
      await run(readFileSync(file, 'utf8'));
      await run('INSERT INTO migrations (version) VALUES ($1)', [index + 1]);
    }
    return version;
  });
}

function newerSchema(schema: string, version: number): string {
  return `the schema ${schema} has version ${version}, and this bill-sink knows ${SCHEMA_VERSION} at most: run the release that made it, or a later one`;
}
