/** docs/reference.md: every field of the resource in tables. */
import { fieldSchema, type Schema } from '../schema.ts';
import { effectIn } from './restarts.ts';

const HEAD = `# Reference of the OcppCluster resource

Made from \`crds/ocppclusters.yaml\` by \`npm run generate\`; do not edit. [ocppcluster.md](ocppcluster.md) explains the fields by topic.
\`kubectl explain ocppcluster.spec\` prints the same texts.

A field without a default may be omitted unless its type says *required*. "A change restarts" names the Pods that are replaced when the field
of a running cluster changes.
`;

export function reference(): string {
  const spec = fieldSchema('spec');
  const sections = Object.entries(spec.properties ?? {}).map(([name, field]) => sectionOf(name, field));
  return [HEAD, ...sections, podTemplateSection(), statusSection()].join('\n');
}

const SHARED = 'podTemplate';
const shared = () => fieldSchema('spec', 'proxy', SHARED);

function sectionOf(name: string, field: Schema): string {
  const all = rowsOf(name, field, false);
  return [
    `## spec.${name}`,
    '| field | type | default | meaning | a change restarts |',
    '|---|---|---|---|---|',
    ...all.map(({ path, schema, required }) =>
      row(
        `\`${path}\``,
        typeText(schema, required),
        defaultText(schema),
        meaning(schema),
        restartText(schema, name),
      ),
    ),
    ...rulesOf(all),
    '',
  ].join('\n');
}

function podTemplateSection(): string {
  return [
    `## ${SHARED}`,
    'Of `spec.proxy`, `spec.processor`, `spec.redis.embedded`, `spec.api` and `spec.billing.sink`. A change restarts the Pods of that component.',
    '',
    '| field | type | meaning |',
    '|---|---|---|',
    ...rowsOf('', shared(), false).flatMap(({ path, schema, required }) =>
      path === '' ? [] : [row(`\`${path}\``, typeText(schema, required), meaning(schema))],
    ),
    '',
  ].join('\n');
}

function statusSection(): string {
  return [
    '## status',
    '| field | type | meaning |',
    '|---|---|---|',
    ...rowsOf('', fieldSchema('status'), false).flatMap(({ path, schema }) =>
      path === '' ? [] : [row(`\`${path}\``, typeText(schema, false), meaning(schema))],
    ),
    '',
  ].join('\n');
}

interface Row {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** A field and all fields below it. */
function rowsOf(path: string, schema: Schema, required: boolean): Row[] {
  const own = { path, schema, required };
  if (schema === shared() && path !== '') return [own];
  const item = schema.items?.properties === undefined ? undefined : schema.items;
  const inner = item ?? schema;
  const prefix = `${path}${item === undefined ? '' : '[]'}`;
  return [
    own,
    ...Object.entries(inner.properties ?? {}).flatMap(([name, field]) =>
      rowsOf(prefix === '' ? name : `${prefix}.${name}`, field, inner.required?.includes(name) ?? false),
    ),
  ];
}

/** What the rules of these fields say when they refuse. */
function rulesOf(rows: readonly Row[]): string[] {
  const rules = rows.flatMap(({ path, schema }) =>
    (schema['x-kubernetes-validations'] ?? []).map(({ message }) => `- \`${path}\`: ${message}`),
  );
  return rules.length === 0 ? [] : ['', 'A manifest is refused with:', '', ...rules];
}

const row = (...cells: readonly string[]) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;

function typeText(schema: Schema, required: boolean): string {
  return [baseType(schema), bounds(schema), required ? '*required*' : '']
    .filter((text) => text !== '')
    .join(', ');
}

function baseType({ type = '', enum: values, items, additionalProperties }: Schema): string {
  if (values !== undefined) return values.map((value) => `\`${String(value)}\``).join(', ');
  if (type === 'array')
    return items?.enum === undefined ? `list of ${items?.type}s` : `list of ${baseType(items)}`;
  return typeof additionalProperties === 'object' ? 'map of strings' : type;
}

function bounds({ minimum, maximum }: Schema): string {
  if (minimum === undefined && maximum === undefined) return '';
  return `${minimum ?? '…'} to ${maximum ?? '…'}`;
}

function defaultText({ default: value, properties }: Schema): string {
  if (value === undefined || properties !== undefined) return '';
  return value === '' ? 'empty' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** Without the sentence that has a column of its own. */
const meaning = ({ description = '' }: Schema) =>
  description.replace(/ (A change restarts [^.]+|Cannot be changed)\.$/, '');

function restartText(schema: Schema, first: string): string {
  if (schema === shared()) return `[podTemplate](#${SHARED.toLowerCase()})`;
  if (schema.properties !== undefined || schema.items?.properties !== undefined) return '';
  const effect = effectIn(schema, first);
  if (effect === 'fixed') return 'cannot be changed';
  return effect.length === 0 ? 'nothing' : effect.join(', ');
}
