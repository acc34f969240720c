/** Puts the stand-in for external metrics on the cluster, with its own namespace, and takes it away. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from '../../transport/redis/certificates.ts';
import { createNamespace } from '../environment.ts';
import { apply, kubectl, list, type Manifest } from '../kubectl.ts';
import { type Image, release } from '../release.ts';
import { PORT } from './external-metrics-server.ts';

const NAMESPACE = 'ocpp-e2e-metrics';
const NAME = 'external-metrics';
const SOURCE = 'operator-pods';
/** The name says that it is a module: no package.json is beside it. */
const SCRIPT = 'server.mts';
const labels = { app: NAME };
const metadata = { name: NAME, namespace: NAMESPACE };
/** One per Kubernetes cluster: an adapter of another project would have the same name. */
const API_SERVICE = 'v1beta1.external.metrics.k8s.io';

/** An APIService whose Pods are gone would hinder the deletion of namespaces: call it before these are deleted. */
export async function removeExternalMetrics(): Promise<void> {
  const ours = ['-l', 'ocpp.dev/e2e=true', `--field-selector=metadata.name=${API_SERVICE}`];
  await kubectl(['delete', 'apiservice', ...ours, '--ignore-not-found']);
}

/** Resolves when the API server serves external.metrics.k8s.io. @param image any that has node, such as ours */
export async function deployExternalMetrics(image: Image): Promise<void> {
  await createNamespace(NAMESPACE);
  await using certificates = await makeCertificates([`${NAME}.${NAMESPACE}.svc`]);
  const tls = {
    'tls.crt': readFileSync(certificates.cert, 'utf8'),
    'tls.key': readFileSync(certificates.key, 'utf8'),
  };
  const script = { [SCRIPT]: readFileSync(join(import.meta.dirname, 'external-metrics-server.ts'), 'utf8') };
  await apply(
    { apiVersion: 'v1', kind: 'Secret', metadata, stringData: tls } as Manifest,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: script } as Manifest,
    await operatorPods(),
    deployment(`${image.repository}:${image.tag}`),
    service({ selector: labels, ports: [{ port: 443, targetPort: PORT }] }, metadata),
    apiService,
  );
  await kubectl(['rollout', 'status', `deployment/${NAME}`, '-n', NAMESPACE, '--timeout=120s'], '', 130);
  await kubectl(['wait', '--for=condition=Available', `apiservice/${API_SERVICE}`, '--timeout=60s'], '', 70);
}

const service = (spec: object, at: Manifest['metadata']): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: at,
  spec,
});

interface Service extends Manifest {
  readonly spec: { readonly selector: object };
}

/** A name that resolves to every operator Pod. */
async function operatorPods(): Promise<Manifest> {
  const services = await list<Service>('services', release.namespace);
  const metrics = services.find(({ metadata: { name } }) => name.endsWith('-metrics'));
  if (metrics === undefined)
    throw new Error(`the operator in ${release.namespace} has no Service of metrics`);
  const { selector } = metrics.spec;
  const at = { name: SOURCE, namespace: release.namespace };
  return service({ clusterIP: 'None', selector, ports: [{ port: 9090 }] }, at);
}

const deployment = (image: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata,
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'server',
            image,
            imagePullPolicy: 'IfNotPresent',
            command: ['/nodejs/bin/node', `/script/${SCRIPT}`],
            args: ['/tls', `${SOURCE}.${release.namespace}.svc.cluster.local:9090`],
            ports: [{ containerPort: PORT }],
            readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            volumeMounts: [
              { name: 'script', mountPath: '/script' },
              { name: 'tls', mountPath: '/tls' },
            ],
          },
        ],
        volumes: [
          { name: 'script', configMap: { name: NAME } },
          { name: 'tls', secret: { secretName: NAME } },
        ],
      },
    },
  },
});

const apiService: Manifest = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: API_SERVICE, labels: { 'ocpp.dev/e2e': 'true' } },
  spec: {
    group: 'external.metrics.k8s.io',
    version: 'v1beta1',
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
    service: { name: NAME, namespace: NAMESPACE, port: 443 },
  },
};
