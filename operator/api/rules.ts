/** The CEL rules of the CRD, for one object and for a change of it, in the order of the schema. */
import { celValue, compileRule } from './cel.ts';
import { ocppClusterSchema, type Schema, type ValidationRule } from './schema.ts';

export interface Problem {
  /** Such as `spec.proxy.replicas`; '' for the whole object, whose rules name the field in their message. */
  readonly field: string;
  readonly reason: string;
}

type Check = (self: unknown, oldSelf: unknown, field: string) => readonly Problem[];

/** The rules see these fields of `metadata`, whatever the schema declares there. */
const METADATA: Schema = { properties: { name: { type: 'string' }, generateName: { type: 'string' } } };

let check: Check | undefined;

/**
 * @param cluster with its defaults, as rules see it
 * @param before the running object, with its defaults; undefined: it is new, and rules about changes are left out
 */
export function brokenRules(cluster: object, before?: object): readonly Problem[] {
  check ??= compileSchema(ocppClusterSchema, '');
  const { metadata = {}, ...properties } = ocppClusterSchema.properties ?? {};
  const schema = {
    ...ocppClusterSchema,
    properties: { ...properties, metadata: { ...metadata, ...METADATA } },
  };
  return check(celValue(cluster, schema), before && celValue(before, schema), '');
}

/** Rules of a schema and of all schemas below it. */
function compileSchema(schema: Schema, path: string): Check {
  const { properties = {}, items, additionalProperties } = schema;
  const own = (schema['x-kubernetes-validations'] ?? []).map((rule) => compileOne(rule, path));
  const fields = Object.entries(properties).map(
    ([name, field]) => [name, compileSchema(field, `${path}.${name}`)] as const,
  );
  const ofItem = items && compileSchema(items, `${path}[]`);
  const ofEntry =
    typeof additionalProperties === 'object' && compileSchema(additionalProperties, `${path}[]`);
  return (self, oldSelf, field) => [
    ...own.flatMap((rule) => rule(self, oldSelf, field)),
    ...fields.flatMap(([name, inner]) => {
      const value = valueOf(self, name);
      return value === undefined ? [] : inner(value, valueOf(oldSelf, name), within(field, name));
    }),
    ...(ofItem && Array.isArray(self)
      ? self.flatMap((item, index) => ofItem(item, undefined, `${field}[${index}]`))
      : []),
    ...(ofEntry && isRecord(self)
      ? Object.entries(self).flatMap(([name, inner]) => ofEntry(inner, undefined, `${field}[${name}]`))
      : []),
  ];
}

/** @throws Error for a rule that is not supported here: it must not count as kept */
function compileOne({ rule, message, ...further }: ValidationRule, path: string): Check {
  const [unknown] = Object.keys(further);
  if (unknown !== undefined || message === undefined) {
    throw new Error(
      `the rule ${rule} of ${path} needs rule and message, and ${unknown ?? 'no more'} is not supported`,
    );
  }
  const { isTransition, holds } = compileRule(rule);
  if (isTransition && path.includes('[]')) {
    throw new Error(
      `the rule ${rule} of ${path} cannot have oldSelf: entries of lists and maps have no old value here`,
    );
  }
  return (self, oldSelf, field) => {
    if (isTransition && oldSelf === undefined) return [];
    try {
      return holds(self, oldSelf) ? [] : [{ field, reason: message }];
    } catch (error) {
      const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
      return [{ field, reason: `${why} evaluating rule: ${message}` }];
    }
  };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const valueOf = (value: unknown, name: string) => (isRecord(value) ? value[name] : undefined);

export const within = (parent: string, name: string) => (parent === '' ? name : `${parent}.${name}`);
