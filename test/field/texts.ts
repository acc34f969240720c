/** Names in the texts of a case: `${station}`, values saved from responses, and characters that YAML cannot show. */

const CHARACTER = /^U\+([0-9A-F]{4})$/;

/** Replaces `${name}` in all texts of a value. @throws Error for an unknown name */
export function filledIn<Value>(value: Value, names: ReadonlyMap<string, string>): Value {
  if (typeof value === 'string') return filled(value, names) as Value;
  if (Array.isArray(value)) return value.map((one: unknown) => filledIn(one, names)) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [filled(key, names), filledIn(one, names)]);
  return Object.fromEntries(entries) as Value;
}

function filled(text: string, names: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
    const code = CHARACTER.exec(name)?.[1];
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    const known = names.get(name);
    if (known === undefined) throw new Error(`nothing was saved as "${name}"`);
    return known;
  });
}

/** The text or number at a JSON pointer. @throws Error if there is none */
export function textAt(value: unknown, pointer: string): string {
  let at = value;
  for (const name of pointer.split('/').slice(1)) {
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined;
  }
  if (typeof at === 'string' || typeof at === 'number') return String(at);
  throw new Error(`there is no text or number at ${pointer} of ${JSON.stringify(value)}`);
}

/** A duration such as `8d` in ms. */
export function durationOf(text: string): number {
  const [, amount, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
  if (amount === undefined || factor === undefined) throw new Error(`"${text}" is no duration`);
  return Number(amount) * factor;
}
