/**
 * The kube-proxy of one Service port: it forwards each connection to the ready Pod with the fewest, through two pipes with
 * back-pressure. A Pod that is no longer ready gets no new connections and keeps its open ones, as in a cluster.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Endpoint } from './addresses.ts';

const CONNECT_TIMEOUT_MS = 2000;

export class Balancer {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  /** Connections by backend. */
  readonly #load = new Map<string, number>();
  #backends: readonly Endpoint[] = [];
  #reconcile = 0;

  private constructor() {
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
      void this.#serve(client);
    });
  }

  /** @throws the error of listen(), such as EADDRINUSE */
  static async listen(at: Endpoint): Promise<Balancer> {
    const balancer = new Balancer();
    await new Promise<void>((resolve, reject) => {
      balancer.#server.once('error', reject);
      balancer.#server.listen(at.port, at.host, resolve);
    });
    return balancer;
  }

  /** Sets the ready Pods. */
  route(backends: readonly Endpoint[]): void {
    this.#backends = backends;
  }

  /** Stops listening and closes open connections. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const client of this.#open) client.destroy();
    await closed;
  }

  async #serve(client: Socket): Promise<void> {
    client.on('error', () => client.destroy());
    client.setNoDelay(true);
    for (const backend of this.#byLoad()) {
      const pod = await dial(backend);
      if (pod === undefined) continue;
      if (client.destroyed) return void pod.destroy();
      this.#count(client, keyOf(backend));
      join(client, pod);
      return;
    }
    // No Pod is ready: reset, as in a cluster.
    client.resetAndDestroy();
  }

  #count(client: Socket, backend: string): void {
    this.#open.add(client);
    this.#load.set(backend, (this.#load.get(backend) ?? 0) + 1);
    client.once('close', () => {
      this.#open.delete(client);
      const left = (this.#load.get(backend) ?? 1) - 1;
      if (left > 0) this.#load.set(backend, left);
      else this.#load.delete(backend);
    });
  }

  /** Least loaded first; equals in turn. */
  #byLoad(): Endpoint[] {
    const load = (backend: Endpoint) => this.#load.get(keyOf(backend)) ?? 0;
    this.#reconcile = (this.#reconcile + 1) % Math.max(1, this.#backends.length);
    const turned = [...this.#backends.slice(this.#reconcile), ...this.#backends.slice(0, this.#reconcile)];
    return turned.sort((a, b) => load(a) - load(b));
  }
}

/** Pipes both ways, with half-close; an error on one side resets the other. */
function join(client: Socket, pod: Socket): void {
  for (const [from, to] of [
    [client, pod],
    [pod, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => to.end());
  }
}

const keyOf = ({ host, port }: Endpoint) => `${host}:${port}`;

function dial({ host, port }: Endpoint): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const fail = () => {
      socket.destroy();
      resolve(undefined);
    };
    const timer = setTimeout(fail, CONNECT_TIMEOUT_MS);
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
