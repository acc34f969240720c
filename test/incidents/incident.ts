/** What an incident is, for the test that plays it and for the test of docs/incidents.md. */
import type { ExecutionContext } from 'ava';
import { CLUSTER, type Network, type Patch } from './network.ts';
import type { Pictured } from './pictures.ts';

export interface Incident extends Pictured {
  /** A heading of docs/incidents.md. */
  readonly name: string;
  /** The alert that wakes a person. */
  readonly alert: string;
  /** What the page Network says, and nothing says while the network is healthy. */
  readonly says: readonly string[];
  /** The commands of the page that repair it; empty: the repair is elsewhere. */
  readonly commands: readonly string[];
  /** Makes it happen. */
  happen(network: Network): Promise<void>;
  /** While it lasts: what still works. */
  meanwhile?(t: ExecutionContext, network: Network): Promise<void>;
  /** What the commands do. */
  repair(network: Network): Promise<void>;
  /** Beyond a healthy page without alerts. */
  after?(t: ExecutionContext, network: Network): Promise<void>;
}

/** `kubectl` with a change of the OcppCluster, as a command and as what it does. */
export function patchStep(change: Patch): Pick<Incident, 'commands' | 'repair'> {
  const { namespace, name } = CLUSTER;
  return {
    commands: [`kubectl -n ${namespace} patch ocpp ${name} --type merge -p '${JSON.stringify(change)}'`],
    repair: (network) => network.patch(change),
  };
}
