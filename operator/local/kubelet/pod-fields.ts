/**
 * What becomes of each field of a Pod on one machine without Kubernetes. Honoured: it means the same
 * here. Ignored: it has no meaning here (there is one node, one user, no cgroup). Every other field is
 * refused by name, so that nobody believes in something that does not happen.
 */

/** `true`: any value. A list of strings: one of these values. A table: look inside. */
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
  ports: { name: true, containerPort: true, protocol: ['TCP'] },
  volumeMounts: { name: true, mountPath: true, readOnly: true },
  startupProbe: PROBE,
  readinessProbe: PROBE,
  livenessProbe: PROBE,
  // Ignored: no image is pulled, no kernel feature is changed, no share of the machine is set aside.
  imagePullPolicy: true,
  securityContext: true,
  resources: true,
  terminationMessagePath: true,
  terminationMessagePolicy: true,
};

const POD: Table = {
  containers: CONTAINER,
  // Ignored of a Secret: the mode of its files, which only this user's processes read.
  volumes: {
    name: true,
    emptyDir: true,
    persistentVolumeClaim: true,
    secret: { secretName: true, defaultMode: true },
  },
  terminationGracePeriodSeconds: true,
  restartPolicy: ['Always'],
  // Ignored: there is one node, one user and no API server to talk to.
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

/** The path of every field of a Pod spec that cannot be honoured here, with its value where that is the reason. */
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
