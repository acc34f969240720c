/** The Lease of the leader election, as LeaderElector sees it. */

/** The spec of a coordination.k8s.io/v1 Lease. Times are MicroTime, such as 2026-01-31T12:00:00.000000Z. */
export interface LeaseSpec {
  /** Empty: the Lease was released. */
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

export interface Lease {
  readonly spec: LeaseSpec;
  /** The resourceVersion. */
  readonly version: string;
}

/** One Lease object. create and update throw StoreError `conflict` when another process was faster. */
export interface LeaseStore {
  get(signal: AbortSignal): Promise<Lease | undefined>;
  create(spec: LeaseSpec, signal: AbortSignal): Promise<Lease>;
  update(spec: LeaseSpec, version: string, signal: AbortSignal): Promise<Lease>;
}
