/** A Prometheus that scrapes the Pods of one cluster. */
import { join } from 'node:path';
import { stringify } from 'yaml';
import { PORT as PORTS } from '../../../services/contract.ts';
import { provideImage } from '../image.ts';
import { apply, kubectl, type Manifest, until } from '../kubectl.ts';
import type { RedisPod } from '../redis.ts';
import { ROOT } from '../release.ts';

const NAME = 'prometheus';
const PORT = 9090;
const CONFIG_FOLDER = '/etc/prometheus-e2e';
const COMPONENTS = ['ws-proxy', 'processor'] as const;

export const prometheusUrl = (namespace: string) => `http://${NAME}.${namespace}:${PORT}`;
/** Of the Service whose DNS name lists the Pods. */
const discovery = (component: string) => `pods-of-${component}`;

/**
 * The labels that PodMonitors give (operator/render/monitoring.ts). Debian's Prometheus is built without the discovery that asks
 * the API server, so it asks DNS.
 */
const config = ({ cluster, namespace }: RedisPod) => ({
  global: { scrape_interval: '2s', scrape_timeout: '2s' },
  scrape_configs: COMPONENTS.map((component) => ({
    job_name: component,
    dns_sd_configs: [
      {
        names: [`${discovery(component)}.${namespace}.svc.cluster.local`],
        type: 'A',
        port: PORTS.admin,
        refresh_interval: '2s',
      },
    ],
    relabel_configs: [
      { target_label: 'namespace', replacement: namespace },
      { target_label: 'ocpp_cluster', replacement: cluster },
      { target_label: 'component', replacement: component },
      { source_labels: ['__address__'], target_label: 'pod' },
    ],
  })),
});

/** Resolves when it is ready. */
export async function startPrometheus(of: RedisPod): Promise<void> {
  const folder = join(ROOT, 'test', 'e2e', 'prometheus');
  const { repository, tag } = await provideImage('e2e-prometheus', { folder });
  await apply(...objects(of, `${repository}:${tag}`));
  await kubectl(['rollout', 'status', `deployment/${NAME}`, '-n', of.namespace, '--timeout=60s'], '', 70);
}

export async function scalePrometheus(namespace: string, replicas: 0 | 1): Promise<void> {
  await kubectl(['scale', `deployment/${NAME}`, '-n', namespace, `--replicas=${replicas}`]);
  await until(`${replicas} Prometheus`, 60, async () => {
    const form = 'jsonpath={.status.readyReplicas}';
    const ready = await kubectl(['get', `deployment/${NAME}`, '-n', namespace, '-o', form]);
    return Number(ready || 0) === replicas;
  });
}

function objects(of: RedisPod, image: string): readonly Manifest[] {
  const { namespace } = of;
  const metadata = { name: NAME, namespace };
  const labels = { app: NAME };
  const data = { 'prometheus.yml': stringify(config(of)) };
  const ports = [{ port: PORT, targetPort: PORT }];
  const template = { metadata: { labels }, spec: pod(image) };
  return [
    ...COMPONENTS.map((component) => podsOf(of, component)),
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

/** Pods that are not ready have metrics too. */
function podsOf({ cluster, namespace }: RedisPod, component: string): Manifest {
  const selector = { 'app.kubernetes.io/instance': cluster, 'app.kubernetes.io/component': component };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: discovery(component), namespace },
    spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector, ports: [{ port: PORTS.admin }] },
  };
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
