/**
 * The HTTP API over a client of a cluster: the same in the API program and in the monolith. It holds no state that must survive
 * it. Each request passes the same steps: access token, rate, scope, checks against schemas, audit, work.
 */
import swagger from '@fastify/swagger';
import { randomUUID } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { ClusterClient } from '../client/cluster-client.ts';
import type { AccessTokens, Caller } from './access/access-tokens.ts';
import { checkScope, Gate } from './access/gate.ts';
import { createAudit } from './audit.ts';
import { sourceOf } from './cloud-event.ts';
import { Broadcasts } from './broadcasts/broadcasts.ts';
import { compressedOnce, compressLong } from './compression.ts';
import type { ClusterReading } from './cluster/cluster-object.ts';
import { serveConsole } from './console.ts';
import { noHistory, type ReadHistory } from './history/history.ts';
import { refuseConnection, Reporter } from './failures.ts';
import type { ApiMetrics } from './metrics.ts';
import { addComponents, documentOf, documentOptions, schemaOf } from './openapi.ts';
import type { Operation } from './operation.ts';
import { Problem } from './problems.ts';
import { operationsOf } from './routes/table.ts';
import { createRunner } from './run-operation.ts';
import { Streams, STREAM_TIMES, type StreamTimes } from './sse.ts';
import { parseJson } from './validation.ts';
import { Webhooks, type WebhooksOptions } from './webhooks/webhooks.ts';

export interface ApiOptions {
  readonly client: ClusterClient;
  readonly access: Pick<AccessTokens, 'callerOf'>;
  /** Of one access token; twice as many at once. */
  readonly requestsPerSecond: number;
  readonly log: Log;
  readonly metrics: ApiMetrics;
  readonly version: string;
  /** The OcppCluster object, where there is one. */
  readonly readCluster?: () => Promise<ClusterReading>;
  /** Figures of a Prometheus, where there is one. */
  readonly readHistory?: ReadHistory;
  /** `source` of CloudEvents. */
  readonly source?: string;
  readonly webhooks: Pick<WebhooksOptions, 'settings' | 'metrics'>;
  /** Files of the console, instead of those beside the program. */
  readonly consoleFolder?: string;
  readonly clock?: Clock;
  readonly streamTimes?: StreamTimes;
  /** A request must be complete within this time; ms. */
  readonly requestTimeoutMs?: number;
}

/** Bytes of a body, of the headers; connections. */
const MAX_BODY = 256 * 1024;
const MAX_HEADERS = 16 * 1024;
const MAX_CONNECTIONS = 4000;
const REQUEST_TIMEOUT = 30_000;
/** Between looks for requests whose time is over; ms. */
const LOOK = 1000;
/** For each plugin: a node that starts many Pods is slow, and the default of 10 s would end the program; ms. */
const START_TIMEOUT = 60_000;
/** Characters of a part of a path: an identity of 255 characters, each four bytes, percent-encoded. */
const MAX_PART = 255 * 12;

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request under /v1, as soon as its access token is known. */
    caller: Caller | undefined;
  }
  interface FastifyContextConfig {
    operation?: Operation;
  }
}

/** Not listening yet. close() ends streams and waits of commands at once, and waits for the other requests. */
export async function createApi(options: ApiOptions): Promise<FastifyInstance> {
  const { client, log, metrics, clock = systemClock, streamTimes = STREAM_TIMES } = options;
  const { version, readCluster = () => Promise.resolve({}), source = sourceOf('') } = options;
  const { readHistory = noHistory } = options;
  const { requestTimeoutMs = REQUEST_TIMEOUT } = options;
  const reporter = new Reporter(log, clock);
  const stopping = new AbortController();
  const app = fastify({
    bodyLimit: MAX_BODY,
    requestTimeout: requestTimeoutMs,
    pluginTimeout: START_TIMEOUT,
    http: {
      maxHeaderSize: MAX_HEADERS,
      // Node takes the longer one of both times for the whole request, whichever it is.
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(requestTimeoutMs, LOOK),
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: MAX_PART },
    clientErrorHandler: refuseConnection,
    frameworkErrors: (error, request, reply) => void reporter.refuse(error, request, reply),
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  // Schemas in routes are for the document only; run-operation.ts checks.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.decorateRequest('caller', undefined);
  readBodies(app);
  await app.register(swagger, documentOptions(version));

  const gate = new Gate(options.access, options.requestsPerSecond, clock);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
    if (isOpen(request)) return;
    request.caller = await gate.enter(request.headers.authorization, request.ip);
    // Before a body is read: its type does not matter where the method is wrong.
    if (request.is404) refusePath(operations, request);
    const { operation } = request.routeOptions.config;
    if (operation === undefined) return;
    checkScope(request.caller, operation.scope);
    checkAccept(request, operation);
  });
  app.addHook('onSend', compressLong);
  app.addHook('onResponse', async (request, reply) => {
    const id = request.routeOptions.config.operation?.id ?? 'none';
    metrics.answered(id, reply.statusCode, reply.elapsedTime / 1000);
  });
  app.addHook('preClose', async () => stopping.abort());
  app.setErrorHandler((error, request, reply) => reporter.refuse(error, request, reply));

  const broadcasts = new Broadcasts({ client, clock, log, stopping: stopping.signal });
  const common = { client, clock, log, stopping: stopping.signal };
  const webhooks = new Webhooks({ ...common, ...options.webhooks, source });
  const following = [broadcasts.follow(), webhooks.follow()];
  app.addHook('onClose', async () => void (await Promise.all(following)));
  const streams = new Streams();
  metrics.countStreams(() => streams.size);
  const operations = operationsOf({
    client,
    broadcasts,
    webhooks,
    streams,
    source,
    version,
    readCluster,
    readHistory,
  });
  addComponents(app, operations);
  const audit = createAudit(client.audit, (error) => {
    metrics.auditFailed();
    reporter.auditFailed(error);
  });
  const run = createRunner({
    access: options.access,
    audit,
    stopping: stopping.signal,
    streamTimes,
    reporter,
  });
  for (const operation of operations) {
    app.route({
      method: operation.method,
      url: operation.url.replace(/\{(\w+)\}/g, ':$1'),
      schema: schemaOf(operation),
      config: { operation },
      // A HEAD would open a stream that nothing is sent on.
      exposeHeadRoute: operation.method === 'GET' && operation.answers[200] !== 'events',
      ...(operation.consumes !== undefined && { bodyLimit: operation.consumes.bytes }),
      handler: run(operation),
    });
  }
  await serveConsole(app, options.consoleFolder);
  app.setNotFoundHandler((request) => refusePath(operations, request));
  let document: ReturnType<typeof compressedOnce> | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, async ({ headers }, reply) => {
    document ??= compressedOnce(documentOf(app, operations));
    const body = await document(headers);
    if (typeof body !== 'string') void reply.headers({ vary: 'accept-encoding', 'content-encoding': 'gzip' });
    return reply.type('application/json; charset=utf-8').send(body);
  });
  await app.ready();
  return app;
}

/** Files of the console, the document, and paths that are none of the API. The router decodes a path, so its text does not tell. */
function isOpen({ url, is404, routeOptions }: FastifyRequest): boolean {
  if (routeOptions.config.operation !== undefined) return false;
  return !is404 || !/^\/v1(?:[/?]|$)/.test(decoded(url));
}

/** Of the part before the query; the router has refused what cannot be decoded. */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url.split('?', 1)[0] ?? '');
  } catch {
    return url;
  }
}

/** JSON and CSV; a body of any other type is refused. */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => parseJson(body),
  );
  app.addContentTypeParser(
    'text/csv',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => body,
  );
}

/** @throws Problem for a client that does not take what is sent */
function checkAccept({ headers: { accept } }: FastifyRequest, { answers }: Operation): void {
  const type = answers[200] === 'events' ? 'text/event-stream' : 'application/json';
  if (accept === undefined || accept.trim() === '' || isTaken(type, accept)) return;
  throw new Problem('not-acceptable', `this path answers with ${type}, which the header Accept leaves out`);
}

/** Whether a header Accept takes a type: the most specific range counts, and q=0 excludes (RFC 9110, 12.5.1). */
function isTaken(type: string, accept: string): boolean {
  const ranges = accept.split(',').map((one) => {
    const [range = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
    return { range, isExcluded: parameters.some((part) => /^q\s*=\s*0(?:\.0*)?$/.test(part)) };
  });
  const found = [type, `${type.split('/', 1)[0]}/*`, '*/*']
    .map((wanted) => ranges.filter(({ range }) => range === wanted))
    .find((same) => same.length > 0);
  return found?.some(({ isExcluded }) => !isExcluded) === true;
}

function refusePath(operations: readonly Operation[], request: FastifyRequest): never {
  const [path = ''] = request.url.split('?', 1);
  const methods = operations
    .filter(({ url }) => new RegExp(`^${url.replace(/\{\w+\}/g, '[^/]+')}$`).test(path))
    .map(({ method }) => method);
  if (methods.length === 0)
    throw new Problem('not-found', `there is no ${path.slice(0, 200)}; GET /openapi.json lists all paths`);
  const allow = [...new Set(methods)].join(', ');
  throw new Problem('method-not-allowed', `this path takes ${allow}`, { headers: { allow } });
}
