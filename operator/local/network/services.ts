/**
 * Services: where each listens on this machine, and its balancers. Those that clients outside of the cluster use listen on 127.0.0.1;
 * each of the others has its own loopback address.
 */
import type { KubeObject } from '../../kube/object-store.ts';
import { type Addresses, type Endpoint, LOOPBACK } from './addresses.ts';
import { Balancer } from './balancer.ts';
import {
  containerPort,
  isReady,
  nameOf,
  type Pod,
  selects,
  type Service,
  type ServicePort,
} from '../kinds.ts';

/** Annotation of a Pod: the owner of its address. */
export const ADDRESS_OWNER = 'local.ocpp.dev/address-owner';

/** The ports on 127.0.0.1: `same` as those of the Service, or this one, and another if it is taken. */
export type Outside = 'same' | number;

export class ServicePorts {
  readonly #addresses: Addresses;
  readonly #outside: (service: KubeObject) => Outside | undefined;
  readonly #report: (service: KubeObject, message: string) => void;
  /** By `namespace/name:port`. */
  #endpoints = new Map<string, Endpoint>();
  readonly #balancers = new Map<string, Balancer>();

  /**
   * @param outside of Services that clients outside of the cluster use
   * @param report gets the problem of a Service; empty when there is none
   */
  constructor(
    addresses: Addresses,
    outside: (service: KubeObject) => Outside | undefined,
    report: (service: KubeObject, message: string) => void,
  ) {
    this.#addresses = addresses;
    this.#outside = outside;
    this.#report = report;
  }

  /** Assigns the endpoints of all Services. */
  async locate(services: readonly Service[]): Promise<void> {
    const found = new Map<string, Endpoint>();
    const fixed = new Set(
      services
        .filter((service) => this.#outside(service) === 'same')
        .flatMap(({ spec }) => (spec.ports ?? []).map(({ port }) => port)),
    );
    for (const service of services) {
      const { namespace = 'default', name } = service.metadata;
      for (const { port } of service.spec.ports ?? []) {
        const outside = this.#outside(service);
        const owner = `${namespace}/service/${name}`;
        if (outside === undefined)
          found.set(keyOf(service, port), await this.#addresses.endpoint(owner, port));
        else if (outside === 'same') found.set(keyOf(service, port), { host: LOOPBACK, port });
        else
          found.set(
            keyOf(service, port),
            await this.#addresses.outside(owner, fixed.has(outside) ? 0 : outside),
          );
      }
    }
    this.#endpoints = found;
  }

  endpoint(namespace: string, name: string, port: number): Endpoint | undefined {
    return this.#endpoints.get(`${namespace}/${name}:${port}`);
  }

  /** Listens for the Service and routes to its ready Pods. Returns its status, if it has one. */
  async route(service: Service, pods: readonly Pod[]): Promise<object | undefined> {
    const { selector, ports = [] } = service.spec;
    if (selector === undefined) return undefined;
    const ready = pods.filter(
      (pod) =>
        pod.metadata.namespace === service.metadata.namespace && selects(selector, pod) && isReady(pod),
    );
    const problems: string[] = [];
    for (const port of ports) {
      const balancer = await this.#balancer(service, port).catch((error: NodeJS.ErrnoException) => {
        problems.push(describe(service, port, error));
      });
      balancer?.route(await this.#backends(ready, port));
    }
    this.#report(service, problems.join('; '));
    return service.spec.type === 'LoadBalancer'
      ? { loadBalancer: { ingress: [{ ip: LOOPBACK }] } }
      : undefined;
  }

  /** Refuses new connections; open ones stay. */
  refuse(): void {
    for (const balancer of this.#balancers.values()) balancer.route([]);
  }

  async close(): Promise<void> {
    await this.closeAllBut([]);
  }

  async closeAllBut(services: readonly Service[]): Promise<void> {
    const wanted = new Set(
      services.flatMap((service) => (service.spec.ports ?? []).map(({ port }) => keyOf(service, port))),
    );
    for (const [key, balancer] of this.#balancers) {
      if (wanted.has(key)) continue;
      this.#balancers.delete(key);
      await balancer.close();
    }
  }

  async #balancer(service: Service, { port }: ServicePort): Promise<Balancer> {
    const key = keyOf(service, port);
    const known = this.#balancers.get(key);
    if (known !== undefined) return known;
    const balancer = await Balancer.listen(this.#endpoints.get(key) ?? { host: LOOPBACK, port });
    this.#balancers.set(key, balancer);
    return balancer;
  }

  async #backends(pods: readonly Pod[], { port, targetPort = port }: ServicePort): Promise<Endpoint[]> {
    const backends: Endpoint[] = [];
    for (const pod of pods) {
      const owner = pod.metadata.annotations?.[ADDRESS_OWNER] ?? '';
      // A number is the port in the template; the Pod may have another one.
      const mapped =
        typeof targetPort === 'number'
          ? (await this.#addresses.endpoint(owner, targetPort)).port
          : containerPort(pod.spec, targetPort);
      if (mapped !== undefined) backends.push({ host: this.#addresses.host(owner), port: mapped });
    }
    return backends;
  }
}

const keyOf = (service: Service, port: number) => `${nameOf(service)}:${port}`;

function describe(service: Service, { name, port }: ServicePort, error: NodeJS.ErrnoException): string {
  if (error.code !== 'EADDRINUSE') return `cannot listen on port ${port}: ${error.message}`;
  return `port ${port} is taken by another program: end that, or give the listener ${name} of ${service.metadata.name} another port`;
}
