/** The programs of a run as real processes, each with links that can be spoilt, and the faults that strike them. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ENV } from '../../services/contract.ts';
import { freePort } from '../support/free-port.ts';
import { type Environment, Program } from '../support/program.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type Fault, PROCESSORS, PROXIES, REQUESTERS } from './plan.ts';
import { Relay } from './relay.ts';
import { Requester } from './requester.ts';
import type { Stricken } from './run.ts';

/** Short, so that a pause is soon longer than it. */
const LEASE = '1s';
const READY_MS = 20_000;
const STRANGLE_MS = 150;

interface Running {
  readonly name: string;
  readonly kind: 'ws-proxy' | 'processor';
  readonly ports: { readonly admin: number; readonly station: number };
  program: Program;
}

export class Network implements Stricken, AsyncDisposable {
  readonly redis: RedisServer;
  /** Of the harness itself; no fault touches its link. */
  readonly look: Redis;
  readonly #links = new Map<string, Relay>();
  readonly #programs = new Map<string, Running>();
  readonly #requesters = new Map<string, Requester>();
  readonly #struck = new Map<string, Promise<void>>();
  readonly #folder: string;
  readonly #settings: Environment;
  readonly logs: string[] = [];

  private constructor(redis: RedisServer, folder: string, settings: Environment) {
    this.redis = redis;
    this.#folder = folder;
    this.#settings = settings;
    this.look = new Redis(redis.port, redis.host, { maxRetriesPerRequest: null, enableReadyCheck: true });
    this.look.on('error', () => undefined);
  }

  /**
   * @param folder of the bundled programs
   * @param settings of all programs, beside those of the harness
   */
  static async start(folder: string, settings: Environment = {}): Promise<Network> {
    const network = new Network(await startRedis({ appendonly: true }), folder, settings);
    for (const name of [...PROXIES, ...PROCESSORS, ...REQUESTERS]) {
      network.#links.set(name, await Relay.start(network.redis.port));
    }
    for (const name of REQUESTERS) network.#requesters.set(name, network.#requester(name));
    await Promise.all([
      ...PROXIES.map((name) => network.#launch(name, 'ws-proxy')),
      ...PROCESSORS.map((name) => network.#launch(name, 'processor')),
    ]);
    return network;
  }

  /** Where stations connect. */
  get urls(): readonly string[] {
    return PROXIES.map((name) => `ws://127.0.0.1:${this.#link(`${name}:stations`).port}/ocpp`);
  }

  requester(name: string): Requester {
    const found = this.#requesters.get(name);
    if (found === undefined) throw new Error(`no requester ${name}`);
    return found;
  }

  /** Strikes, and heals after its time; resolves when it is healed. One fault at a time for each that it strikes. */
  async strike(fault: Fault): Promise<void> {
    const struck = 'target' in fault ? fault.target : 'link' in fault ? fault.link : 'redis';
    const before = this.#struck.get(struck);
    const done = Promise.resolve(before).then(() => this.#strike(fault));
    this.#struck.set(struck, done);
    await done;
  }

  async #strike(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'kill':
      case 'restart': {
        const running = this.#running(fault.target);
        await this.#end(running, fault.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
        await wait(fault.forMs);
        await this.#launch(running.name, running.kind, running.ports);
        return;
      }
      case 'strangle': {
        const running = this.#running(fault.target);
        const link = this.#link(fault.target);
        link.fault = 'silence';
        await wait(STRANGLE_MS);
        await this.#end(running, 'SIGKILL');
        link.fault = undefined;
        await wait(fault.forMs);
        await this.#launch(running.name, running.kind, running.ports);
        return;
      }
      case 'pause':
        this.#running(fault.target).program.signal('SIGSTOP');
        await wait(fault.forMs);
        this.#running(fault.target).program.signal('SIGCONT');
        return;
      case 'requester-dies':
        this.requester(fault.target).die();
        this.#requesters.set(fault.target, this.#requester(fault.target));
        return;
      case 'redis-kill':
        await this.redis.kill();
        await wait(fault.forMs);
        await this.redis.restart();
        return;
      case 'redis-pause':
        process.kill(this.redis.pid, 'SIGSTOP');
        await wait(fault.forMs);
        process.kill(this.redis.pid, 'SIGCONT');
        return;
      case 'script-flush':
        await this.look.script('FLUSH').catch(() => undefined);
        return;
      case 'kill-clients':
        await this.look.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').catch(() => undefined);
        return;
      default:
        this.#link(fault.link).fault = fault.kind;
        await wait(fault.forMs);
        this.#link(fault.link).fault = undefined;
    }
  }

  /** All that was struck is whole again: who ended is started. */
  async heal(): Promise<void> {
    for (const link of this.#links.values()) link.fault = undefined;
    const ended = [...this.#programs.values()].filter(({ program }) => program.ended);
    await Promise.all(ended.map(({ name, kind, ports }) => this.#launch(name, kind, ports)));
    await Promise.all([...this.#programs.values()].map(({ program }) => program.waitReady(READY_MS)));
  }

  /** In good order. */
  async stop(): Promise<void> {
    for (const requester of this.#requesters.values()) requester.die();
    await Promise.all([...this.#programs.values()].map((running) => this.#end(running, 'SIGTERM')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#programs.values()].map(({ program }) => program.kill('SIGKILL')));
    for (const requester of this.#requesters.values()) requester.die();
    this.look.disconnect();
    for (const link of this.#links.values()) await link[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
  }

  #link(name: string): Relay {
    const found = this.#links.get(name);
    if (found === undefined) throw new Error(`no link ${name}`);
    return found;
  }

  #running(name: string): Running {
    const found = this.#programs.get(name);
    if (found === undefined) throw new Error(`no program ${name}`);
    return found;
  }

  #requester(name: string): Requester {
    return new Requester(this.#link(name).port);
  }

  async #end({ name, program }: Running, signal: NodeJS.Signals): Promise<void> {
    program.signal('SIGCONT');
    const last = setTimeout(() => program.signal('SIGKILL'), READY_MS);
    await program.kill(signal);
    clearTimeout(last);
    this.logs.push(`== ${name}, ended by ${signal}\n${program.log}`);
    if (this.logs.length > 100) this.logs.shift();
  }

  async #launch(name: string, kind: Running['kind'], known?: Running['ports']): Promise<void> {
    const ports = known ?? { admin: await freePort(), station: await freePort() };
    const env = {
      [ENV.podName]: name,
      [ENV.redisAddr]: `127.0.0.1:${this.#link(name).port}`,
      [ENV.lease]: LEASE,
      [ENV.callTimeout]: '12s',
      [ENV.clientTimeout]: '1s',
      [ENV.drainPropagation]: '0s',
      [ENV.drainDeadline]: '2s',
      [ENV.stopGrace]: '1s',
      [ENV.unknownTokens]: 'Accept',
      [ENV.logLevel]: 'debug',
      ...this.#settings,
    };
    const program = new Program(kind, env, ports, [], join(this.#folder, `${kind}.js`));
    this.#programs.set(name, { name, kind, ports, program });
    if (kind === 'ws-proxy' && !this.#links.has(`${name}:stations`)) {
      this.#links.set(`${name}:stations`, await Relay.start(ports.station));
    }
    await program.waitReady(READY_MS).catch(() => undefined);
  }

  /** The newest output of all programs. */
  evidence(): string {
    const now = [...this.#programs.values()].map(({ name, program }) => `== ${name}\n${program.log}`);
    return [...this.logs, ...now].join('\n');
  }
}
