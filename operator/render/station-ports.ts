/**
 * Which container port of a ws-proxy Pod serves which listener: each listener has its own, as only some may use TLS.
 *
 * The first listener has a fixed container port, so its Service port can change without a new Pod. The container ports
 * of further listeners are named after them: during a rollout that adds or removes a listener, the Service routes
 * stations only to Pods that have it.
 */
import type { DefaultedListener, DefaultedSpec } from '../api/ocpp-cluster.ts';
import { createHash } from 'node:crypto';
import { PORT } from '../../services/contract.ts';

export interface StationPort {
  /** Name of the listener and of the Service port. */
  readonly listener: string;
  readonly servicePort: number;
  /** Absent: Kubernetes picks one if the Service type needs it. */
  readonly nodePort?: number;
  readonly path: string;
  /** The Pod itself terminates TLS. */
  readonly isTls: boolean;
  /** Name of the container port. */
  readonly name: string;
  readonly containerPort: number;
}

/** Whether connections are encrypted up to the Pod. */
export const hasOwnTls = ({ tls }: { readonly tls?: DefaultedListener['tls'] | undefined }): boolean =>
  tls?.termination === 'Proxy';

/** In the order of the listeners. */
export function stationPorts({ listeners }: Pick<DefaultedSpec, 'listeners'>): StationPort[] {
  // Sorted by name: reordering the list replaces no Pod.
  const further = listeners
    .slice(1)
    .map(({ name }) => name)
    .sort();
  return listeners.map(({ name, port, path, nodePort, tls }, index) => ({
    listener: name,
    servicePort: port,
    ...(nodePort !== undefined && { nodePort }),
    path,
    isTls: hasOwnTls({ tls }),
    name: index === 0 ? 'stations' : portName(name),
    containerPort: index === 0 ? PORT.stations : PORT.stations + 1 + further.indexOf(name),
  }));
}

/** The name of a listener may be an invalid port name (`a--b`) or a used one (`admin`). */
const portName = (listener: string) =>
  `ws-${createHash('sha256').update(listener).digest('hex').slice(0, 8)}`;
