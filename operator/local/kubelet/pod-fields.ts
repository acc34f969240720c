/**
 * Which fields of a Pod `npm start` honours or ignores. Ignored fields have no meaning on one node with one user and no
 * cgroups. Every other field is refused by name, so that no setting is silently without effect.
 */

/** `true`: any value. A list: one of these values. A table: rules of the fields inside. */
type Rule = true | readonly string[] | Table;
interface Table {
  readonly [field: string]: Rule;
}

const PROBE: Table = {
  httpGet: { path: true, port: true, scheme: ['HTTP'] },
  tcpSocket: { port: true },
  exec: { command: true },
  initialDelaySeconds: true,
  periodSeconds: true,
  timeoutSeconds: true,
  successThreshold: true,
  failureThreshold: true,
};

const FIELD_PATHS = [
  'status.podIP',
  'status.hostIP',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  "metadata.labels['pod-template-hash']",
  'spec.nodeName',
];

const CONTAINER: Table = {
  name: true,
  image: true,
  command: true,
  args: true,
  env: {
    name: true,
    value: true,
    valueFrom: {
      fieldRef: { apiVersion: true, fieldPath: FIELD_PATHS },
      secretKeyRef: { name: true, key: true, optional: true },
    },
  },
  envFrom: { configMapRef: { name: true, optional: true } },
  ports: { name: true, containerPort: true, protocol: ['TCP'] },
  volumeMounts: { name: true, mountPath: true, readOnly: true },
  startupProbe: PROBE,
  readinessProbe: PROBE,
  livenessProbe: PROBE,
  // Ignored: programs end before the servers that they need.
  lifecycle: { preStop: { exec: { command: true } } },
  // Ignored: there are no images, capabilities or cgroups.
  imagePullPolicy: true,
  securityContext: true,
  resources: true,
  terminationMessagePath: true,
  terminationMessagePolicy: true,
};

const POD: Table = {
  containers: CONTAINER,
  // Ignored: the mode of files. They are readable for this user only.
  volumes: {
    name: true,
    emptyDir: true,
    persistentVolumeClaim: true,
    secret: { secretName: true, defaultMode: true, items: { key: true, path: true } },
    configMap: { name: true, defaultMode: true },
    projected: {
      defaultMode: true,
      sources: {
        serviceAccountToken: { path: true, expirationSeconds: true },
        secret: { name: true, items: { key: true, path: true }, optional: true },
        // Ignored: nothing on this machine has TLS for it.
        configMap: { name: ['kube-root-ca.crt'], items: true },
      },
    },
  },
  terminationGracePeriodSeconds: true,
  restartPolicy: ['Always'],
  // Ignored: there is one node and one user, and the token that a volume asks for is everyone's.
  affinity: true,
  automountServiceAccountToken: true,
  dnsPolicy: true,
  enableServiceLinks: true,
  imagePullSecrets: true,
  nodeSelector: true,
  priorityClassName: true,
  schedulerName: true,
  securityContext: true,
  serviceAccount: true,
  serviceAccountName: true,
  shareProcessNamespace: true,
  tolerations: true,
  topologySpreadConstraints: true,
};

/** The path of every refused field of a Pod spec, with its value where the value is the reason. */
export function refusedFields(spec: object): string[] {
  return refusedIn(spec, POD, 'spec');
}

function refusedIn(value: unknown, rule: Rule, path: string): string[] {
  if (rule === true || value === undefined || value === null) return [];
  if (Array.isArray(rule)) return rule.includes(value) ? [] : [`${path}: ${JSON.stringify(value)}`];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => refusedIn(item, rule, `${path}[${index}]`));
  }
  if (typeof value !== 'object') return [path];
  return Object.entries(value).flatMap(([field, inner]) => {
    const next = (rule as Table)[field];
    return next === undefined ? [`${path}.${field}`] : refusedIn(inner, next, `${path}.${field}`);
  });
}
