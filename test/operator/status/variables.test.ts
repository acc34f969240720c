/** Variables that no program reads, and those that another client added: reported, and no reason to replace Pods. */
import test from 'ava';
import type { OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import type { Observed } from '../../../operator/observe/observe.ts';
import type { Variable, Workload } from '../../../operator/observe/workloads.ts';
import { foreignVariables, knownVariablesOnly } from '../../../operator/reconcile/variables.ts';

const set = (name: string, value = '1'): Variable => ({ name, value });

function workloadOf(env: readonly Variable[], metadata = { name: 'city-processor', namespace: 'charging' }) {
  const containers = [{ image: 'i', env }];
  const workload: Workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { template: { spec: { containers } } },
  };
  return workload;
}

const observed = (env?: readonly Variable[]): Observed => {
  const workload = env === undefined ? undefined : workloadOf(env);
  const [redis, proxyService] = [undefined, undefined];
  const proxySets = workload === undefined ? [] : [workload];
  return { proxy: workload, proxySets, processor: workload, redis, proxyService, pods: [] };
};

function clusterOf(proxy: readonly Variable[], processor: readonly Variable[] = [], image = ''): OcppCluster {
  return {
    apiVersion: 'ocpp.dev/v1alpha1',
    kind: 'OcppCluster',
    metadata: { name: 'city', namespace: 'charging', generation: 3 },
    spec: {
      proxy: { replicas: 5, podTemplate: { env: proxy } },
      processor: { ...(image !== '' && { image }), podTemplate: { env: processor } },
    },
  };
}
const rendered = ({ spec }: OcppCluster) => [
  spec?.proxy?.podTemplate?.env ?? [],
  spec?.processor?.podTemplate?.env ?? [],
];

const UNKNOWN = set('OCPP_DRIAN_RATE');
interface Case {
  readonly name: string;
  readonly cluster: OcppCluster;
  readonly running?: readonly Variable[];
  readonly env: readonly (readonly Variable[])[];
  readonly says: readonly RegExp[];
}
const CASES: readonly Case[] = [
  {
    name: 'known ones, and those of others',
    cluster: clusterOf([set('OCPP_DRAIN_RATE'), set('HTTP_PROXY')], [set('REDIS_DB'), set('LOG_LEVEL')]),
    env: [
      [set('OCPP_DRAIN_RATE'), set('HTTP_PROXY')],
      [set('REDIS_DB'), set('LOG_LEVEL')],
    ],
    says: [],
  },
  {
    name: 'a misspelt one is left out, the others apply',
    cluster: clusterOf([UNKNOWN, set('OCPP_CONNECT_RATE')]),
    env: [[set('OCPP_CONNECT_RATE')], []],
    says: [
      /^spec\.proxy\.podTemplate\.env: no program reads OCPP_DRIAN_RATE, the nearest name is OCPP_DRAIN_RATE; it is left out/,
    ],
  },
  {
    name: 'one that runs already stays as it is, also when the spec changes its value',
    cluster: clusterOf([set('OCPP_DRIAN_RATE', '2')]),
    running: [UNKNOWN],
    env: [[UNKNOWN], []],
    says: [/OCPP_DRIAN_RATE.*the Pods keep it as it is/],
  },
  {
    name: 'in both components',
    cluster: clusterOf([set('OCPP_PINGINTERVAL')], [set('REDIS_ADDRS')]),
    env: [[], []],
    says: [/^spec\.proxy\..*OCPP_PING_INTERVAL/, /^spec\.processor\..*nearest name is REDIS_ADDR;/],
  },
  {
    name: 'an own image of the processor may read any',
    cluster: clusterOf([], [set('OCPP_BILLING_URL')], 'example.com/mine:1'),
    env: [[], [set('OCPP_BILLING_URL')]],
    says: [],
  },
];

for (const { name, cluster, running, env, says } of CASES)
  test(`unknown variables: ${name}`, (t) => {
    const { cluster: known, problems } = knownVariablesOnly(cluster, observed(running));
    t.deepEqual(rendered(known), env);
    t.is(problems.length, says.length);
    for (const [index, expected] of says.entries()) t.regex(problems[index]?.message ?? '', expected);
    t.is(known === cluster, says.length === 0, 'an unchanged cluster is the same object');
    t.is(known.spec?.proxy?.replicas, 5);
    t.is(known.metadata.generation, says.length === 0 ? 3 : undefined, 'a rendering of it is not reused');
  });

test('a variable of another client is reported with the command that removes it', (t) => {
  const ours = workloadOf([set('OCPP_PATH')]);
  t.is(foreignVariables(ours, ours), undefined);
  const problem = foreignVariables(
    ours,
    workloadOf([set('OCPP_PATH', '/other'), set('DEBUG'), set('TRACE')]),
  );
  t.is(problem?.reason, 'ForeignVariable');
  t.regex(problem?.message ?? '', /: DEBUG, TRACE\. /);
  t.regex(problem?.message ?? '', /kubectl -n charging set env deployment\/city-processor DEBUG- TRACE-/);
});
