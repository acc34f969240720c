/** What a change of a field does, read from the last sentence of its description. */
import { fieldSchema, type Schema } from '../schema.ts';

export type Component = 'ws-proxy' | 'processor' | 'redis' | 'api' | 'bill-sink';

export type Effect = readonly Component[] | 'fixed';

/** Whose Pods a podTemplate is about, where a description says "these Pods". */
const OWNERS: Readonly<Record<string, Component>> = {
  proxy: 'ws-proxy',
  processor: 'processor',
  redis: 'redis',
  api: 'api',
  billing: 'bill-sink',
};

/** @param field below `spec`, such as `proxy.drain.ratePerSecond` */
export function effectOf(field: string): Effect {
  const [first = '', ...path] = field.split('.');
  return effectIn(fieldSchema('spec', first, ...path), first);
}

/** @param first the field of `spec` that the schema belongs to */
export function effectIn({ description = '' }: Schema, first: string): Effect {
  if (description.endsWith(' Cannot be changed.')) return 'fixed';
  const [, named = ''] = /A change restarts ([^.]+)\.$/.exec(description) ?? [];
  const owner = OWNERS[first];
  const components = named.split(/, | and /).filter((name) => name !== '');
  return components.map((name) =>
    name === 'these Pods' && owner !== undefined ? owner : (name as Component),
  );
}
