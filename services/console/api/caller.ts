/** Who is signed in, and what the access token permits. */
import { signal } from '@preact/signals';
import { TEXTS } from '../texts.ts';
import type { Schemas } from './client.ts';

type Caller = Schemas['Caller'];

/** Undefined until the status was read. */
export const caller = signal<Caller | undefined>(undefined);

const SCOPES: readonly Caller['scope'][] = ['read', 'command', 'admin'];

/** @returns why the access token does not permit what needs the scope; undefined: it does, or it is not known yet and the API decides */
export function refusalOf(needed: Caller['scope']): string | undefined {
  const { value } = caller;
  if (value === undefined || SCOPES.indexOf(value.scope) >= SCOPES.indexOf(needed)) return undefined;
  return TEXTS.needsScope(needed, value.name, value.scope);
}
