/**
 * Runs an operation for a request: checks each part against its schema, stores the first entry of the audit, does the work, stores
 * the second entry, and sends the answer.
 */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isIdentity } from '../ocpp/identity.ts';
import type { Audit, Audited } from './audit.ts';
import type { AccessTokens, Caller } from './access/access-tokens.ts';
import type { Reporter } from './failures.ts';
import { type Answer, mayOmitBody, type Operation, type OperationRequest, type Takes } from './operation.ts';
import { badRequest, Problem, problemOf } from './problems.ts';
import { idempotencyKey } from './schemas/commands.ts';
import { parameters } from './schemas/schema.ts';
import { type StreamTimes, writeEvents } from './sse.ts';
import { createCheck } from './validation.ts';

export interface RunnerOptions {
  readonly audit: Audit;
  /** Aborts when the program stops. */
  readonly stopping: AbortSignal;
  readonly streamTimes: StreamTimes;
  readonly reporter: Reporter;
  readonly access: Pick<AccessTokens, 'callerOf'>;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

export function createRunner(options: RunnerOptions): (operation: Operation) => Handler {
  const { access, audit, reporter, streamTimes } = options;
  return (operation) => {
    const read = createReader(operation);
    return async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const over = AbortSignal.any([gone.signal, options.stopping]);
      const checked = read(request, callerOf(request), over);
      const audited = auditedOf(operation, request, checked);
      if (audited !== undefined) await audit.begin(audited);
      let status = 500;
      try {
        const answer = await operation.handle(checked);
        status = answer.status;
        return await send(reply, answer, { gone, over });
      } catch (error) {
        status = problemOf(error).statusCode;
        throw error;
      } finally {
        if (audited !== undefined) await audit.end(audited, status);
      }
    };
  };

  async function send(
    reply: FastifyReply,
    { status, body, headers = {}, events }: Answer,
    { gone, over }: { readonly gone: AbortController; readonly over: AbortSignal },
  ): Promise<unknown> {
    void reply.code(status).headers(headers);
    if (events === undefined) return body === undefined ? reply.send() : body;
    reply.hijack();
    const given = reply.getHeaders() as Record<string, string>;
    reply.raw.writeHead(status, { ...given, 'content-type': 'text/event-stream; charset=utf-8' });
    const { authorization } = reply.request.headers;
    // An access token that was taken back ends its streams.
    const timer = setInterval(() => {
      void access.callerOf(authorization).then((caller) => caller === undefined && gone.abort());
    }, streamTimes.keepAliveMs);
    try {
      await writeEvents(reply.raw, events, over, streamTimes);
    } catch (error) {
      reporter.failed(problemOf(error), reply.request.id);
      // The client reconnects with the last id.
      reply.raw.destroy();
    } finally {
      clearInterval(timer);
    }
    return reply;
  }
}

type Reader = (request: FastifyRequest, caller: Caller, over: AbortSignal) => OperationRequest;

const NOTHING = parameters({});

function createReader(operation: Operation): Reader {
  const { takes, consumes } = operation;
  const path = createCheck('path', takes.path ?? NOTHING);
  const query = createCheck('query', takes.query ?? NOTHING);
  const body = takes.body && createCheck('body', takes.body);
  const isOptional = mayOmitBody(operation);
  return (request, caller, over) => {
    // A JSON null is a body, and none that a path takes.
    const given = request.body === undefined && isOptional ? {} : request.body;
    checkType(request, consumes?.type ?? 'application/json');
    if (body === undefined && given !== undefined)
      throw badRequest([{ path: '', message: 'must be empty: this path takes none' }]);
    const ofPath = path(request.params) as { readonly station?: string };
    if (ofPath.station !== undefined && !isIdentity(ofPath.station))
      throw badRequest([{ path: 'path/station', message: 'is not an identity of a station' }]);
    return {
      path: ofPath,
      query: query(request.query),
      body: body?.(given),
      key: keyOf(request, takes),
      ...lastEventIn(request, takes),
      caller,
      over,
    };
  };
}

function checkType({ headers, body }: FastifyRequest, wanted: string): void {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (body === undefined || type === wanted) return;
  throw new Problem('unsupported-media-type', `this path takes ${wanted}, and the body is ${type}`);
}

const checkKey = createCheck('body', idempotencyKey);

function keyOf({ headers }: FastifyRequest, { key }: Takes): string {
  const given = headers['idempotency-key'];
  if (key !== true || given === undefined) return randomUUID();
  try {
    return checkKey(given) as string;
  } catch {
    const message = 'must have 1 to 255 printable characters of ASCII';
    throw badRequest([{ path: 'header/Idempotency-Key', message }]);
  }
}

function lastEventIn({ headers }: FastifyRequest, { lastEventId }: Takes): { readonly lastEventId?: string } {
  const given = headers['last-event-id'];
  return lastEventId === true && typeof given === 'string' && given !== '' ? { lastEventId: given } : {};
}

function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === undefined) throw new Error('a request without an access token reached an operation');
  return caller;
}

/** @returns undefined for a read */
function auditedOf(
  { method, audit }: Operation,
  request: FastifyRequest,
  read: OperationRequest,
): Audited | undefined {
  if (method === 'GET') return undefined;
  const { station } = (read.path ?? {}) as { readonly station?: string };
  const [path = ''] = request.url.split('?', 1);
  return {
    request: request.id,
    caller: read.caller,
    method,
    path,
    ...(station !== undefined && { station }),
    ...audit?.(read),
  };
}
