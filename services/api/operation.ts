/**
 * An operation of the API as data: its path, what it takes and answers, who may use it, and its work. The server checks, audits
 * and counts each of them in the same way, and the OpenAPI document lists them.
 */
import type { Static, TSchema } from 'typebox';
import type { Caller } from './access/access-tokens.ts';
import type { Scope } from './access/scope.ts';
import type { ProblemCode } from './problems.ts';
import type { EventStream } from './sse.ts';

/** Schemas of the parts of a request. */
export interface Takes {
  readonly path?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Whether the header Idempotency-Key counts. */
  readonly key?: true;
  /** Whether the header Last-Event-ID counts. */
  readonly lastEventId?: true;
}

type Checked<T> = T extends TSchema ? Static<T> : undefined;

/** What is left of a request after all checks. */
export interface OperationRequest<T extends Takes = Takes> {
  readonly path: Checked<T['path']>;
  readonly query: Checked<T['query']>;
  readonly body: Checked<T['body']>;
  /** The Idempotency-Key, or a random one. */
  readonly key: string;
  /** The header Last-Event-ID, where it counts. */
  readonly lastEventId?: string;
  readonly caller: Caller;
  /** Aborts when the client is gone, or the program stops. */
  readonly over: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of a body: events, as they come. */
  readonly events?: EventStream;
}

export const TAGS = {
  status: 'The state of the whole cluster.',
  stations: 'Stations and their connections.',
  transactions: 'Open transactions and bills.',
  events: 'What happened in the network, page by page or as a stream.',
  commands: 'Commands to single stations.',
  broadcasts: 'The same command to many stations.',
  tokens: 'Who may charge.',
  registrations: 'Stations that are not accepted.',
  register: 'The register of stations: who may connect.',
  'dead-letters': 'Messages that no processor could handle, and texts that could not be understood.',
  recordings: 'The flight recorder: redacted frames of chosen stations.',
  webhooks: 'Webhooks that get events.',
  audit: 'Who changed what.',
} as const;

export interface Operation<T extends Takes = Takes> {
  /** The operationId of the OpenAPI document; a label of the metrics. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly url: string;
  readonly summary: string;
  readonly tag: keyof typeof TAGS;
  readonly scope: Scope;
  readonly takes: T;
  /** Status → schema of the body; null: no body. `events` is a stream of events. */
  readonly answers: Readonly<Record<number, TSchema | null | 'events'>>;
  /** Beyond those that every operation has. */
  readonly problems?: readonly ProblemCode[];
  /** Type of the body, where it is no JSON, and its longest; bytes. */
  readonly consumes?: { readonly type: 'text/csv'; readonly bytes: number };
  /** What the audit says beyond method, path and station, or instead of the path; undefined for a read. */
  readonly audit?: (request: OperationRequest<T>) => Partial<Record<'action' | 'command' | 'path', string>>;
  handle(request: OperationRequest<T>): Promise<Answer>;
}

/** Fixes the types of a request to its schemas. */
export const operation = <const T extends Takes>(one: Operation<T>): Operation => one;

/** Whether a request may leave out its body: a JSON object without required properties. */
export const mayOmitBody = ({ takes: { body }, consumes }: Pick<Operation, 'takes' | 'consumes'>): boolean =>
  body !== undefined && consumes === undefined && !('required' in body);

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const done: Answer = { status: 204 };
