/**
 * The part of server-side apply that MemoryObjectStore needs, as functions of plain data. Maps merge key by key. Lists and
 * scalars are one field each: an API server merges some lists by key, which differs only where two managers share a list.
 */
import { isDeepStrictEqual } from 'node:util';

export type Fields = Readonly<Record<string, unknown>>;

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `live` with every field of `applied`. Null removes a field, as in an API server. */
export function merge(live: Fields, applied: Fields): Fields {
  const merged: Record<string, unknown> = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    const before = merged[key];
    if (value === null || value === undefined) delete merged[key];
    else merged[key] = isMap(value) ? merge(isMap(before) ? before : {}, value) : value;
  }
  return merged;
}

/** `live` without the fields that are in `before`, not in `after`, and owned by none of `others`. Emptied maps are removed. */
export function withdraw(live: Fields, before: Fields, after: Fields, others: readonly Fields[]): Fields {
  const kept: Record<string, unknown> = { ...live };
  for (const [key, value] of Object.entries(before)) {
    const current = kept[key];
    const next = after[key];
    const owners = others.filter((other) => Object.hasOwn(other, key)).map((other) => other[key]);
    if (isMap(value) && isMap(current)) {
      const inner = withdraw(current, value, isMap(next) ? next : {}, owners.filter(isMap));
      const wanted = Object.hasOwn(after, key) || owners.length > 0 || Object.keys(inner).length > 0;
      if (wanted) kept[key] = inner;
      else delete kept[key];
    } else if (!Object.hasOwn(after, key) && owners.length === 0) {
      delete kept[key];
    }
  }
  return kept;
}

/** Another manager's `owned` fields without those that `applied` sets to another value. */
export function cede(owned: Fields, applied: Fields): Fields {
  const left: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(owned)) {
    const taken = applied[key];
    if (isMap(value) && isMap(taken)) left[key] = cede(value, taken);
    else if (!Object.hasOwn(applied, key) || isDeepStrictEqual(value, taken)) left[key] = value;
  }
  return left;
}
