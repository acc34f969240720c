/**
 * TypeScript types of the resource: for each object of the schema one as users write it, and one with all defaults
 * where that differs. Objects that share a YAML anchor share a type.
 */
import type { Schema } from '../schema.ts';

const FORMS = ['written', 'defaulted'] as const;
type Form = (typeof FORMS)[number];

interface Named {
  readonly schema: Schema;
  /** Without prefix and suffix, such as `ProxyDrain`. */
  readonly name: string;
}

/** All interfaces of a part of the resource, its own first. */
export function typesOf(part: 'Spec' | 'Status', schema: Schema): string {
  const shared = sharedSchemas(schema);
  const objects = namedObjects(schema, '', shared);
  const names = new Map(objects.map((object) => [object.schema, object.name]));
  const nameOf = (one: Schema, form: Form) => {
    const name = names.get(one) ?? '';
    if (form === 'defaulted' && hasDefaults(one)) return `Defaulted${name === '' ? part : name}`;
    return name === '' ? `OcppCluster${part}` : `${name}${part}`;
  };
  return objects
    .flatMap(({ schema: one }) => FORMS.map((form) => interfaceOf(one, form, nameOf)))
    .filter((text) => text !== '')
    .join('\n');
}

const isObject = ({ properties }: Schema) => properties !== undefined;

/** The schemas below this one, with the names of their fields; those of list items without the plural s. */
function fieldsBelow(schema: Schema): (readonly [string, Schema])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (field.items !== undefined && isObject(field.items))
      return [[name.replace(/s$/, ''), field.items] as const];
    return isObject(field) ? [[name, field] as const] : [];
  });
}

/** Objects that are found at more than one place. */
function sharedSchemas(root: Schema): ReadonlySet<Schema> {
  const seen = new Set<Schema>();
  const shared = new Set<Schema>();
  const visit = (schema: Schema) => {
    if (seen.has(schema)) return shared.add(schema);
    seen.add(schema);
    for (const [, field] of fieldsBelow(schema)) visit(field);
    return shared;
  };
  visit(root);
  return shared;
}

function namedObjects(schema: Schema, prefix: string, shared: ReadonlySet<Schema>): Named[] {
  const all = new Map<Schema, Named>([[schema, { schema, name: prefix }]]);
  for (const [field, inner] of fieldsBelow(schema)) {
    const name = (shared.has(inner) ? '' : prefix) + field.replace(/^./, (letter) => letter.toUpperCase());
    for (const one of namedObjects(inner, name, shared)) all.set(one.schema, one);
  }
  return [...all.values()];
}

/** Whether defaults change the type of this object. */
function hasDefaults(schema: Schema): boolean {
  const fields = Object.values(schema.properties ?? {});
  return fields.some(
    (field) => field.default !== undefined || hasDefaults(field) || hasDefaults(field.items ?? {}),
  );
}

function interfaceOf(schema: Schema, form: Form, nameOf: (schema: Schema, form: Form) => string): string {
  if (form === 'defaulted' && !hasDefaults(schema)) return '';
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const given = schema.required?.includes(name) || (form === 'defaulted' && field.default !== undefined);
    const type = typeOf(field, (inner) => nameOf(inner, form));
    const line = `  readonly ${name}${given ? '' : '?'}: ${type};`;
    return form === 'written' ? [comment(field.description, '  '), line] : [line];
  });
  const head =
    form === 'written'
      ? comment(schema.description, '')
      : `/** {@link ${nameOf(schema, 'written')}} with its defaults. */`;
  const lines = [head, `export interface ${nameOf(schema, form)} {`, ...fields, '}', ''];
  return lines.filter((line, index) => line !== '' || index === lines.length - 1).join('\n');
}

const literal = (value: unknown) => (typeof value === 'number' ? String(value) : `'${String(value)}'`);

const PLAIN: Readonly<Record<string, string>> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  object: 'object',
};

/** @throws Error for a schema that has no type here */
function typeOf(schema: Schema, nameOf: (schema: Schema) => string): string {
  const { type = '', items, additionalProperties } = schema;
  if (isObject(schema)) return nameOf(schema);
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ');
  if (typeof additionalProperties === 'object') {
    return `Readonly<Record<string, ${typeOf(additionalProperties, nameOf)}>>`;
  }
  if (type === 'array' && items !== undefined) {
    const item = typeOf(items, nameOf);
    return `readonly ${item.includes(' ') ? `(${item})` : item}[]`;
  }
  const plain = PLAIN[type];
  if (plain === undefined) throw new Error(`no TypeScript type for ${JSON.stringify(schema)}`);
  return plain;
}

const WIDTH = 108;

function comment(text: string | undefined, indent: string): string {
  if (text === undefined) return '';
  const one = `${indent}/** ${text} */`;
  if (one.length <= WIDTH) return one;
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length + indent.length + 3 <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return [`${indent}/**`, ...lines.map((line) => `${indent} * ${line}`), `${indent} */`].join('\n');
}
