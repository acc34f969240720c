/**
 * Which socket of a ws-proxy Pod serves which listener. Each has its own, as one may speak TLS and another not.
 *
 * The first listener has the socket that a Pod has always had, so a Service port may change without a new Pod.
 * The sockets of the further ones are named after them: while Pods are replaced because a listener came or went,
 * the Service sends stations only to Pods that have their listener.
 */
import { createHash } from 'node:crypto';
import { PORT } from '../../services/contract.ts';
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';

export interface StationPort {
  /** Of the listener, and of the Service's port. */
  readonly listener: string;
  readonly servicePort: number;
  /** Kubernetes picks one where it is left out and one is needed. */
  readonly nodePort?: number;
  readonly path: string;
  /** Of the container's port. */
  readonly name: string;
  readonly containerPort: number;
}

/** In the order of the listeners. */
export function stationPorts({ listeners }: Pick<DefaultedSpec, 'listeners'>): StationPort[] {
  // By name: an order that another tool chose for the list replaces no Pod.
  const further = listeners
    .slice(1)
    .map(({ name }) => name)
    .sort();
  return listeners.map(({ name, port, path, nodePort }, index) => ({
    listener: name,
    servicePort: port,
    ...(nodePort !== undefined && { nodePort }),
    path,
    name: index === 0 ? 'stations' : portName(name),
    containerPort: index === 0 ? PORT.stations : PORT.stations + 1 + further.indexOf(name),
  }));
}

/** A listener's own name may be no port name (`a--b`) or one that is taken (`admin`). */
const portName = (listener: string) =>
  `ws-${createHash('sha256').update(listener).digest('hex').slice(0, 8)}`;
