/**
 * The programs of the business door beside a network: two APIs, a bill sink with its PostgreSQL, and a receiver of event webhooks; and the
 * faults that strike them.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ENV } from '../../../services/contract.ts';
import { type PostgresServer, startPostgres } from '../../bill-sink/postgres-server.ts';
import { Receiver, SECRET } from '../../api/webhooks/receiver.ts';
import { freePort } from '../../support/free-port.ts';
import { Program } from '../../support/program.ts';
import { Network } from '../network.ts';
import type { Fault } from '../plan.ts';
import type { Stricken } from '../run.ts';
import { ApiRequester } from './api-requester.ts';

export const APIS = ['api-0', 'api-1'] as const;
export const SINK = 'bill-sink';
export const POSTGRES = 'postgres';
/** The receiver of events. */
export const RECEIVER = 'receiver';

const TOKEN = 'of-the-harness';
const READY_MS = 20_000;

interface Running {
  readonly ports: { readonly admin: number; readonly station: number };
  program: Program;
}

export class Door implements Stricken, AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly #network: Network;
  readonly #folder: string;
  /** Of the bundled programs. */
  readonly #bundle: string;
  /** Each life of the receiver; the last one is alive between its kills. */
  readonly #receivers: Receiver[] = [];
  readonly #programs = new Map<string, Running>();
  readonly #struck = new Map<string, Promise<void>>();

  private constructor(network: Network, postgres: PostgresServer, folder: string, bundle: string) {
    this.#network = network;
    this.postgres = postgres;
    this.#folder = folder;
    this.#bundle = bundle;
  }

  /** @param bundle folder of the bundled programs */
  static async start(bundle: string): Promise<Door> {
    const folder = await mkdtemp(join(tmpdir(), 'door-'));
    const [network, postgres] = await Promise.all([
      Network.start(bundle, { [ENV.billSink]: 'true' }),
      startPostgres(),
    ]);
    const door = new Door(network, postgres, folder, bundle);
    await mkdir(join(folder, 'tokens'));
    const sha256 = createHash('sha256').update(TOKEN).digest('hex');
    await writeFile(join(folder, 'tokens/harness'), JSON.stringify({ sha256, scope: 'admin' }));
    await writeFile(join(folder, 'url'), postgres.url);
    await mkdir(join(folder, 'secrets'));
    await writeFile(join(folder, 'secrets/receiver'), SECRET);
    await door.#listen();
    await Promise.all([...APIS, SINK].map((name) => door.#launch(name)));
    await door.heal();
    return door;
  }

  get urls(): readonly string[] {
    return this.#network.urls;
  }

  get look(): Redis {
    return this.#network.look;
  }

  requester(): ApiRequester {
    const urls = APIS.map((name) => `http://127.0.0.1:${this.#programs.get(name)?.ports.station}`);
    return new ApiRequester(urls, TOKEN);
  }

  async strike(fault: Fault): Promise<void> {
    const target = 'target' in fault ? fault.target : '';
    const isOurs = target === POSTGRES || target === RECEIVER || this.#programs.has(target);
    if (!isOurs) return this.#network.strike(fault);
    const before = this.#struck.get(target);
    const done = Promise.resolve(before).then(() => this.#kill(target, fault.forMs));
    this.#struck.set(target, done);
    return done;
  }

  async #kill(target: string, forMs: number): Promise<void> {
    if (target === RECEIVER) {
      await this.#receivers.at(-1)?.[Symbol.asyncDispose]();
      await wait(forMs);
      return this.#listen();
    }
    const running = this.#programs.get(target);
    await (running === undefined ? this.postgres.kill() : running.program.kill('SIGKILL'));
    await wait(forMs);
    await (running === undefined ? this.postgres.restart() : this.#launch(target, running.ports));
  }

  async heal(): Promise<void> {
    await this.#network.heal();
    await Promise.all([...this.#programs.values()].map(({ program }) => program.waitReady(READY_MS)));
  }

  /** All lives of the receiver of events, in their order. */
  get receivers(): readonly Receiver[] {
    return this.#receivers;
  }

  /** Always on the same port. */
  async #listen(): Promise<void> {
    this.#receivers.push(await new Receiver().listen(this.#receivers.at(-1)?.lastPort));
  }

  /** The newest output of all programs. */
  evidence(): string {
    const own = [...this.#programs].map(([name, { program }]) => `== ${name}\n${program.log}`);
    return [this.#network.evidence(), ...own].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#programs.values()].map(({ program }) => program.kill('SIGKILL')));
    await this.#receivers.at(-1)?.[Symbol.asyncDispose]();
    await this.postgres[Symbol.asyncDispose]();
    await this.#network[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #launch(name: string, known?: Running['ports']): Promise<void> {
    const kind = name === SINK ? 'bill-sink' : 'api';
    const ports = known ?? { admin: await freePort(), station: await freePort() };
    const env = {
      [ENV.podName]: name,
      [ENV.redisAddr]: this.#network.redis.addr,
      [ENV.clientTimeout]: '1s',
      [ENV.apiTokensFolder]: join(this.#folder, 'tokens'),
      [ENV.apiRequestsPerSecond]: '10000',
      [ENV.apiWebhooks]: JSON.stringify([
        { name: 'receiver', url: `http://127.0.0.1:${this.#receivers.at(-1)?.lastPort}/events` },
      ]),
      [ENV.apiWebhookSecretsFolder]: join(this.#folder, 'secrets'),
      [ENV.billSinkUrlFile]: join(this.#folder, 'url'),
      // What is in Redis too is compared with the truth of the stations.
      [ENV.billSinkKeep]: '100000',
    };
    const program = new Program(kind, env, ports, [], join(this.#bundle, `${kind}.js`));
    this.#programs.set(name, { ports, program });
  }
}
