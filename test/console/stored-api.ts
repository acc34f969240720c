/** The API over a real Redis without stations: for pages of what is stored. Its access tokens can be removed and given back. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { Redis } from 'ioredis';
import type { Browser } from 'playwright-core';
import { Registry } from 'prom-client';
import type { Scope } from '../../services/api/access/scope.ts';
import { createApiMetrics } from '../../services/api/metrics.ts';
import { createApi } from '../../services/api/server.ts';
import { createWebhookMetrics } from '../../services/api/webhooks/metrics.ts';
import { connect } from '../../services/client/connect.ts';
import { memoryLog } from '../support/memory-log.ts';
import { startRedis } from '../support/redis-server.ts';
import { buildConsole, CHROMIUM, NO_CHROMIUM, startBrowser } from './browser.ts';

type Fields = Readonly<Record<string, string | number>>;

export class StoredApi implements AsyncDisposable {
  readonly url: string;
  readonly redis: Redis;
  /** Access token → its scope. */
  readonly access: Map<string, Scope>;
  /** Cuts all connections, which ends streams. */
  readonly cutStreams: () => void;
  readonly #end: () => Promise<void>;

  constructor(
    { url, redis, access, cutStreams }: Pick<StoredApi, 'url' | 'redis' | 'access' | 'cutStreams'>,
    end: () => Promise<void>,
  ) {
    this.cutStreams = cutStreams;
    this.url = url;
    this.redis = redis;
    this.access = access;
    this.#end = end;
  }

  /** Appends entries to a stream. @param stream such as `transactions` */
  async append(stream: string, entries: readonly Fields[]): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const fields of entries) pipeline.xadd(`ocpp:${stream}`, '*', ...Object.entries(fields).flat());
    await pipeline.exec();
  }

  /** An event of the network. */
  emit(type: string, stationId: string, fields: Fields = {}): Promise<void> {
    return this.append('events', [{ type, stationId, ...fields }]);
  }

  /** A closed transaction: its bill, and its mark. */
  async close({ transactionId, stationId, billId, ...fields }: Closed): Promise<void> {
    await this.append('transactions', [{ stationId, transactionId, billId, kind: 'final', ...fields }]);
    const mark = { stationId, billId, closed: '2026-01-01T01:00:00Z' };
    await this.redis.hset(`ocpp:transaction:${transactionId}`, mark);
  }

  /** An open transaction. */
  async open(transactionId: string, stationId: string, fields: Fields = {}): Promise<void> {
    const key = `transaction:${transactionId}`;
    const now = Date.now();
    await this.redis.hset(`ocpp:${key}`, {
      stationId,
      transactionId,
      openedAt: now,
      heardAt: now,
      ...fields,
    });
    await this.redis.zadd('ocpp:open-transactions', now, JSON.stringify([key, stationId]));
    await this.redis.zadd(`ocpp:open:${stationId}`, now, key);
  }

  /** Removes everything but events, which programs follow. */
  async clear(): Promise<void> {
    const keys = await this.redis.keys('ocpp:*');
    const stored = keys.filter((key) => key !== 'ocpp:events');
    if (stored.length > 0) await this.redis.del(...stored);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}

interface Closed extends Fields {
  readonly transactionId: string;
  readonly stationId: string;
  readonly billId: string;
}

export async function startStoredApi(): Promise<StoredApi> {
  const server = await startRedis();
  const client = await connect(`redis://${server.addr}`);
  const access = new Map<string, Scope>([
    ['read', 'read'],
    ['admin', 'admin'],
  ]);
  const api = await createApi({
    client,
    access: {
      callerOf(authorization = '') {
        const scope = access.get(authorization.replace('Bearer ', ''));
        return Promise.resolve(scope && { name: `the-${scope}`, scope });
      },
    },
    requestsPerSecond: 1000,
    log: memoryLog(),
    metrics: createApiMetrics(new Registry()),
    version: '1.2.3',
    webhooks: { settings: [], metrics: createWebhookMetrics(new Registry(), Date.now) },
  });
  const url = await api.listen({ host: '127.0.0.1', port: 0 });
  const redis = new Redis(server.port);
  const cutStreams = () => api.server.closeAllConnections();
  return new StoredApi({ url, redis, access, cutStreams }, async () => {
    await api.close();
    await client.close();
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });
}

interface Context {
  readonly api: StoredApi;
  readonly browser: Browser;
}

/** Tests of one file over one such API and one browser, one after the other; skipped, loudly, without a Chromium. */
export function inPages() {
  const test = anyTest as TestFn<Partial<Context>>;
  if (CHROMIUM === undefined) {
    if (process.env['CI'] === 'true') throw new Error(NO_CHROMIUM);
    process.stderr.write(`SKIPPED: ${NO_CHROMIUM}\n`);
  }
  test.before(async (t) => {
    if (CHROMIUM === undefined) return;
    buildConsole();
    Object.assign(t.context, { api: await startStoredApi(), browser: await startBrowser() });
  });
  test.after.always(async (t) => {
    await t.context.browser?.close();
    await t.context.api?.[Symbol.asyncDispose]();
  });
  const one = CHROMIUM === undefined ? test.skip : test.serial;
  return (title: string, work: (t: ExecutionContext, context: Context) => Promise<void>) =>
    one(title, async (t) => {
      const { api, browser } = t.context;
      if (api === undefined || browser === undefined) throw new Error('the API was not started');
      await api.clear();
      api.access.set('admin', 'admin');
      await work(t, { api, browser });
    });
}

/** Texts as a careless or hostile station sends them. */
export const HOSTILE = {
  script: `"'><img src=x onerror="document.title='run'"><script>document.title='run'</script>`,
  right: 'abc\u202Egnp.exe\u200F',
  long: 'x'.repeat(10_000),
};
