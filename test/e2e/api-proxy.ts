/** The API server through one `kubectl proxy`: a kubectl per request would take more of the machine than what is tested. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

const START_MS = 15_000;
const REQUEST_MS = 5000;
const DISCOVERY = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Aggregated discovery, as much of it as is used here. */
interface Discovery {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly singularResource: string;
        readonly scope: 'Cluster' | 'Namespaced';
      }[];
    }[];
  }[];
}

type Paths = Map<string, (namespace: string) => string>;

/** The response of a failed request. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class ApiProxy implements Disposable {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #paths: Paths = new Map();
  readonly #kill = () => void this.#child.kill();

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
    process.once('exit', this.#kill);
  }

  /** @throws Error with what kubectl said, when it does not serve within 15 s */
  static start(): Promise<ApiProxy> {
    const child = spawn('kubectl', ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        child.kill();
        reject(new Error(`kubectl proxy ${why}: ${said}`));
      };
      const timer = setTimeout(() => fail('did not start in time'), START_MS);
      child.once('error', reject);
      child.once('exit', (code) => fail(`ended with ${code}`));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const address = /\d+\.\d+\.\d+\.\d+:\d+/.exec(line)?.[0];
        if (address === undefined) return;
        clearTimeout(timer);
        // It does not keep this process alive.
        child.unref();
        for (const pipe of [child.stdout, child.stderr]) (pipe as Socket).unref();
        resolve(new ApiProxy(child, `http://${address}`));
      });
    });
  }

  /** @throws ApiError for another response than success */
  async text(path: string, patienceMs = REQUEST_MS, accept = 'application/json'): Promise<string> {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch(this.#url + path, { signal, headers: { accept } });
    const body = await response.text();
    if (!response.ok)
      throw new ApiError(response.status, `${path}: ${response.status} ${body.slice(0, 200)}`);
    return body;
  }

  async json<T>(path: string, patienceMs?: number): Promise<T> {
    return JSON.parse(await this.text(path, patienceMs)) as T;
  }

  /**
   * Where the objects of a kind are.
   * @param kind resource in the singular or plural, as kubectl takes it
   */
  async path(kind: string, namespace: string): Promise<string> {
    const found = this.#paths.get(kind) ?? (await this.#discover()).get(kind);
    if (found === undefined) throw new ApiError(404, `the server doesn't have a resource type "${kind}"`);
    return found(namespace);
  }

  /** Again for a kind that is not known, as definitions are installed meanwhile. The core group wins. */
  async #discover(): Promise<Paths> {
    for (const root of ['/apis', '/api']) {
      const { items } = JSON.parse(await this.text(root, 30_000, DISCOVERY)) as Discovery;
      for (const { metadata, versions } of items.toReversed()) {
        const [newest] = versions;
        if (newest === undefined) continue;
        const group = [root, metadata.name, newest.version].filter(Boolean).join('/');
        for (const { resource, singularResource, scope } of newest.resources ?? []) {
          const path = (namespace: string) =>
            scope === 'Cluster' ? `${group}/${resource}` : `${group}/namespaces/${namespace}/${resource}`;
          this.#paths.set(resource, path).set(singularResource, path);
        }
      }
    }
    return this.#paths;
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#kill);
    this.#child.kill();
  }
}
