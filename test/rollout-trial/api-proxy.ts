/** The API server through one `kubectl proxy`: a kubectl per request would take more of the machine than the trial. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const START_MS = 15_000;
const REQUEST_MS = 5000;

export class ApiProxy implements Disposable {
  readonly #child: ChildProcess;
  readonly #url: string;
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
        resolve(new ApiProxy(child, `http://${address}`));
      });
    });
  }

  async text(path: string, patienceMs = REQUEST_MS): Promise<string> {
    const response = await fetch(this.#url + path, { signal: AbortSignal.timeout(patienceMs) });
    const body = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${body.slice(0, 200)}`);
    return body;
  }

  async json<T>(path: string): Promise<T> {
    return JSON.parse(await this.text(path)) as T;
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#kill);
    this.#child.kill();
  }
}
