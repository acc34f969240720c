/**
 * CEL rules, compiled and evaluated as an API server does it: integers of the schema are CEL ints, and a rule sees
 * declared fields only. The functions that Kubernetes adds to CEL are registered here as rules come to need them.
 */
import { Environment } from '@marcbachmann/cel-js';
import { quantity } from './quantity.ts';
import type { Schema } from './schema.ts';

export interface CompiledRule {
  /** Whether the rule compares with the value before a change, so that it says nothing of a new object. */
  readonly isTransition: boolean;
  /** @throws Error when the rule cannot be evaluated for these values */
  readonly holds: (self: unknown, oldSelf?: unknown) => boolean;
}

class Quantity {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

const ofOne = new Environment()
  .registerVariable('self', 'dyn')
  .registerType('Quantity', Quantity)
  .registerFunction('quantity(string): Quantity', (text: string) => new Quantity(quantity(text)))
  .registerFunction('Quantity.compareTo(Quantity): int', (one: Quantity, other: Quantity) =>
    BigInt(Math.sign(one.value - other.value)),
  )
  .registerFunction(
    'string.find(string): string',
    (text: string, pattern: string) => new RegExp(pattern).exec(text)?.[0] ?? '',
  );
const ofChange = ofOne.clone().registerVariable('oldSelf', 'dyn');

/** @throws Error for a rule that is not CEL, uses a function that is not registered, or is no condition */
export function compileRule(rule: string): CompiledRule {
  const isTransition = !ofOne.check(rule).valid;
  const environment = isTransition ? ofChange : ofOne;
  const { valid, type, error } = environment.check(rule);
  if (!valid) throw new Error(`the rule ${rule} cannot be compiled: ${error?.message}`);
  if (type !== 'bool') throw new Error(`the rule ${rule} must be a bool, not ${type}`);
  const evaluate = environment.parse(rule);
  return { isTransition, holds: (self, oldSelf) => evaluate({ self, oldSelf }) === true };
}

/** A value as rules see it; undefined for what they cannot see. */
export function celValue(value: unknown, schema: Schema): unknown {
  const { type, items, properties, additionalProperties } = schema;
  if (type === 'integer' && Number.isInteger(value)) return BigInt(value as number);
  if (Array.isArray(value)) return value.map((item) => celValue(item, items ?? {}));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const field = properties?.[name] ?? additionalProperties;
      return typeof field === 'object' && inner !== undefined ? [[name, celValue(inner, field)]] : [];
    }),
  );
}
