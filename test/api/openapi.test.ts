/** The OpenAPI document is one that generators of clients can use. */
import test from 'ava';
import { PROBLEM_TYPE } from '../../services/api/problems.ts';
import type { Document, DocumentOperation } from './document.ts';
import { memoryApi } from './memory-api.ts';

async function read(): Promise<Document> {
  await using api = await memoryApi().api;
  return (await api.inject('/openapi.json')).json<Document>();
}

const operationsIn = (document: Document): (readonly [name: string, operation: DocumentOperation])[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as const),
  );

/** Every schema within, with its place. */
function schemasIn(value: unknown, place: string): (readonly [string, Readonly<Record<string, unknown>>])[] {
  if (typeof value !== 'object' || value === null) return [];
  const within = Object.entries(value).flatMap(([name, one]) => {
    const at = `${place}/${name}`;
    if (name === 'schema' || name === 'items' || name === 'additionalProperties') return schemasOf(one, at);
    if (name === 'properties' || name === 'schemas')
      return Object.entries(one as object).flatMap(([property, schema]) =>
        schemasOf(schema, `${at}/${property}`),
      );
    return [];
  });
  const deeper = Object.entries(value).flatMap(([name, one]) => schemasIn(one, `${place}/${name}`));
  return [...within, ...deeper];
}

const schemasOf = (value: unknown, place: string) =>
  typeof value === 'object' && value !== null
    ? [[place, value as Readonly<Record<string, unknown>>] as const]
    : [];

test('every schema has a type or is a reference, and none is a choice', async (t) => {
  const document = await read();
  t.is(document.openapi, '3.1.0');
  const found = schemasIn(document, '');
  t.true(found.length > 300, `${found.length} schemas`);
  for (const [place, schema] of found) {
    t.true('$ref' in schema || 'type' in schema, place);
    for (const word of ['oneOf', 'anyOf', 'allOf', 'not', 'const', 'patternProperties', '$id'])
      t.false(word in schema, `${place} has ${word}`);
  }
});

test('every reference leads to a component with a readable name', async (t) => {
  const document = await read();
  const text = JSON.stringify(document);
  const names = Object.keys(document.components.schemas);
  for (const [, name = ''] of text.matchAll(/"\$ref":"([^"]*)"/g))
    t.true(names.includes(name.replace('#/components/schemas/', '')), name);
  for (const name of names) t.regex(name, /^[A-Z][A-Za-z]+$/);
});

test('every operation has an id of its own, a summary, a tag and its problems', async (t) => {
  const operations = operationsIn(await read());
  const ids = operations.map(([, { operationId }]) => operationId);
  t.is(new Set(ids).size, operations.length);
  for (const [name, { operationId, summary, tags, responses }] of operations) {
    t.regex(operationId ?? '', /^[a-z][A-Za-z]+$/, name);
    t.regex(summary ?? '', /\.$/, name);
    t.is(tags?.length, 1, name);
    for (const status of ['400', '401', '403', '406', '429', '503'])
      t.is(
        responses[status]?.content?.[PROBLEM_TYPE]?.schema.$ref,
        '#/components/schemas/Problem',
        `${name} ${status}`,
      );
    t.true(
      Object.keys(responses).some((status) => status.startsWith('2')),
      name,
    );
  }
});

test('a body without required properties may be left out, and no other', async (t) => {
  for (const [name, { requestBody }] of operationsIn(await read())) {
    const body = requestBody as { readonly required?: boolean } | undefined;
    const optional = [
      'post /v1/stations/{station}/reset',
      'patch /v1/register/{station}',
      'put /v1/recordings/{station}',
    ];
    if (name.endsWith('/change-password')) optional.push(name);
    if (body !== undefined) t.is(body.required, !optional.includes(name), name);
  }
});

test('every parameter of a path is described', async (t) => {
  for (const [path, methods] of Object.entries((await read()).paths))
    for (const operation of Object.values(methods))
      for (const [, name] of path.matchAll(/\{(\w+)\}/g))
        t.true(
          operation.parameters?.some((parameter) => parameter.name === name),
          `${path} ${name}`,
        );
});
