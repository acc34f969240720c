/** The OcppCluster's schema, read from the CRD: the one place where fields, defaults and rules are written. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** The part of a structural OpenAPI v3 schema that this code reads. Schemas that share a YAML anchor are one object. */
export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** A CEL rule. `self` is the value that has the schema, `oldSelf` the one before a change. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
}

interface Definition {
  readonly spec: { readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[] };
}

/** The definition as `kubectl apply` gets it. */
export const definitionText = readFileSync(new URL('../../crds/ocppclusters.yaml', import.meta.url), 'utf8');
export const definition = parse(definitionText) as Definition;

const version = definition.spec.versions[0];
if (version === undefined) throw new Error('crds/ocppclusters.yaml has no version');
export const ocppClusterSchema: Schema = version.schema.openAPIV3Schema;

/** The schema of the field at a path such as `spec`, `redis`, `embedded`. */
export function fieldSchema(...path: readonly string[]): Schema {
  let schema = ocppClusterSchema;
  for (const name of path) {
    const next = schema.properties?.[name];
    if (next === undefined) throw new Error(`the OcppCluster schema has no field ${path.join('.')}`);
    schema = next;
  }
  return schema;
}
