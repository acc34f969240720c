/** Failed requests: the response, and the line in the log where the request is not the cause. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import { Problem, PROBLEM_TYPE, problemOf } from './problems.ts';

export class Reporter {
  readonly #log: QuietLog;

  constructor(log: Log, clock: Clock) {
    this.#log = new QuietLog(log, clock);
  }

  /** Answers with the problem that an error is. */
  refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const problem = problemOf(error);
    this.failed(problem, request.id);
    return reply
      .code(problem.statusCode)
      .headers({ ...problem.headers, 'x-request-id': request.id })
      .type(PROBLEM_TYPE)
      .send(JSON.stringify(problem.body()));
  }

  /** Logs a problem that the request is not the cause of. */
  failed(problem: Problem, request: string): void {
    if (problem.statusCode < 500) return;
    const fields = { request, code: problem.code, ...errorFields(problem.cause ?? problem) };
    this.#log.warn(problem.code, fields, 'a request failed');
  }

  auditFailed(error: unknown): void {
    this.#log.warn('audit', errorFields(error), 'an entry of the audit could not be stored');
  }
}

/** How long a client may take to read why its connection is closed; ms. */
const LINGER = 1000;

function problemOfConnection(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers-too-large', 'the headers have more than 16 kB');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'the request was not complete in time; send it again');
    default:
      return new Problem('bad-request', 'the request is no HTTP/1.1');
  }
}

/** Answers what is no complete HTTP: there is no request to answer yet. */
export function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  const { code } = error;
  if (code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const problem = problemOfConnection(code);
  const body = JSON.stringify(problem.body());
  const { statusCode } = problem;
  // A client that does not close its half would keep the connection.
  setTimeout(() => socket.destroy(), LINGER).unref();
  socket.end(
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
