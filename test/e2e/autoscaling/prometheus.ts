/** A Prometheus that scrapes the Pods of one cluster. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { PORT as PORTS } from '../../../services/contract.ts';
import { provideImage } from '../image.ts';
import { apply, kubectl, list, type Manifest, until } from '../kubectl.ts';
import type { RedisPod } from '../redis.ts';
import { ROOT } from '../release.ts';

const NAME = 'prometheus';
const PORT = 9090;
const CONFIG_FOLDER = '/etc/prometheus-e2e';

export const prometheusUrl = (namespace: string) => `http://${NAME}.${namespace}:${PORT}`;
const TARGETS = '/data/targets.json';

const config = {
  global: { scrape_interval: '2s', scrape_timeout: '2s' },
  scrape_configs: [{ job_name: 'ocpp', file_sd_configs: [{ files: [TARGETS] }] }],
};

interface ScrapedPod extends Manifest {
  readonly status: { readonly phase?: string; readonly podIP?: string };
}

/**
 * Tells Prometheus every second which Pods there are, with the labels that PodMonitors give (operator/render/monitoring.ts): Debian's
 * is built without the discovery that asks the API server.
 */
export class Targets implements Disposable {
  readonly #of: RedisPod;
  #stopped = false;

  constructor(of: RedisPod) {
    this.#of = of;
    void this.#run();
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    let written = '';
    while (!this.#stopped) {
      const next = sleep(1000, undefined, { ref: false });
      // This fails while Prometheus does not run; the next one has no file yet.
      written = await this.#write(written).catch(() => '');
      await next;
    }
  }

  async #write(before: string): Promise<string> {
    const { cluster, namespace } = this.#of;
    const [own] = await list<ScrapedPod>('pods', namespace, `app=${NAME}`);
    const pods = await list<ScrapedPod>('pods', namespace, `app.kubernetes.io/instance=${cluster}`);
    const targets = JSON.stringify(pods.flatMap((one) => targetOf(cluster, one)));
    const text = `${own?.metadata.name} ${targets}`;
    if (text === before) return before;
    // Prometheus notices the rename.
    const write = `cat > ${TARGETS}.new && mv ${TARGETS}.new ${TARGETS}`;
    const exec = ['exec', '-i', `deployment/${NAME}`, '-n', namespace, '--', 'sh', '-c', write];
    await kubectl(exec, targets);
    return text;
  }
}

function targetOf(cluster: string, { metadata, status }: ScrapedPod): object[] {
  const component = metadata.labels?.['app.kubernetes.io/component'];
  if (status.phase !== 'Running' || status.podIP === undefined || component === 'redis') return [];
  const { name: pod, namespace } = metadata;
  const targets = [`${status.podIP}:${PORTS.admin}`];
  return [{ targets, labels: { namespace, pod, component, ocpp_cluster: cluster } }];
}

/** Resolves when it is ready. */
export async function startPrometheus(namespace: string): Promise<void> {
  const folder = join(ROOT, 'test', 'e2e', 'prometheus');
  const { repository, tag } = await provideImage('e2e-prometheus', { folder });
  await apply(...objects(namespace, `${repository}:${tag}`));
  await kubectl(['rollout', 'status', `deployment/${NAME}`, '-n', namespace, '--timeout=60s'], '', 70);
}

export async function scalePrometheus(namespace: string, replicas: 0 | 1): Promise<void> {
  await kubectl(['scale', `deployment/${NAME}`, '-n', namespace, `--replicas=${replicas}`]);
  await until(`${replicas} Prometheus`, 60, async () => {
    const form = 'jsonpath={.status.readyReplicas}';
    const ready = await kubectl(['get', `deployment/${NAME}`, '-n', namespace, '-o', form]);
    return Number(ready || 0) === replicas;
  });
}

function objects(namespace: string, image: string): readonly Manifest[] {
  const metadata = { name: NAME, namespace };
  const labels = { app: NAME };
  const data = { 'prometheus.yml': stringify(config) };
  const ports = [{ port: PORT, targetPort: PORT }];
  const template = { metadata: { labels }, spec: pod(image) };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 1, selector: { matchLabels: labels }, template },
    },
  ] as readonly Manifest[];
}

const pod = (image: string) => ({
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
  terminationGracePeriodSeconds: 1,
  containers: [
    {
      name: NAME,
      image,
      imagePullPolicy: 'IfNotPresent',
      args: [`--config.file=${CONFIG_FOLDER}/prometheus.yml`, '--storage.tsdb.path=/data'],
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      readinessProbe: { httpGet: { path: '/-/ready', port: PORT }, periodSeconds: 1 },
      volumeMounts: [
        { name: 'config', mountPath: CONFIG_FOLDER },
        { name: 'data', mountPath: '/data' },
      ],
    },
  ],
  volumes: [
    { name: 'config', configMap: { name: NAME } },
    { name: 'data', emptyDir: {} },
  ],
});
