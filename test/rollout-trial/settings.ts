/** Sizes and times of a trial, and the OcppCluster that they ask for. Pure. */

export interface TrialSettings {
  readonly stations: number;
  readonly proxies: number;
  /** Closes per second of the whole cluster. */
  readonly ratePerSecond: number;
  /** How long a new ws-proxy Pod takes to be ready, beyond its start. */
  readonly readyAfterSeconds: number;
  readonly minReadySeconds: number;
  readonly returnWithinSeconds: number;
  readonly deadlineSeconds: number;
  readonly transactions: 'Wait' | 'Close';
  /** Share of the stations that charges for longer than the deadline. */
  readonly longChargingShare: number;
  /** Mean time between two messages of a station. */
  readonly cadenceSeconds: number;
  /** Factor on the pauses of firmware before it reconnects. */
  readonly reconnectScale?: number;
  /** Handshakes per second of the whole cluster; without it the default. */
  readonly connectRate?: number;
  /** Longest time of one wait. */
  readonly limitSeconds: number;
}

export const DEFAULTS: TrialSettings = {
  stations: 2000,
  proxies: 4,
  ratePerSecond: 50,
  readyAfterSeconds: 15,
  minReadySeconds: 10,
  returnWithinSeconds: 120,
  deadlineSeconds: 60,
  transactions: 'Close',
  longChargingShare: 0.2,
  cadenceSeconds: 10,
  limitSeconds: 600,
};

export interface EnvVariable {
  readonly name: string;
  readonly value: string;
}

/** JavaScript that a program runs before its own. The image sets the first option itself. */
export const runFirst = (script: string): EnvVariable => ({
  name: 'NODE_OPTIONS',
  value: `--enable-source-maps --import=data:text/javascript,${encodeURIComponent(script)}`,
});

export const readyAfter = (seconds: number): EnvVariable =>
  runFirst(`await new Promise((ready) => setTimeout(ready, ${seconds * 1000}))`);

/** The spec of a trial's OcppCluster. @param env variables of the ws-proxy Pods; a later one of the same name counts */
export function clusterSpec(settings: TrialSettings, env: readonly EnvVariable[] = []) {
  const { stations, proxies, ratePerSecond, deadlineSeconds, transactions, readyAfterSeconds } = settings;
  const variables = new Map([readyAfter(readyAfterSeconds), ...env].map((one) => [one.name, one]));
  const { minReadySeconds, returnWithinSeconds, connectRate } = settings;
  return {
    proxy: {
      replicas: proxies,
      // Half of the Pods have room for all.
      maxSessionsPerPod: Math.min(Math.max(stations, 10), ratePerSecond * deadlineSeconds),
      drain: { ratePerSecond, deadlineSeconds, transactions },
      rollout: { minReadySeconds, returnWithinSeconds },
      podTemplate: { env: [...variables.values()] },
      ...(connectRate !== undefined && { admission: { connectionsPerSecond: connectRate } }),
      ...(process.env['E2E_ADDRESS'] === 'NodePort' && {
        service: { type: 'NodePort', externalTrafficPolicy: 'Cluster' },
      }),
    },
    processor: { replicas: 2, unknownTokens: 'Accept' },
    redis: { embedded: { storage: { onDelete: 'Delete' } } },
  };
}
