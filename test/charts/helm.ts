/** Runs helm and renders the charts. */
import { execFileSync, spawnSync } from 'node:child_process';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../operator/kube/object-store.ts';

/** Namespace of the rendered releases. */
export const NAMESPACE = 'ocpp-system';

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}
export interface Rendered extends KubeObject {
  readonly spec?: unknown;
  readonly rules?: readonly Rule[];
}

function findHelm(): string | undefined {
  if (spawnSync('helm', ['version']).status === 0) return 'helm';
  const cluster = process.env['OCPP_TEST_CLUSTER'];
  if (cluster === undefined) return undefined;
  const script = 'eval "$("$1" env)" && "$1" tools >/dev/null && command -v helm';
  const found = spawnSync('bash', ['-c', script, 'bash', cluster], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}

const found = findHelm();
if (found === undefined) console.warn('SKIPPED: tests of the charts, as there is no helm on PATH');

/** A test that needs helm: without helm it is skipped with a warning; in CI it fails. */
export const chartTest = found === undefined && process.env['CI'] !== 'true' ? test.skip : test;
export const serialChartTest = chartTest === test ? test.serial : test.skip;

/** Runs helm. @throws Error with its output */
export function helm(args: readonly string[], options: { input?: string; kubeconfig?: string } = {}): string {
  const { input = '', kubeconfig } = options;
  const env = kubeconfig === undefined ? process.env : { ...process.env, KUBECONFIG: kubeconfig };
  return execFileSync(found ?? 'helm', args, { input, env, encoding: 'utf8', stdio: 'pipe' });
}

/** The objects that `helm template` renders. */
export function template(chart: string, values: object = {}, release = 'ocpp'): Rendered[] {
  const args = ['template', release, chart, '--namespace', NAMESPACE, '--values', '-'];
  return objectsIn(helm(args, { input: JSON.stringify(values) }));
}

export function objectsIn(yaml: string): Rendered[] {
  return parseAllDocuments(yaml, { merge: true }).flatMap(
    (document) => (document.toJS() as Rendered | null) ?? [],
  );
}

export function only(objects: readonly Rendered[], kind: string): Rendered {
  const [first, second] = objects.filter((object) => object.kind === kind);
  if (first === undefined || second !== undefined) throw new Error(`not exactly one object of kind ${kind}`);
  return first;
}
