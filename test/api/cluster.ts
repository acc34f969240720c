/** A cluster of real programs with its API: Redis, ws-proxy, processor and api. Every answer is held against the document. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Environment, type Program, startProgram } from '../support/program.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { createJudge, type Document } from './document.ts';

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed JSON; empty for another type. Its shape was compared with the document. */
  readonly body: AskedBody;
}

interface AskedBody {
  readonly [name: string]: unknown;
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly command?: object;
  readonly items?: readonly Readonly<Record<string, unknown>>[];
  readonly next?: string;
}

export interface Ask {
  /** Access token; '' for none. `read`, `command` and `admin` have the scope of that name. */
  readonly as?: string;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export class ApiCluster implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly proxy: Program;
  readonly processor: Program;
  readonly api: Program;
  /** Of the access tokens. */
  readonly folder: string;
  #judge: ReturnType<typeof createJudge> | undefined;

  constructor(programs: Pick<ApiCluster, 'redis' | 'proxy' | 'processor' | 'api' | 'folder'>) {
    this.redis = programs.redis;
    this.proxy = programs.proxy;
    this.processor = programs.processor;
    this.api = programs.api;
    this.folder = programs.folder;
  }

  async ask(method: string, path: string, { as = 'admin', body, headers, signal }: Ask = {}): Promise<Asked> {
    const response = await fetch(`${this.api.apiUrl}${path}`, {
      method,
      headers: {
        ...(as !== '' && { authorization: `Bearer ${as}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type')?.split(';', 1)[0] ?? '';
    const parsed = type.endsWith('json') && text !== '' ? (JSON.parse(text) as unknown) : undefined;
    this.#judge ??= createJudge((await (await fetch(`${this.api.apiUrl}/openapi.json`)).json()) as Document);
    this.#judge({ method, path, status: response.status, type, body: parsed });
    return { status: response.status, headers: response.headers, text, body: (parsed ?? {}) as AskedBody };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [this.api, this.proxy, this.processor].map((program) => program[Symbol.asyncDispose]()),
    );
    await this.redis[Symbol.asyncDispose]();
    await rm(join(this.folder, '..'), { recursive: true, force: true });
  }
}

const SCOPES = ['read', 'command', 'admin'] as const;
export const PASSWORD_KEY = 'k'.repeat(43);

/** The content of a file of an access token. */
export const tokenFile = (token: string, scope: string): string =>
  JSON.stringify({ sha256: createHash('sha256').update(token).digest('hex'), scope });

export async function startApiCluster(env: Environment = {}): Promise<ApiCluster> {
  const root = await mkdtemp(join(tmpdir(), 'api-'));
  const folder = join(root, 'tokens');
  await mkdir(folder);
  for (const scope of SCOPES) await writeFile(join(folder, `the-${scope}`), tokenFile(scope, scope));
  await writeFile(join(root, 'key'), PASSWORD_KEY);
  await writeFile(join(root, 'own'), 'own-token\n');
  const redis = await startRedis();
  const common = { REDIS_ADDR: redis.addr, OCPP_PASSWORD_KEY_FILE: join(root, 'key') };
  const [proxy, processor, api] = await Promise.all([
    startProgram('ws-proxy', { ...common, OCPP_DRAIN_PROPAGATION: '0s' }),
    startProgram('processor', common),
    startProgram('api', {
      ...common,
      OCPP_API_TOKENS_FOLDER: folder,
      OCPP_API_ADMIN_TOKEN_FILE: join(root, 'own'),
      OCPP_API_REQUESTS_PER_SECOND: '1000',
      ...env,
    }),
  ]);
  return new ApiCluster({ redis, proxy, processor, api, folder });
}
