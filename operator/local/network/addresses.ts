/**
 * Loopback addresses for Pods and Services. Each gets an address of its own (127.x.y.z) and keeps its
 * port numbers, as in a cluster. Where there is only 127.0.0.1 (macOS), or somebody else holds the
 * port on every address, a free port takes the place of the wanted one.
 */
import { randomInt } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';

const SHARED = '127.0.0.1';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export class Addresses {
  readonly #prefix: string;
  readonly #separate: boolean;
  readonly #hosts = new Map<string, string>();
  readonly #ports = new Map<string, number>();
  #last = 0;

  private constructor(prefix: string, separate: boolean) {
    this.#prefix = prefix;
    this.#separate = separate;
  }

  /** @param separate whether there is more than 127.0.0.1; found out where left out */
  static async open(separate?: boolean): Promise<Addresses> {
    // A random network, so that two runs on one machine do not meet.
    const prefix = `127.${randomInt(16, 250)}`;
    return new Addresses(prefix, separate ?? (await freePort(`${prefix}.0.1`, 0)) !== undefined);
  }

  /** The address of `owner`, the same until it is released. */
  host(owner: string): string {
    if (!this.#separate) return SHARED;
    let host = this.#hosts.get(owner);
    if (host === undefined) {
      this.#last = (this.#last % 65_000) + 1;
      host = `${this.#prefix}.${this.#last >> 8}.${this.#last & 255}`;
      this.#hosts.set(owner, host);
    }
    return host;
  }

  /** Where `owner` listens instead of `port`: there, or, if that cannot be had, on a free port. */
  async endpoint(owner: string, port: number): Promise<Endpoint> {
    const host = this.host(owner);
    const key = `${owner}:${port}`;
    let mapped = this.#ports.get(key);
    if (mapped === undefined) {
      mapped = (this.#separate ? await freePort(host, port) : undefined) ?? (await freePort(host, 0)) ?? port;
      this.#ports.set(key, mapped);
    }
    return { host, port: mapped };
  }

  release(owner: string): void {
    this.#hosts.delete(owner);
    for (const key of this.#ports.keys()) {
      if (key.startsWith(`${owner}:`)) this.#ports.delete(key);
    }
  }
}

/** `port` (or any, for 0) if something could listen there now; undefined if not. */
export function freePort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => {
      const found = (server.address() as AddressInfo).port;
      server.close(() => resolve(found));
    });
  });
}
