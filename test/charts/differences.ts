/** Differences between two renderings of a chart, one line per field. */
import type { Rendered } from './helm.ts';

/**
 * `Kind path: value` for a new or changed field, `Kind path: gone`, `+Kind namespace/name` and `-Kind namespace/name`. List
 * entries with a name are shown by it: `spec.containers[operator].image`.
 */
export function differences(before: readonly Rendered[], after: readonly Rendered[]): string[] {
  const [old, fresh] = [byName(before), byName(after)];
  const lines: string[] = [];
  for (const [name, object] of fresh) {
    const was = old.get(name);
    if (was === undefined) lines.push(`+${name}`);
    else lines.push(...changes(object.kind, leaves(was), leaves(object)));
  }
  for (const name of old.keys()) if (!fresh.has(name)) lines.push(`-${name}`);
  return lines.sort();
}

const byName = (objects: readonly Rendered[]) =>
  new Map(
    objects.map((object) => {
      const { name, namespace } = object.metadata;
      return [`${object.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`, object];
    }),
  );

function changes(kind: string, was: ReadonlyMap<string, string>, is: ReadonlyMap<string, string>): string[] {
  const set = [...is].filter(([path, value]) => was.get(path) !== value);
  const gone = [...was.keys()].filter((path) => !is.has(path));
  return [
    ...set.map(([path, value]) => `${kind} ${path}: ${value}`),
    ...gone.map((path) => `${kind} ${path}: gone`),
  ];
}

function leaves(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  if (typeof value !== 'object' || value === null) return found.set(path, String(value));
  for (const [key, inner] of Object.entries(value)) {
    const name = Array.isArray(value) ? `[${nameOf(inner) ?? key}]` : `${path === '' ? '' : '.'}${key}`;
    leaves(inner, `${path}${name}`, found);
  }
  return found;
}

const nameOf = (entry: unknown) => (entry as { name?: string } | null)?.name;
