/**
 * What an API server would say of an OcppCluster manifest, for `npm start`, which has none: the CRD's own schema,
 * strict about unknown fields, and its CEL rules. A test holds both verdicts together.
 */
import { isIP } from 'node:net';
import { Ajv, type ErrorObject, type SchemaValidateFunction } from 'ajv';
import { withDefaults } from './defaults.ts';
import { metadataProblems } from './metadata.ts';
import { API_VERSION, KIND, type OcppCluster } from './ocpp-cluster.ts';
import { brokenRules, type Problem, within } from './rules.ts';
import { ocppClusterSchema, type Schema } from './schema.ts';

/**
 * Empty: the manifest is a good OcppCluster.
 * @param before the running object of this name, if there is one
 */
export function validateCluster(manifest: unknown, before?: OcppCluster): readonly Problem[] {
  const { apiVersion, kind, metadata } = (manifest ?? {}) as Partial<OcppCluster>;
  if (apiVersion !== API_VERSION) return [{ field: 'apiVersion', reason: `must be ${API_VERSION}` }];
  if (kind !== KIND) return [{ field: 'kind', reason: `must be ${KIND}` }];
  const ofMetadata = metadataProblems(metadata);
  if (typeof metadata?.name !== 'string') return ofMetadata;
  const cluster = normalized(manifest as OcppCluster);
  // An unknown field is unknown with the value null, too.
  const errors = [
    ...errorsOf(manifest).filter(({ keyword }) => keyword === UNKNOWN_FIELD),
    ...errorsOf(cluster).filter(({ keyword }) => keyword !== UNKNOWN_FIELD),
  ];
  const problems = [...ofMetadata, ...errors.map(problemOf)];
  if (errors.some(({ keyword }) => !BESIDE_RULES.has(keyword))) return problems;
  return [...problems, ...brokenRules(cluster, before && normalized(before))];
}

const UNKNOWN_FIELD = 'additionalProperties';

/** With defaults and without nulls, as an API server stores it. */
const normalized = (cluster: OcppCluster) => withoutNulls(withDefaults(cluster));

function errorsOf(cluster: unknown): readonly ErrorObject[] {
  const check = compiled();
  return check(cluster) ? [] : (check.errors ?? []);
}

/** After other mistakes of the schema an API server does not evaluate the rules. */
const BESIDE_RULES = new Set(['minimum', 'maximum', 'pattern', 'minLength', 'minItems', 'uniqueItems']);

function isCidr(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const most = { 4: 32, 6: 128 }[isIP(address)];
  return most !== undefined && Number(bits) <= most && !address.includes('%');
}
let validator: ReturnType<Ajv['compile']> | undefined;

function compiled(): ReturnType<Ajv['compile']> {
  validator ??= new Ajv({
    allErrors: true,
    strict: false,
    formats: { int32: true, int64: true, 'date-time': true, cidr: isCidr },
  })
    .addKeyword({ keyword: MAP_KEYS, type: 'array', validate: uniqueKeys })
    .compile(strict(ocppClusterSchema));
  return validator;
}

const MAP_KEYS = 'x-kubernetes-list-map-keys';

/** No two entries of a list have the same values at these keys. */
const uniqueKeys: SchemaValidateFunction = (
  keys: readonly string[],
  list: readonly (Readonly<Record<string, unknown>> | null)[],
) => {
  // An entry that is no object is a mistake of its own.
  const ids = list.map((item, index) => JSON.stringify(item === null ? index : keys.map((key) => item[key])));
  const i = ids.findIndex((id, index) => ids.indexOf(id) < index);
  uniqueKeys.errors = i < 0 ? [] : [{ keyword: 'uniqueItems', params: { i } }];
  return i < 0;
};

/** Unknown fields and doubled list entries are mistakes, as with `kubectl apply` (fieldValidation=Strict). */
function strict(schema: Schema): Schema {
  const { properties, items, additionalProperties } = schema;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...schema,
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, strict(field)]),
      ),
      ...(!open && { additionalProperties: false }),
    }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: strict(additionalProperties) }),
    ...(items !== undefined && { items: strict(items) }),
    ...(schema['x-kubernetes-list-type'] === 'set' && { uniqueItems: true }),
  };
}

/** An API server drops nulls of fields that are not nullable, and none here is. */
export function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)])) as T;
}

function problemOf(error: ErrorObject): Problem {
  const field = error.instancePath
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.');
  const {
    additionalProperty,
    missingProperty,
    allowedValues,
    i,
    j = i,
  } = error.params as Record<string, unknown>;
  if (typeof additionalProperty === 'string') {
    return { field: within(field, additionalProperty), reason: 'there is no such field' };
  }
  if (typeof missingProperty === 'string') {
    return { field: within(field, missingProperty), reason: 'must be given' };
  }
  if (Array.isArray(allowedValues)) return { field, reason: `must be one of ${allowedValues.join(', ')}` };
  if (typeof i === 'number')
    return { field: `${field}[${Math.max(i, Number(j))}]`, reason: 'is given twice' };
  return { field, reason: error.message ?? 'is not valid' };
}
