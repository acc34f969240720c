/**
 * Variables of Pods that have no effect or that the spec does not name. A misspelt setting would otherwise replace every Pod
 * and change nothing; a variable that another manager added stays in the template, as server-side apply removes only its own
 * fields. Both are reported. Pure.
 */
import { ENV } from '../../services/contract.ts';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import type { Observed } from '../observe/observe.ts';
import type { Variable, Workload } from '../observe/workloads.ts';
import type { Problem } from '../status/conditions.ts';

const KNOWN: readonly string[] = Object.values(ENV);
const OURS = /^(OCPP|REDIS)_/;

const variablesOf = (workload: Workload | undefined): readonly Variable[] =>
  workload?.spec?.template?.spec?.containers?.[0]?.env ?? [];

export interface KnownOnly {
  /** The same object if every variable is known. */
  readonly cluster: OcppCluster;
  readonly problems: readonly Problem[];
}

/**
 * The cluster as it is rendered: a variable with our prefix that no program reads is as in the running template, so no Pod is
 * replaced for it. The rest of the spec applies. An own image of the processor may read any variable.
 */
export function knownVariablesOnly(cluster: OcppCluster, observed: Observed): KnownOnly {
  const { proxy, processor, api, billSink } = observed;
  const { spec = {} } = cluster;
  const ofProxy = checked('proxy', spec.proxy?.podTemplate?.env, variablesOf(proxy));
  const ofProcessor = checked(
    'processor',
    spec.processor?.image ? undefined : spec.processor?.podTemplate?.env,
    variablesOf(processor),
  );
  const ofApi = checked('api', spec.api?.podTemplate?.env, variablesOf(api));
  const sink = spec.billing?.sink;
  const ofSink = checked('billing.sink', sink?.podTemplate?.env, variablesOf(billSink));
  const problems = [ofProxy, ofProcessor, ofApi, ofSink].flatMap((one) => one.problems);
  if (problems.length === 0) return { cluster, problems };
  const rendered = {
    ...spec,
    ...(ofProxy.problems.length > 0 && { proxy: withVariables(spec.proxy, ofProxy.env) }),
    ...(ofProcessor.problems.length > 0 && { processor: withVariables(spec.processor, ofProcessor.env) }),
    ...(ofApi.problems.length > 0 && { api: withVariables(spec.api, ofApi.env) }),
    ...(sink !== undefined &&
      ofSink.problems.length > 0 && {
        billing: { ...spec.billing, sink: { ...sink, ...withVariables(sink, ofSink.env) } },
      }),
  };
  // The generation stands for the whole spec, and this is another one.
  const { generation: _, ...metadata } = cluster.metadata;
  return { cluster: { ...cluster, metadata, spec: rendered }, problems };
}

const withVariables = (part: { readonly podTemplate?: object } | undefined, env: readonly Variable[]) => ({
  ...part,
  podTemplate: { ...part?.podTemplate, env },
});

function checked(
  part: 'proxy' | 'processor' | 'api' | 'billing.sink',
  env: readonly Variable[] = [],
  running: readonly Variable[],
) {
  const problems: Problem[] = [];
  const kept = env.flatMap((variable) => {
    const { name } = variable;
    if (!OURS.test(name) || KNOWN.includes(name)) return [variable];
    const found = running.find((one) => one.name === name);
    const effect = found === undefined ? 'it is left out of the Pods' : 'the Pods keep it as it is';
    const message =
      `spec.${part}.podTemplate.env: no program reads ${name}, the nearest name is ${nearest(name)}; ` +
      `${effect} and are not replaced for it. Correct the name or remove the variable`;
    problems.push({ reason: 'UnknownVariable', message });
    return found === undefined ? [] : [found];
  });
  return { env: kept, problems };
}

function nearest(name: string): string {
  const [best] = KNOWN.filter((one) => OURS.test(one))
    .map((one) => [one, distance(name, one)] as const)
    .reduce((a, b) => (b[1] < a[1] ? b : a));
  return best;
}

/** Levenshtein's: insertions, deletions and replacements. Names have at most 253 characters. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** What `kubectl set env` and the like added to a workload. @param live after the apply of `rendered` */
export function foreignVariables(rendered: KubeObject, live: KubeObject): Problem | undefined {
  const ours = new Set(variablesOf(rendered).map(({ name }) => name));
  const names = variablesOf(live).flatMap(({ name }) => (ours.has(name) ? [] : [name]));
  if (names.length === 0) return undefined;
  const { kind, metadata } = live;
  const what = `${kind.toLowerCase()}/${metadata.name}`;
  const message =
    `${kind}/${metadata.name} has variables that the spec does not name and that replaced its Pods: ${names.join(', ')}. ` +
    `Another client added them. Remove them with kubectl -n ${metadata.namespace ?? 'default'} set env ${what} ${names.map((name) => `${name}-`).join(' ')}, or set them in podTemplate.env`;
  return { reason: 'ForeignVariable', message };
}
