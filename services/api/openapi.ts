/**
 * The OpenAPI document, made of the operations and their schemas. A schema with a name (`$id`) is written once, as a component,
 * and referenced from everywhere else.
 */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { mayOmitBody, type Operation, TAGS } from './operation.ts';
import { PROBLEM_TYPE, type ProblemCode, statusOf } from './problems.ts';
import { idempotencyKey } from './schemas/commands.ts';
import { ProblemBody } from './schemas/problem.ts';

/** What every operation may answer. */
const COMMON: readonly ProblemCode[] = [
  'bad-request',
  'unauthorized',
  'forbidden',
  'not-acceptable',
  'rate-limited',
  'internal-error',
  'store-unavailable',
];

const MEANINGS: Readonly<Record<number, string>> = {
  200: 'Done.',
  202: 'Accepted, and not ended yet; Location has its URL.',
  204: 'Done.',
};

export const documentOptions = (version: string): FastifyDynamicSwaggerOptions => ({
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'OcppCluster API',
      version,
      description:
        'Commands to the stations of a cluster, and what is stored of them. Every request under /v1 has a bearer token. Times are ISO 8601 in UTC unless a field says that the station wrote it; energy is in Wh, as exact decimals. What is not known is absent. Properties and codes may be added; clients must accept those that they do not know.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    security: [{ bearer: [] }],
  },
  refResolver: {
    buildLocalReference: (json, _baseUri, _fragment, index) =>
      typeof json['$id'] === 'string' ? json['$id'] : `def-${index}`,
  },
});

/** Names the schemas of the operations to fastify. */
export function addComponents(app: FastifyInstance, operations: readonly Operation[]): void {
  const named = new Map<string, object>();
  const collect = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    if ('$id' in schema && typeof schema.$id === 'string') {
      // An optional property has a copy of its schema.
      const other = named.get(schema.$id) ?? schema;
      if (JSON.stringify(other) !== JSON.stringify(schema))
        throw new Error(`two schemas have the name ${schema.$id}`);
      named.set(schema.$id, schema);
    }
    Object.values(schema).forEach(collect);
  };
  collect(ProblemBody);
  for (const { takes, answers } of operations) [takes, answers].forEach(collect);
  for (const [$id, schema] of named)
    app.addSchema({ ...(withRefs({ ...schema, $id: undefined }) as object), $id });
}

/** A copy in which named schemas are references. */
function withRefs(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(withRefs);
  if ('$id' in schema && typeof schema.$id === 'string') return { $ref: `${schema.$id}#` };
  return Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, withRefs(one)]));
}

/** An operation as fastify and its OpenAPI writer take it. */
export function schemaOf(operation: Operation): FastifySchema {
  const { id, summary, tag, takes, scope, consumes } = operation;
  const headers = takes.key === true && {
    type: 'object',
    properties: { 'Idempotency-Key': withRefs(idempotencyKey) },
  };
  return {
    operationId: id,
    summary,
    description: `Needs the scope \`${scope}\`.`,
    tags: [tag],
    ...(consumes !== undefined && { consumes: [consumes.type] }),
    ...(takes.path !== undefined && { params: withRefs(takes.path) }),
    ...(takes.query !== undefined && { querystring: withRefs(takes.query) }),
    ...(takes.body !== undefined && { body: withRefs(takes.body) }),
    ...(headers !== false && { headers }),
    response: { ...answersOf(operation), ...problemsOf(operation) },
  };
}

/** The document as its clients get it. Its writer says of every body that it is required. */
export function documentOf(app: FastifyInstance, operations: readonly Operation[]): string {
  const document = app.swagger() as { readonly paths: Readonly<Record<string, Methods>> };
  for (const operation of operations.filter(mayOmitBody)) {
    const written = document.paths[operation.url]?.[operation.method.toLowerCase()];
    if (written?.requestBody !== undefined) written.requestBody.required = false;
  }
  return JSON.stringify(document);
}

type Methods = Readonly<Record<string, { readonly requestBody?: { required?: boolean } }>>;

function answersOf({ answers }: Operation): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, schema]) => {
      const description = MEANINGS[Number(status)] ?? 'Done.';
      if (schema === null) return [status, { description, type: 'null' }];
      const content =
        schema === 'events'
          ? { 'text/event-stream': { schema: { type: 'string' } } }
          : { 'application/json': { schema: withRefs(schema) } };
      return [status, { description, content }];
    }),
  );
}

function problemsOf({ takes, method, problems = [] }: Operation): Readonly<Record<string, object>> {
  const ofBody: readonly ProblemCode[] =
    takes.body === undefined && method === 'GET' ? [] : ['too-large', 'unsupported-media-type'];
  const codes = [...new Set([...COMMON, ...ofBody, ...problems])];
  const statuses = [...new Set(codes.map(statusOf))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const these = codes.filter((code) => statusOf(code) === status);
      const content = { [PROBLEM_TYPE]: { schema: withRefs(ProblemBody) } };
      return [`${status}`, { description: `Codes: ${these.join(', ')}.`, content }];
    }),
  );
}
