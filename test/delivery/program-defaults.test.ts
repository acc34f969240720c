/** A program started by hand behaves like one started by the operator: CRD and programs have the same defaults and words. */
import test from 'ava';
import { ocppClusterSchema, type Schema } from '../../operator/api/schema.ts';
import type { Setting } from '../../services/runtime/config.ts';
import { processorSettings } from '../../services/processor/config.ts';
import { proxySettings } from '../../services/ws-proxy/config.ts';

const SETTINGS: Readonly<Record<string, Setting<unknown>>> = { ...proxySettings, ...processorSettings };

/** Fields whose name differs from the setting's; `…Seconds` of a duration aside. */
const RENAMED: Readonly<Record<string, string>> = {
  'processor.heartbeatSeconds': 'heartbeatInterval',
  'processor.transactions.concurrent': 'concurrentTransactions',
  'processor.transactions.idempotencySeconds': 'transactionKeyTtl',
  'processor.transactions.reportAfterSeconds': 'transactionReportAfter',
  'processor.transactions.abandonAfterSeconds': 'transactionAbandonAfter',
  'proxy.maxSessionsPerPod': 'maxSessions',
  'proxy.admission.connectionsPerSecond': 'connectRate',
  'proxy.drain.ratePerSecond': 'drainRate',
  'proxy.drain.deadlineSeconds': 'drainDeadline',
  'proxy.drain.transactions': 'drainTransactions',
};

/** The resource has objects here, the program a text; or the name is another thing's. */
const UNRELATED: ReadonlySet<string> = new Set(['listeners', 'proxy.ingress.host']);

/** Leaves of the spec, by path. */
function leaves(schema: Schema, path: readonly string[] = []): readonly (readonly [string, Schema])[] {
  return schema.properties === undefined
    ? [[path.join('.'), schema]]
    : Object.entries(schema.properties).flatMap(([name, one]) => leaves(one, [...path, name]));
}

const spec = ocppClusterSchema.properties?.['spec'];
const fields = spec === undefined ? [] : leaves(spec);
const settingOf = (path: string) =>
  RENAMED[path] ??
  path
    .split('.')
    .at(-1)
    ?.replace(/Seconds$/, '') ??
  '';

const pairs = fields.flatMap(([path, field]) => {
  const setting = SETTINGS[settingOf(path)];
  return setting === undefined || UNRELATED.has(path) ? [] : [{ path, field, setting }];
});

const lower = (value: unknown): unknown =>
  typeof value === 'string' ? value.toLowerCase() : Array.isArray(value) ? value.map(lower) : value;

const words = (values: readonly unknown[]): string[] =>
  values.map((value) => String(value).toLowerCase()).sort();

test('a setting that the CRD has too has the same default', (t) => {
  for (const { path, field, setting } of pairs) {
    if (field.default === undefined) continue;
    const value =
      path.endsWith('Seconds') && setting.format === 'duration-ms'
        ? Number(field.default) * 1000
        : field.default;
    t.deepEqual(lower(value), lower(setting.default), `${path} and ${setting.env}`);
  }
});

test('a setting that the CRD has too allows the same words', (t) => {
  for (const { path, field, setting } of pairs) {
    if (field.enum === undefined || !Array.isArray(setting.format)) continue;
    t.deepEqual(words(field.enum), words(setting.format), `${path} and ${setting.env}`);
  }
});

test('the comparison covers the known fields', (t) => {
  const paths = new Set(pairs.map(({ path }) => path));
  for (const path of [
    ...Object.keys(RENAMED),
    'processor.logLevel',
    'processor.unknownTokens',
    'processor.validation',
    'protocols',
    'proxy.logLevel',
  ])
    t.true(paths.has(path), path);
});
