/**
 * One connection to PostgreSQL. It holds the lock of the working sink, and everything is written through it: a sink that has lost the
 * connection has lost the lock too, and cannot write beside its successor.
 */
import { Client } from 'pg';
import type { Login } from './login.ts';

/** How long a connection attempt may take; ms. */
const CONNECT_MS = 10_000;
/** How long a statement may take, there and as seen from here; ms. */
const STATEMENT_MS = 60_000;
const ANSWER_MS = 70_000;
/** How often an idle connection is tested; ms. */
const TEST_MS = 5000;

/**
 * PostgreSQL ends the session of a sink that vanished within half a minute, which frees the lock. Commits wait for the disk,
 * whatever the default of the database is.
 */
const SETTINGS = `
  SET statement_timeout = ${STATEMENT_MS};
  SET idle_in_transaction_session_timeout = ${STATEMENT_MS};
  SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
  SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO';
`;

export type Run = <R extends object>(text: string, values?: readonly unknown[]) => Promise<R[]>;

export interface Session extends AsyncDisposable {
  /** One statement, or several without values. */
  readonly run: Run;
  /** Transactions run one after the other. One that fails leaves nothing. */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T>;
  /** Rejects when the connection is lost. */
  readonly lost: Promise<never>;
}

/** Connects. Rejects with an error that names no secret. */
export async function openSession(login: Login, schema: string): Promise<Session> {
  const client = new Client({
    ...login.address,
    ssl: login.tls ?? false,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    application_name: 'ocpp-bill-sink',
  });
  const { promise: lost, reject } = Promise.withResolvers<never>();
  lost.catch(() => undefined);
  const fail = (error: unknown) => reject(login.withoutSecrets(error));
  client.on('error', fail);
  client.on('end', () => fail(new Error('the connection to PostgreSQL was closed')));
  const run: Run = async <R extends object>(text: string, values: readonly unknown[] = []) => {
    try {
      // Without values it is the simple protocol, which takes several statements.
      const answer = await (values.length === 0 ? client.query<R>(text) : client.query<R>(text, [...values]));
      return answer.rows;
    } catch (error) {
      throw login.withoutSecrets(error);
    }
  };
  try {
    await client.connect();
    await run(`${SETTINGS} SET search_path = ${schema};`);
  } catch (error) {
    await close(client);
    throw login.withoutSecrets(error);
  }
  return sessionOf(client, run, lost, fail);
}

function sessionOf(client: Client, run: Run, lost: Promise<never>, fail: (error: unknown) => void): Session {
  let last: Promise<unknown> = Promise.resolve();
  const next = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(() => Promise.race([work(), lost]));
    last = result.catch(() => undefined);
    return result;
  };
  const test = setInterval(() => void next(() => run('SELECT 1')).catch(fail), TEST_MS);
  return {
    lost,
    run: (text, values) => next(() => run(text, values)),
    transaction: (work) =>
      next(async () => {
        await run('BEGIN');
        try {
          const result = await work(run);
          await run('COMMIT');
          return result;
        } catch (error) {
          // Of a lost connection PostgreSQL rolls back by itself.
          await run('ROLLBACK').catch(fail);
          throw error;
        }
      }),
    async [Symbol.asyncDispose]() {
      clearInterval(test);
      await close(client);
    },
  };
}

/** Says goodbye, if there is still an ear for it: an error here changes nothing. */
async function close(client: Client): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, 1000);
  await Promise.race([client.end().catch(() => undefined), late]);
  clearTimeout(timer);
}
