/** A Redis, a PostgreSQL, and bill sinks between them, as tests use them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { ENV } from '../../services/contract.ts';
import { freePort } from '../support/free-port.ts';
import { type Environment, Program } from '../support/program.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';

export type Fields = Readonly<Record<string, string>>;

export interface World extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly look: Redis;
  readonly postgres: PostgresServer;
  /** The file with the URL. */
  readonly urlFile: string;
  /** A place of a test's own: a prefix in Redis, which has data, and the schema of the same name. */
  place(): Promise<Place>;
}

export interface Place {
  readonly name: string;
  /** A sink that has just been started. */
  sink(env?: Environment): Promise<Program>;
  append(stream: string, ...entries: readonly Fields[]): Promise<string[]>;
  /** Rows of a statement in the schema. */
  rows<R extends object = Record<string, unknown>>(text: string): Promise<R[]>;
  count(table: string): Promise<number>;
  /** Waits until a table has that many rows. */
  filled(table: string, count: number): Promise<void>;
  /** As a process of the cluster does: data have an id. */
  mark(id: string): Promise<void>;
}

let places = 0;

export async function startWorld(settings: readonly string[] = []): Promise<World> {
  const [redis, postgres] = await Promise.all([startRedis({ appendonly: true }), startPostgres(settings)]);
  const look = new Redis(redis.port, redis.host);
  // It reconnects by itself while a test keeps its server down.
  look.on('error', () => undefined);
  const folder = await mkdtemp(join(tmpdir(), 'ocpp-sink-'));
  const urlFile = join(folder, 'url');
  await writeFile(urlFile, `${postgres.url}\n`);
  return {
    redis,
    look,
    postgres,
    urlFile,
    async place() {
      const place = placeIn({ redis, look, postgres, urlFile }, `place_${++places}`);
      await place.mark('first');
      return place;
    },
    async [Symbol.asyncDispose]() {
      look.disconnect();
      await Promise.all([redis[Symbol.asyncDispose](), postgres[Symbol.asyncDispose]()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function placeIn(
  { redis, look, postgres, urlFile }: Omit<World, 'place' | keyof AsyncDisposable>,
  name: string,
): Place {
  const rows = <R extends object>(text: string) => postgres.query<R>(text.replaceAll('ocpp.', `${name}.`));
  const count = async (table: string) => {
    const [found] = await rows<{ count: string }>(`SELECT count(*) AS count FROM ocpp.${table}`);
    return Number(found?.count);
  };
  return {
    name,
    rows,
    count,
    async sink(env = {}) {
      const ports = { admin: await freePort(), station: 1 };
      return new Program(
        'bill-sink',
        {
          [ENV.redisAddr]: redis.addr,
          [ENV.channelPrefix]: name,
          [ENV.billSinkUrlFile]: urlFile,
          [ENV.billSinkSchema]: name,
          ...env,
        },
        ports,
      );
    },
    async append(stream, ...entries) {
      const pipeline = look.pipeline();
      for (const fields of entries) pipeline.xadd(`${name}:${stream}`, '*', ...Object.entries(fields).flat());
      const results = (await pipeline.exec()) ?? [];
      return results.map(([error, id]) => {
        if (error !== null) throw error;
        return String(id);
      });
    },
    async filled(table, wanted) {
      await until(async () => (await count(table)) === wanted, `${wanted} rows in ${table}`);
    },
    async mark(id) {
      await look.hset(`${name}:store`, 'id', id);
    },
  };
}

/** A bill that a processor could have written. */
export function bill(n: number | string, fields: Fields = {}): Fields {
  return {
    stationId: 'CP-7',
    transactionId: `tx-${n}`,
    protocol: 'ocpp2.0.1',
    evseId: '1',
    idTag: 'ABC123',
    authorization: 'Accepted',
    meterStart: '1000',
    startedAt: '2026-11-23T10:00:00+01:00',
    startedAtUtc: '2026-11-23T09:00:00.000Z',
    kind: 'final',
    meterStop: '8500.5',
    energy: '7500.5',
    stoppedAt: '2026-11-23T11:00:00+01:00',
    stoppedAtUtc: '2026-11-23T10:00:00.000Z',
    reason: 'Local',
    billId: `bill-${n}`,
    ...fields,
  };
}
