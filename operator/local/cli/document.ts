/** One YAML document as an object. YAML that has no JSON form, such as an alias of itself, is a mistake. */
import { type Document, visit } from 'yaml';

/** Deeper than any field: a text that is nested without end must not exhaust the stack. */
const MOST_LEVELS = 100;

export interface Mistake {
  /** Of its place in the text. */
  readonly offset: number;
  readonly reason: string;
}

/** `object` is undefined for an empty document, and for one with mistakes. */
export interface Content {
  readonly object?: unknown;
  readonly mistakes: readonly Mistake[];
}

export function contentOf(document: Document.Parsed): Content {
  const offset = document.contents?.range?.[0] ?? 0;
  try {
    const mistakes = mistakesIn(document);
    if (mistakes.length > 0) return { mistakes };
    const object: unknown = document.toJS();
    const reason = flawOf(object, MOST_LEVELS);
    return reason === undefined
      ? { object: object ?? undefined, mistakes }
      : { mistakes: [{ offset, reason }] };
  } catch (error) {
    return { mistakes: [{ offset, reason: reasonOf(error) }] };
  }
}

/** Of an error that the YAML parser throws. */
export function reasonOf(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  if (line.includes('call stack')) return NESTED;
  return line.includes('alias count') ? 'aliases are used too often' : line;
}

const NESTED = `more than ${MOST_LEVELS} levels are nested`;

/** Of syntax, or else of aliases. */
function mistakesIn(document: Document.Parsed): Mistake[] {
  if (document.errors.length > 0) {
    const found = document.errors.map((error) => ({ offset: error.pos[0], reason: reasonOf(error) }));
    // The parser reports its exhausted stack once for every level.
    const nested = found.some(({ reason }) => reason === NESTED);
    return nested ? [{ offset: document.contents?.range?.[0] ?? 0, reason: NESTED }] : found;
  }
  const anchors = new Map<string, unknown>();
  const mistakes: Mistake[] = [];
  visit(document, {
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
    Alias(_, { source, range }, path: readonly unknown[]) {
      const target = anchors.get(source);
      const offset = range?.[0] ?? 0;
      if (target === undefined)
        mistakes.push({ offset, reason: `*${source} has no anchor &${source} before it` });
      else if (path.includes(target))
        mistakes.push({ offset, reason: `*${source} is an alias inside its own anchor` });
    },
  });
  return mistakes;
}

function flawOf(value: unknown, levels: number): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return NESTED;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) {
    return 'a value with a tag has no JSON form';
  }
  for (const inner of Object.values(value)) {
    const flaw = flawOf(inner, levels - 1);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}
