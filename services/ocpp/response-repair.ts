/**
 * Reads the payload of a CALLRESULT from a station. Additional properties and `null` for omitted fields mean nothing, and an
 * enumeration in another case has one meaning: such a response counts. Anything else outside of its schema does not: a caller acts
 * on what the response says. Pure.
 */
import { bounded } from './bounded.ts';
import type { Protocol } from './frame.ts';
import { put, valueAt, withoutNull } from './repair.ts';
import { everyResponseFault, type SchemaFault, validateResponse } from './schema.ts';

export type ReadResponse = { readonly payload: unknown } | { readonly fault: SchemaFault };

/** The version must have the action. */
export function readResponse(protocol: Protocol, action: string, payload: unknown): ReadResponse {
  const fault = validateResponse(protocol, action, payload);
  if (fault === undefined) return { payload };
  const said = bounded(payload);
  if (said.isCut) return { fault };
  const understood = withoutNull(said.payload);
  for (const open of everyResponseFault(protocol, action, understood)) {
    const value = valueAt(understood, open.path);
    const meant = typeof value === 'string' ? spelledRight(value, open.allowed) : undefined;
    if (meant === undefined) return { fault: open };
    put(understood, open.path, meant);
  }
  const [left] = everyResponseFault(protocol, action, understood);
  return left === undefined ? { payload: understood } : { fault: left };
}

function spelledRight(value: string, allowed: readonly unknown[] = []): unknown {
  return allowed.find((one) => String(one).toLowerCase() === value.trim().toLowerCase());
}
