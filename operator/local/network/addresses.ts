/**
 * Loopback addresses for Pods and Services. Each has its own address (127.x.y.z) and keeps its port numbers, as in a
 * cluster. With 127.0.0.1 only (macOS), or where another program listens on the port of every address, a free port
 * replaces the wanted one.
 */
import { randomInt } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';

/** Where stations connect; the only address of some machines. */
export const LOOPBACK = '127.0.0.1';
/** Listening here reserves the network of a run: two runs on one machine do not collide. */
const RESERVATION = { host: '255.254', port: 47_808 };
const TRIES = 20;

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

  /** @param separate whether there are addresses besides 127.0.0.1; default: probed */
  static async open(separate?: boolean): Promise<Addresses> {
    if (separate === false) return new Addresses('', false);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const prefix = `127.${randomInt(16, 250)}`;
      if (await reserve(prefix)) return new Addresses(prefix, true);
    }
    return new Addresses('', false);
  }

  /** The address of `owner`, the same until release(). */
  host(owner: string): string {
    if (!this.#separate) return LOOPBACK;
    let host = this.#hosts.get(owner);
    if (host === undefined) {
      this.#last = (this.#last % 65_000) + 1;
      host = `${this.#prefix}.${this.#last >> 8}.${this.#last & 255}`;
      this.#hosts.set(owner, host);
    }
    return host;
  }

  /** Where `owner` listens for `port`: on that port, or on a free one if it is taken. */
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

  /** Where `owner` listens for clients that know only 127.0.0.1: on that port (0: any), or on a free one if it is taken. */
  async outside(owner: string, port: number): Promise<Endpoint> {
    const key = `${owner}:outside:${port}`;
    const found =
      this.#ports.get(key) ?? (await this.#freeOutside(port)) ?? (await freePort(LOOPBACK, 0)) ?? port;
    this.#ports.set(key, found);
    return { host: LOOPBACK, port: found };
  }

  /** Another Service may have been given the port, and not listen yet. */
  async #freeOutside(port: number): Promise<number | undefined> {
    const isGiven = [...this.#ports].some(([key, given]) => given === port && key.includes(':outside:'));
    return isGiven ? undefined : freePort(LOOPBACK, port);
  }

  release(owner: string): void {
    this.#hosts.delete(owner);
    for (const key of this.#ports.keys()) {
      if (key.startsWith(`${owner}:`)) this.#ports.delete(key);
    }
  }
}

/** Until the process ends. */
function reserve(prefix: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => resolve(false));
    server.listen(RESERVATION.port, `${prefix}.${RESERVATION.host}`, () => resolve(true));
  });
}

/** `port` (0: any) if it is free now; undefined if not. */
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
