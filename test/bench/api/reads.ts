/** An API program on the Redis of a cluster, and the reads that it serves while the cluster is measured. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENV } from '../../../services/contract.ts';
import { freePort } from '../../support/free-port.ts';
import { type Program, startProgram } from '../../support/program.ts';

export interface BenchRequest {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface BenchApi extends AsyncDisposable {
  readonly program: Program;
  /** @param path with its query; rejects for a status that is no success */
  readonly request: (path: string, init?: BenchRequest) => Promise<Response>;
}

export async function startBenchApi(env: Readonly<Record<string, string>>): Promise<BenchApi> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-api-'));
  const token = randomBytes(32).toString('base64url');
  const file = join(folder, 'token');
  writeFileSync(file, token);
  const port = await freePort();
  const own = {
    [ENV.apiPort]: String(port),
    [ENV.apiAdminTokenFile]: file,
    [ENV.apiRequestsPerSecond]: '10000',
  };
  const program = await startProgram('api', { ...env, ...own });
  return {
    program,
    request: async (path, init = {}) => {
      const headers = { authorization: `Bearer ${token}`, ...init.headers };
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return response;
    },
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Reads of one station each, at a steady pace until it is disposed, which rejects if one failed. */
export function startReads({ request }: BenchApi, perSecond: number): AsyncDisposable {
  const faults: Error[] = [];
  const open = new Set<Promise<unknown>>();
  let stations: readonly { readonly id: string }[] = [];
  let turn = 0;
  const read = async () => {
    if (stations.length === 0) {
      const page = (await (await request('/v1/stations?connected=true&limit=1000')).json()) as {
        readonly items: typeof stations;
      };
      stations = page.items;
      return;
    }
    const { id } = stations[turn++ % stations.length] ?? { id: '' };
    await (await request(`/v1/stations/${encodeURIComponent(id)}`)).arrayBuffer();
  };
  const timer = setInterval(() => {
    const one = read()
      .catch((error: Error) => void faults.push(error))
      .finally(() => open.delete(one));
    open.add(one);
  }, 1000 / perSecond);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await Promise.all(open);
      if (faults[0] !== undefined) throw faults[0];
    },
  };
}
