/**
 * The values of a chart with their descriptions, which are the comments `# -- …` in values.yaml. Run as a program,
 * `node test/charts/values.ts` writes them to values.schema.json and to the table in README.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, type Pair, parseDocument } from 'yaml';

const CHARTS = join(import.meta.dirname, '../../charts');
export const OPERATOR = join(CHARTS, 'ocpp-operator');
export const CLUSTER = join(CHARTS, 'ocpp-cluster');

export interface Value {
  /** `metrics.podMonitor.enabled` */
  readonly path: string;
  readonly description: string;
  readonly fallback: unknown;
}

export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly $ref?: string;
  description?: string;
}

const DESCRIBED = /^ ?-- (.*)/;
const BEGIN = '<!-- values: begin -->';
const END = '<!-- values: end -->';

/** @throws for a key that has no description and is not a group of described keys */
export function valuesOf(chart: string): Value[] {
  const document = parseDocument(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  const walk = (node: unknown, prefix: string): Value[] => {
    if (!isMap(node)) throw new Error(`values.yaml: ${prefix} has no description (# -- …)`);
    return node.items.flatMap((pair, index) => {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      const path = prefix === '' ? key : `${prefix}.${key}`;
      const description = described(pair, index === 0 ? node.commentBefore : undefined);
      if (description === undefined) return walk(pair.value, path);
      const value = pair.value as { toJS(of: unknown): unknown };
      return [{ path, description, fallback: value.toJS(document) }];
    });
  };
  return walk(document.contents, '');
}

/** The parser attaches the comment of a map's first key to the map. */
function described({ key }: Pair, ofFirst?: string | null): string | undefined {
  const comment = (isScalar(key) ? key.commentBefore : undefined) ?? ofFirst ?? '';
  return comment
    .split('\n')
    .flatMap((line) => DESCRIBED.exec(line)?.[1] ?? [])
    .at(-1);
}

export const readme = (chart: string): string => readFileSync(join(chart, 'README.md'), 'utf8');

/** Replaces the table in the text. @throws Error if the text has no place for it */
export function withTable(text: string, table: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`README.md has no place for the table: ${BEGIN} … ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n${table}\n${text.slice(end)}`;
}

export function tableOf(values: readonly Value[]): string {
  const cell = (text: string) => text.replaceAll('|', String.raw`\|`);
  const rows = values.map(({ path, description, fallback }) => {
    return `| \`${path}\` | ${cell(description)} | \`${cell(JSON.stringify(fallback))}\` |`;
  });
  return ['| value | what it does | default |', '|---|---|---|', ...rows].join('\n');
}

export const schemaOf = (chart: string): Schema =>
  JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema;

/** @returns undefined if the schema does not have the value */
export function schemaAt(schema: Schema, path: string): Schema | undefined {
  return path.split('.').reduce<Schema | undefined>((at, key) => at?.properties?.[key], schema);
}

function write(chart: string): void {
  const values = valuesOf(chart);
  writeFileSync(join(chart, 'README.md'), withTable(readme(chart), tableOf(values)));
  const schema = schemaOf(chart);
  for (const { path, description } of values) {
    const at = schemaAt(schema, path);
    if (at === undefined) throw new Error(`values.schema.json does not know ${path}`);
    at.description = description;
  }
  writeFileSync(join(chart, 'values.schema.json'), `${JSON.stringify(schema, null, 2)}\n`);
}

if (import.meta.main) for (const chart of [OPERATOR, CLUSTER]) write(chart);
