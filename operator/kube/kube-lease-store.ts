/** The Lease of the leader election on an API server. PUT with the version read is the compare-and-swap. */
import type { Lease, LeaseSpec, LeaseStore } from '../controller/lease.ts';
import type { KubeHttp } from './http.ts';
import { StoreError } from './object-store.ts';

interface LeaseObject {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: Partial<LeaseSpec>;
}

export class KubeLeaseStore implements LeaseStore {
  readonly #http: KubeHttp;
  readonly #name: string;
  readonly #namespace: string;

  constructor(http: KubeHttp, lease: { readonly name: string; readonly namespace: string }) {
    this.#http = http;
    this.#name = lease.name;
    this.#namespace = lease.namespace;
  }

  async get(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return leaseOf(await this.#http.json({ method: 'GET', path: this.#path(this.#name), signal }));
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async create(spec: LeaseSpec, signal: AbortSignal): Promise<Lease> {
    const body = this.#object(spec);
    return leaseOf(await this.#http.json({ method: 'POST', path: this.#path(), body, signal }));
  }

  async update(spec: LeaseSpec, version: string, signal: AbortSignal): Promise<Lease> {
    const body = this.#object(spec, version);
    return leaseOf(await this.#http.json({ method: 'PUT', path: this.#path(this.#name), body, signal }));
  }

  #path(name = ''): string {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(this.#namespace)}/leases`;
    return name === '' ? leases : `${leases}/${encodeURIComponent(name)}`;
  }

  #object(spec: LeaseSpec, resourceVersion?: string): object {
    const metadata = { name: this.#name, namespace: this.#namespace, resourceVersion };
    // No holder is written as null: the API server refuses an empty string.
    const holderIdentity = spec.holderIdentity === '' ? null : spec.holderIdentity;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec: { ...spec, holderIdentity },
    };
  }
}

/** A Lease created by hand may have an empty spec: it has no holder. */
function leaseOf(answer: unknown): Lease {
  const { metadata, spec = {} } = answer as LeaseObject;
  return {
    version: metadata.resourceVersion,
    spec: {
      holderIdentity: spec.holderIdentity ?? '',
      leaseDurationSeconds: spec.leaseDurationSeconds ?? 1,
      acquireTime: spec.acquireTime ?? '',
      renewTime: spec.renewTime ?? '',
      leaseTransitions: spec.leaseTransitions ?? 0,
    },
  };
}
