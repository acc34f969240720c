/** Fields of a spec that have no meaning on one machine. `npm start` names those that a manifest gives, so that nobody waits for them. */
import type { OcppCluster } from '../../api/ocpp-cluster.ts';

const WHERE_PODS_RUN = [
  'affinity',
  'nodeSelector',
  'priorityClassName',
  'tolerations',
  'topologySpreadConstraints',
];
const IGNORED = [
  'image',
  'upgrade',
  'proxy.service',
  'proxy.ingress',
  'proxy.gateway',
  'monitoring',
  'networkPolicy',
  ...['proxy', 'processor', 'redis.embedded'].flatMap((part) =>
    WHERE_PODS_RUN.map((field) => `${part}.podTemplate.${field}`),
  ),
];

/** Their paths, such as `spec.proxy.ingress`, in a fixed order. */
export function ignoredFields({ spec }: OcppCluster): string[] {
  return IGNORED.filter((path) => at(spec, path.split('.')) !== undefined).map((path) => `spec.${path}`);
}

function at(value: unknown, path: readonly string[]): unknown {
  const [field, ...rest] = path;
  if (field === undefined || typeof value !== 'object' || value === null) return value;
  return at((value as Readonly<Record<string, unknown>>)[field], rest);
}
