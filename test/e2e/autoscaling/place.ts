/** The cluster of the autoscaling tests: processors that handle one message at a time, each after 20 ms. */
import { API_VERSION, KIND } from '../../../operator/api/ocpp-cluster.ts';
import { apply, condition, get, kubectl, list, type Manifest } from '../kubectl.ts';
import { signalContainer } from '../processes.ts';
import type { RedisPod } from '../redis.ts';
import type { Image } from '../release.ts';

export const port: RedisPod = { cluster: 'port', namespace: 'ocpp-e2e-port' };
/** Also the time between two steps of scale-in. */
export const WINDOW_SECONDS = 10;
export const MOST = 12;

interface Pod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly uid: string; readonly deletionTimestamp?: string };
}

export interface Status {
  readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
  readonly autoscaling?: {
    readonly desiredReplicas?: number;
    readonly capacityPerReplica?: number;
    readonly reason?: string;
    readonly inputs?: { readonly source?: string };
  };
}

export async function createPort(slow: Image): Promise<void> {
  const { cluster: name, namespace } = port;
  const resources = { requests: { cpu: '10m', memory: '64Mi' } };
  const processor = {
    image: `${slow.repository}:${slow.tag}`,
    concurrency: 1,
    unknownTokens: 'Accept',
    podTemplate: { resources },
    autoscaling: { maxReplicas: MOST, scaleDownStabilizationSeconds: WINDOW_SECONDS },
  };
  const spec = { proxy: { podTemplate: { resources } }, processor };
  await apply({ apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace }, spec });
  await condition(name, namespace, 'Available', 120);
}

export const statusOfPort = async (): Promise<Status> =>
  (await get<{ status?: Status }>('ocppcluster', port.cluster, port.namespace))?.status ?? {};

export const activeOfPort = async () =>
  (await statusOfPort()).conditions?.find(({ type }) => type === 'AutoscalingActive');

export async function podsOfPort(component: string): Promise<readonly Pod[]> {
  const selector = `app.kubernetes.io/instance=${port.cluster},app.kubernetes.io/component=${component}`;
  const pods = await list<Pod>('pods', port.namespace, selector);
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Stops the process of the Pod: its sockets stay open, and nothing answers. @returns lets it run on */
export function freeze({ metadata }: Pod, program: string): () => void {
  signalContainer(metadata.uid, program, 'SIGSTOP');
  return () => signalContainer(metadata.uid, program, 'SIGCONT');
}

/** Messages of the Events of the cluster, by reason. */
export async function eventsOfPort(reason: string): Promise<string> {
  const { namespace } = port;
  const fields = `reason=${reason},involvedObject.kind=${KIND}`;
  const form = 'jsonpath={range .items[*]}{.message}{.note}{"\\n"}{end}';
  return kubectl(['get', 'events', '-n', namespace, `--field-selector=${fields}`, '-o', form]);
}
