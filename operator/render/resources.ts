/** The kinds that the operator creates, and Pods, which it reads. */
import type { KubeObject, Resource } from '../kube/object-store.ts';

const core = (kind: string, plural: string): Resource => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});

export const PODS = core('Pod', 'pods');
/** Read by name only: the volume of the embedded Redis. */
export const PERSISTENT_VOLUME_CLAIMS = core('PersistentVolumeClaim', 'persistentvolumeclaims');
/** Written for people, and read for Pods that do not start. */
export const EVENTS = core('Event', 'events');
/** Settings that Pods read while they run. */
export const CONFIG_MAPS = core('ConfigMap', 'configmaps');
export const SERVICES = core('Service', 'services');
export const SERVICE_ACCOUNTS = core('ServiceAccount', 'serviceaccounts');
export const DEPLOYMENTS: Resource = { ...core('Deployment', 'deployments'), group: 'apps' };
export const STATEFUL_SETS: Resource = { ...core('StatefulSet', 'statefulsets'), group: 'apps' };
export const DISRUPTION_BUDGETS: Resource = {
  ...core('PodDisruptionBudget', 'poddisruptionbudgets'),
  group: 'policy',
};
const NETWORKING = 'networking.k8s.io';
export const NETWORK_POLICIES: Resource = {
  ...core('NetworkPolicy', 'networkpolicies'),
  group: NETWORKING,
};
export const INGRESSES: Resource = { ...core('Ingress', 'ingresses'), group: NETWORKING };
const rbac = (kind: string, plural: string): Resource => ({
  ...core(kind, plural),
  group: 'rbac.authorization.k8s.io',
});
/** What the API may read of the API server. */
export const ROLES = rbac('Role', 'roles');
export const ROLE_BINDINGS = rbac('RoleBinding', 'rolebindings');
const PROMETHEUS_OPERATOR = 'monitoring.coreos.com';
export const POD_MONITORS: Resource = { ...core('PodMonitor', 'podmonitors'), group: PROMETHEUS_OPERATOR };
export const PROMETHEUS_RULES: Resource = {
  ...core('PrometheusRule', 'prometheusrules'),
  group: PROMETHEUS_OPERATOR,
};
export const HTTP_ROUTES: Resource = {
  ...core('HTTPRoute', 'httproutes'),
  group: 'gateway.networking.k8s.io',
};
/** Of cert-manager. */
export const CERTIFICATES: Resource = {
  ...core('Certificate', 'certificates'),
  group: 'cert-manager.io',
};
export const HORIZONTAL_POD_AUTOSCALERS: Resource = {
  ...core('HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  group: 'autoscaling',
  version: 'v2',
};
const keda = (kind: string, plural: string): Resource => ({
  ...core(kind, plural),
  group: 'keda.sh',
  version: 'v1alpha1',
});
export const SCALED_OBJECTS = keda('ScaledObject', 'scaledobjects');
export const TRIGGER_AUTHENTICATIONS = keda('TriggerAuthentication', 'triggerauthentications');

/** Every kind that renderObjects may return; objects that are no longer rendered are searched in these kinds. */
export const OWNED: readonly Resource[] = [
  CONFIG_MAPS,
  SERVICE_ACCOUNTS,
  ROLES,
  ROLE_BINDINGS,
  SERVICES,
  STATEFUL_SETS,
  DEPLOYMENTS,
  DISRUPTION_BUDGETS,
  NETWORK_POLICIES,
  INGRESSES,
  HORIZONTAL_POD_AUTOSCALERS,
];

/** The same for kinds of add-ons: rendered and searched only while the API server serves them. */
export const OPTIONAL: readonly Resource[] = [
  POD_MONITORS,
  PROMETHEUS_RULES,
  HTTP_ROUTES,
  CERTIFICATES,
  SCALED_OBJECTS,
  TRIGGER_AUTHENTICATIONS,
];

export const apiVersionOf = ({ group, version }: Resource): string =>
  group === '' ? version : `${group}/${version}`;

/** @throws for a kind that is neither in OWNED nor in OPTIONAL */
export function resourceOf(object: KubeObject): Resource {
  const found = [...OWNED, ...OPTIONAL].find(
    (one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion,
  );
  if (found === undefined)
    throw new Error(`${object.apiVersion} ${object.kind} is not a kind that the operator renders`);
  return found;
}
