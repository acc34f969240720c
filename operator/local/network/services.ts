/**
 * Services: where each listens on this machine, and the balancer behind it. Those for the world outside
 * listen on 127.0.0.1; the others have a loopback address of their own.
 */
import type { KubeObject } from '../../kube/object-store.ts';
import type { Addresses, Endpoint } from './addresses.ts';
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

/** Annotation of a Pod: in whose name its address was given out. */
export const ADDRESS_OWNER = 'local.ocpp.dev/address-owner';
const OUTSIDE = '127.0.0.1';

export class ServicePorts {
  readonly #addresses: Addresses;
  readonly #isOutside: (service: KubeObject) => boolean;
  readonly #tell: (service: KubeObject, message: string) => void;
  /** `namespace/name:port` → where that listens. */
  #endpoints = new Map<string, Endpoint>();
  readonly #balancers = new Map<string, Balancer>();

  /**
   * @param isOutside whether the Service is for the world outside
   * @param tell takes what is wrong with a Service, or an empty text when nothing is
   */
  constructor(
    addresses: Addresses,
    isOutside: (service: KubeObject) => boolean,
    tell: (service: KubeObject, message: string) => void,
  ) {
    this.#addresses = addresses;
    this.#isOutside = isOutside;
    this.#tell = tell;
  }

  /** The names table, anew. */
  async locate(services: readonly Service[]): Promise<void> {
    const found = new Map<string, Endpoint>();
    for (const service of services) {
      const { namespace = 'default', name } = service.metadata;
      for (const { port } of service.spec.ports ?? []) {
        const at = this.#isOutside(service)
          ? { host: OUTSIDE, port }
          : await this.#addresses.endpoint(`${namespace}/service/${name}`, port);
        found.set(keyOf(service, port), at);
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
    this.#tell(service, problems.join('; '));
    return service.spec.type === 'LoadBalancer'
      ? { loadBalancer: { ingress: [{ ip: OUTSIDE }] } }
      : undefined;
  }

  /** New connections are refused from now on; open ones stay. */
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
    const balancer = await Balancer.listen(this.#endpoints.get(key) ?? { host: OUTSIDE, port });
    this.#balancers.set(key, balancer);
    return balancer;
  }

  async #backends(pods: readonly Pod[], { port, targetPort = port }: ServicePort): Promise<Endpoint[]> {
    const backends: Endpoint[] = [];
    for (const pod of pods) {
      const owner = pod.metadata.annotations?.[ADDRESS_OWNER] ?? '';
      // By number it is the port that the template wanted, which the Pod may not have got.
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
