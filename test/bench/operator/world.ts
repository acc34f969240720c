/** What every measurement needs: a private API server whose callers are written down, the stand-in for controllers, the bundle. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeHttp } from '../../../operator/kube/http.ts';
import { type ApiServer, startApiServer } from '../../support/api-server.ts';
import { type AuditLog, createAuditLog } from '../../support/audit-log.ts';
import { Clusters } from './clusters.ts';
import { OperatorProcess } from './operator-process.ts';
import { type PodMetrics, startPodMetrics } from './pod-metrics.ts';
import { startStandIn } from './stand-in.ts';

const ROOT = join(import.meta.dirname, '../../..');
const USERS = ['operator-a', 'operator-b'] as const;
/** Two Services a cluster. */
const SERVICE_RANGE = '--service-cluster-ip-range=10.0.0.0/20';
export type User = (typeof USERS)[number];

export interface World extends AsyncDisposable {
  readonly http: KubeHttp;
  readonly calls: AuditLog;
  readonly clusters: Clusters;
  readonly podMetrics: PodMetrics;
  startOperator(user?: User): Promise<OperatorProcess>;
}

/** @param profiles folder for V8's CPU profiles of the operators */
export async function startWorld(profiles: string | undefined): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const bundles = mkdtempSync(join(tmpdir(), 'ocpp-bench-bundle-'));
  stack.defer(() => rmSync(bundles, { recursive: true, force: true }));
  execFileSync(process.execPath, [join(ROOT, 'build.ts'), 'bench', bundles], { stdio: 'pipe' });

  const calls = stack.use(createAuditLog(USERS));
  // Fair queues of the API server (429) hold for them as for any ServiceAccount.
  const groups = ['system:serviceaccounts'];
  const users = Object.fromEntries(USERS.map((user) => [user, groups]));
  const server = await startApiServer({ users, flags: [...calls.flags, SERVICE_RANGE] });
  if (server === undefined) throw new Error('nothing to measure against without a kube-apiserver');
  stack.use(server);
  await allow(server);
  await server.installCrd(readFileSync(join(ROOT, 'crds/ocppclusters.yaml'), 'utf8'));

  const podMetrics = stack.use(await startPodMetrics());
  stack.use(await startStandIn(server.http, podMetrics.port));
  const clusters = stack.use(new Clusters(server.http));
  const held = stack.move();
  return {
    http: server.http,
    calls,
    clusters,
    podMetrics,
    startOperator: (user = 'operator-a') =>
      OperatorProcess.start({ bundles, profiles, kubeconfig: server.kubeconfig(user) }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function allow({ http }: ApiServer): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const body = {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'operators' },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: USERS.map((name) => ({ kind: 'User', apiGroup: group, name })),
  };
  await http.json({ method: 'POST', path: `/apis/${group}/v1/clusterrolebindings`, body });
  // Its rules take a moment to be known.
  await sleep(500);
}
