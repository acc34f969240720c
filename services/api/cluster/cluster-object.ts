/**
 * Reads the OcppCluster object from its URL, for the status that the operator reports there. One reading serves all requests of
 * two seconds, and a failure is a text that says why.
 */
import { getText, type Place, quoted } from './get-text.ts';
import { sharedReading } from './shared-reading.ts';

export interface ClusterObject {
  readonly name: string;
  readonly namespace?: string;
  /** Bounds of the autoscaler of processors; absent while it is off. */
  readonly processorLimits?: { readonly minReplicas: number; readonly maxReplicas: number };
  readonly status: object;
}

export type ClusterReading = { readonly cluster?: ClusterObject; readonly clusterProblem?: string };

/** ms */
const TIMEOUT = 2000;
const CACHED = 2000;
/** An object of Kubernetes has at most 1.5 MiB. */
const MAX_BYTES = 2 ** 21;

/** @param place with the URL of the object; '' for none @returns reads the object; never rejects, and resolves to an empty object without a URL */
export function createClusterReader(place: Place): () => Promise<ClusterReading> {
  if (place.url === '') return () => Promise.resolve({});
  return sharedReading(CACHED, () =>
    read(place).then(
      (cluster) => ({ cluster }),
      (error: unknown) => ({ clusterProblem: problemOf(place, error) }),
    ),
  );
}

async function read(place: Place): Promise<ClusterObject> {
  const { status, text } = await getText(place, { timeoutMs: TIMEOUT, maxBytes: MAX_BYTES });
  if (status !== 200) throw new Error(`it answered ${status}${hintOf(status)}`);
  return objectIn(text);
}

function objectIn(text: string): ClusterObject {
  const parsed = jsonOf(text);
  const { metadata, spec, status } = (parsed ?? {}) as ParsedObject;
  if (typeof metadata?.name !== 'string') throw new Error('it answered with no object of Kubernetes');
  const { name, namespace } = metadata;
  return {
    name,
    ...(typeof namespace === 'string' && { namespace }),
    ...limitsOf(spec),
    status: typeof status === 'object' && status !== null ? status : {},
  };
}

interface ParsedObject {
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown };
  readonly spec?: Spec | null;
  readonly status?: unknown;
}

interface Spec {
  readonly processor?: {
    readonly autoscaling?: {
      readonly mode?: unknown;
      readonly minReplicas?: unknown;
      readonly maxReplicas?: unknown;
    };
  };
}

/** The API server has filled in the defaults. */
function limitsOf(spec: Spec | null | undefined): Pick<ClusterObject, 'processorLimits'> {
  const { mode, minReplicas, maxReplicas } = spec?.processor?.autoscaling ?? {};
  if (mode === 'Off' || typeof minReplicas !== 'number' || typeof maxReplicas !== 'number') return {};
  return { processorLimits: { minReplicas, maxReplicas } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it answered with no JSON');
  }
}

function hintOf(status: number | undefined): string {
  if (status === 401 || status === 403)
    return ': check its token, and that the role permits `get` of this object';
  return status === 404 ? ': check its URL' : '';
}

function problemOf({ url }: Place, error: unknown): string {
  return `the OcppCluster object cannot be read from ${quoted(url)}: ${(error as Error).message}`;
}
