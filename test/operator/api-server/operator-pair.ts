/**
 * Two real operator processes for one namespace of a real API server, each behind a proxy that records its requests; and a
 * user who keeps changing the spec, so that the leader has to write.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { API_VERSION, KIND, OCPP_CLUSTERS, type OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import type { ObjectRef } from '../../../operator/kube/object-store.ts';
import { DEPLOYMENTS } from '../../../operator/render/resources.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { type FaultProxy, type Seen, startFaultProxy } from '../../support/fault-proxy.ts';
import { type Program, startProgram } from '../../support/program.ts';
import { until } from '../../support/until.ts';

const PATIENCE_MS = 60_000;
const WRITES = new Set(['create', 'update', 'apply', 'delete']);

export class OperatorProcess implements AsyncDisposable {
  readonly program: Program;
  readonly proxy: FaultProxy;

  private constructor(program: Program, proxy: FaultProxy) {
    this.program = program;
    this.proxy = proxy;
  }

  static async start(api: ApiServer, namespace: string, kubeconfig: string): Promise<OperatorProcess> {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.use(await startFaultProxy(api.url, api.token()));
    writeKubeconfig(kubeconfig, proxy.url, namespace);
    const env = { KUBECONFIG: kubeconfig, WATCH_NAMESPACES: namespace, SCRAPE_INTERVAL: '1s' };
    const program = await startProgram('operator', env);
    stack.move();
    return new OperatorProcess(program, proxy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    await this.proxy[Symbol.asyncDispose]();
  }

  /** Writes of objects in order of arrival, without those of the Lease. */
  get writes(): readonly Seen[] {
    return this.proxy.requests.filter(({ verb, resource }) => WRITES.has(verb) && resource !== 'leases');
  }

  async leads(): Promise<boolean> {
    return /^ocpp_operator_leader 1$/m.test((await this.program.ask('/metrics')).text);
  }
}

export class OperatorPair implements AsyncDisposable {
  readonly leader: OperatorProcess;
  readonly standby: OperatorProcess;
  #stack = new AsyncDisposableStack();
  readonly #user: KubeObjectStore;
  readonly #namespace: string;
  readonly #changing: Promise<void>;
  #ended = false;

  private constructor(api: ApiServer, namespace: string, leader: OperatorProcess, standby: OperatorProcess) {
    this.leader = leader;
    this.standby = standby;
    this.#namespace = namespace;
    this.#user = new KubeObjectStore(api.http, { manager: 'kubectl' });
    this.#changing = this.#change();
  }

  /** Resolves when the first leads and the second is ready. */
  static async start(api: ApiServer): Promise<OperatorPair> {
    const namespace = `ns-${randomUUID().slice(0, 8)}`;
    const body = { metadata: { name: namespace } };
    await api.http.json({ method: 'POST', path: '/api/v1/namespaces', body });
    const folder = mkdtempSync(join(tmpdir(), 'ocpp-operators-'));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rmSync(folder, { recursive: true }));
    const leader = stack.use(await OperatorProcess.start(api, namespace, join(folder, 'leader')));
    await until(() => leader.leads(), 'the first leads', PATIENCE_MS);
    const standby = stack.use(await OperatorProcess.start(api, namespace, join(folder, 'standby')));
    const pair = new OperatorPair(api, namespace, leader, standby);
    stack.defer(() => pair.#end());
    await until(() => leader.writes.length > 20, 'the leader at work', PATIENCE_MS);
    pair.#stack = stack.move();
    return pair;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Time from `from` (performance.now()) until the first write of the standby; ms. */
  async takenOver(from: number): Promise<number> {
    await until(() => this.standby.writes.length > 0, 'the other writes', PATIENCE_MS);
    return Math.round((this.standby.writes[0]?.at ?? Infinity) - from);
  }

  /** Deletes a Deployment. Resolves when the operator has created it again, to the time it took; ms. */
  async repaired(name: string): Promise<number> {
    const ref: ObjectRef = { resource: DEPLOYMENTS, name, namespace: this.#namespace };
    const { uid } = (await this.#user.get(ref))?.metadata ?? {};
    await this.#user.delete(ref);
    const from = performance.now();
    const back = async () => ![undefined, uid].includes((await this.#user.get(ref))?.metadata.uid);
    await until(back, `${name} is back`, PATIENCE_MS);
    return Math.round(performance.now() - from);
  }

  async #end(): Promise<void> {
    this.#ended = true;
    await this.#changing;
  }

  async #change(): Promise<void> {
    const metadata = { name: 'city', namespace: this.#namespace };
    for (let replicas = 2; !this.#ended; replicas = replicas === 9 ? 2 : replicas + 1) {
      const cluster: OcppCluster = {
        apiVersion: API_VERSION,
        kind: KIND,
        metadata,
        spec: { proxy: { replicas } },
      };
      await this.#user.apply(cluster);
      await delay(200);
    }
    await this.#user.delete({ resource: OCPP_CLUSTERS, ...metadata });
  }
}

export function writeKubeconfig(file: string, server: string, namespace: string): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    // Required by the library for plain HTTP.
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'for-the-proxy' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    'current-context': 'test',
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
}
