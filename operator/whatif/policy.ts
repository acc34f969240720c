/** The policy of a replay: an OcppCluster, or only the fields of its spec.processor.autoscaling. Checked as an API server does. */
import { parseAllDocuments } from 'yaml';
import { defaultedSpec } from '../api/defaults.ts';
import { API_VERSION, KIND, type OcppCluster } from '../api/ocpp-cluster.ts';
import { validateCluster } from '../api/validate.ts';
import type { ScalingPolicy } from '../scaling/decision.ts';

export interface Policy {
  readonly autoscaling: ScalingPolicy;
  readonly concurrency: number;
}

export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

const PREFIX = 'spec.processor.autoscaling.';

/** @param text of the file @throws PolicyError */
export function policyOf(text: string): Policy {
  const fields = documentIn(text);
  const isManifest = 'kind' in fields || 'apiVersion' in fields || 'spec' in fields;
  const cluster = isManifest ? (fields as unknown as OcppCluster) : around(fields);
  const [problem] = validateCluster(cluster);
  if (problem !== undefined) {
    const field = isManifest ? problem.field : problem.field.replace(PREFIX, '');
    throw new PolicyError([field, problem.reason].filter((part) => part !== '').join(': '));
  }
  const { autoscaling, concurrency } = defaultedSpec(cluster).processor;
  return { autoscaling, concurrency };
}

const around = (autoscaling: object): OcppCluster => ({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'policy', namespace: 'default' },
  spec: { processor: { autoscaling } },
});

/** The OcppCluster among several documents, or the only document. An empty one has all defaults. */
function documentIn(text: string): object {
  const documents = parseAllDocuments(text);
  const all = Array.isArray(documents) ? documents : [];
  const [error] = all.flatMap(({ errors }) => errors);
  if (error !== undefined) throw new PolicyError(`not YAML: ${error.message.split('\n')[0]}`);
  const found = all.map((one) => (one.toJS() ?? {}) as Partial<OcppCluster>);
  const clusters = found.filter(({ kind }) => kind === KIND);
  if (clusters.length > 1) throw new PolicyError(`the policy has ${clusters.length} OcppClusters: give one`);
  if (clusters.length === 0 && found.length > 1) throw new PolicyError('the policy has no OcppCluster');
  const chosen = clusters[0] ?? found[0] ?? {};
  if (typeof chosen !== 'object' || Array.isArray(chosen)) {
    throw new PolicyError('the policy is neither an OcppCluster nor fields of spec.processor.autoscaling');
  }
  return chosen;
}
