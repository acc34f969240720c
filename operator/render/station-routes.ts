/** What an Ingress or a Gateway has to know of the listeners: which path leads to which port of the Service. */
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';

export interface StationRoute {
  readonly path: string;
  /** Name and number of the Service's port. */
  readonly portName: string;
  readonly port: number;
}

/** Of listeners with the same path the first: behind one address they cannot be told apart. */
export function stationRoutes({ listeners }: Pick<DefaultedSpec, 'listeners'>): StationRoute[] {
  return listeners
    .filter(({ path }, index) => listeners.findIndex((other) => other.path === path) === index)
    .map(({ name, port, path }) => ({ path, portName: name, port }));
}
