/**
 * The clusters of a manifest on this machine: objects in memory, the operator, and the runtime that
 * carries out what it renders, started and stopped together.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { systemClock } from '../../services/runtime/clock.ts';
import type { Log } from '../../services/runtime/log.ts';
import { OCPP_CLUSTERS, type OcppCluster } from '../api/ocpp-cluster.ts';
import { DEFAULT_IMAGE, DEFAULT_REDIS_IMAGE } from '../config.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { type Operator, runOperator } from '../operator.ts';
import { PODS } from '../render/resources.ts';
import { Addresses } from './network/addresses.ts';
import { type Guard, startGuard } from './kubelet/guard.ts';
import { nameOf, type Pod } from './kinds.ts';
import type { Manifest } from './cli/manifest.ts';
import { MemoryObjectStore } from './api-server/memory-object-store.ts';
import { monolithObjects } from './monolith.ts';
import { PodLogs } from './kubelet/pod-logs.ts';
import { localPrograms } from './programs.ts';
import { LocalRuntime } from './kubelet/runtime.ts';
import { tokenCommand, tokenLines } from './tokens.ts';

export interface LocalClusterOptions {
  readonly path: string;
  readonly logLevel: string;
  /** False: one process without Redis for each cluster, and no operator. */
  readonly redis: boolean;
  /** A line for the terminal. */
  say(text: string): void;
}

/** Somebody looks on, so the operator looks more often than it would in a cluster. */
const SCRAPE_INTERVAL_MS = 2000;
/** In which order components stop: who is served before who serves. */
const STOP_ORDER = ['ws-proxy', 'processor', 'redis'];
/** Whoever pressed Ctrl-C does not wait out a drain of minutes. */
const LONGEST_GRACE_MS = 30_000;

export class LocalCluster {
  readonly store: MemoryObjectStore;
  readonly logs: PodLogs;
  readonly #options: LocalClusterOptions;
  readonly #folder: string;
  readonly #guard: Guard;
  readonly #runtime: LocalRuntime;
  readonly #operator: Operator | undefined;
  /** Images that mean this repository's sources. */
  readonly #images = new Set([DEFAULT_IMAGE]);

  private constructor(options: LocalClusterOptions, folder: string, addresses: Addresses) {
    this.#options = options;
    this.#folder = join(folder, 'run');
    mkdirSync(this.#folder, { recursive: true });
    this.logs = new PodLogs(join(folder, 'logs'), (line) => options.say(line), Date.now);
    // Objects of add-ons are taken and have no effect: a manifest that asks for them is no wrong one.
    this.store = new MemoryObjectStore({ clock: systemClock, newUid: randomUUID, serves: () => true });
    this.#guard = startGuard(this.#folder);
    this.#runtime = new LocalRuntime({
      store: this.store.as('local-runtime'),
      addresses,
      // Whatever its type is in a cluster: here stations come to 127.0.0.1.
      isOutside: (service) => componentOf(service) === 'ws-proxy',
      guard: this.#guard,
      folder: this.#folder,
      programs: localPrograms({
        isOurs: (image) => this.#images.has(image),
        isRedis: (image) => image === DEFAULT_REDIS_IMAGE,
        path: options.path,
        logLevel: options.logLevel,
      }),
      onLine: (pod, line, stream) => this.logs.write(pod.metadata.name, line, stream),
      onTrouble: (pod, message) => options.say(`${pod.metadata.name}: ${message}`),
      onProblem: (object, message) => options.say(`${object.kind} ${nameOf(object)}: ${message}`),
    });
    this.#operator = options.redis ? this.#startOperator() : undefined;
  }

  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'ocpp-'));
    return new LocalCluster(options, folder, await Addresses.open());
  }

  /** As `kubectl apply` does. */
  async apply({ clusters, secrets }: Manifest): Promise<void> {
    const user = this.store.as('user');
    for (const secret of secrets) await user.apply(secret);
    for (const cluster of clusters) {
      const { repository, tag } = cluster.spec?.image ?? {};
      const [ownRepository = '', ownTag = ''] = splitImage(DEFAULT_IMAGE);
      this.#images.add(`${repository || ownRepository}:${tag || ownTag}`);
      const { object } = await user.apply(cluster);
      if (this.#options.redis) continue;
      for (const one of monolithObjects(object, DEFAULT_IMAGE)) await this.store.apply(one);
    }
  }

  async clusters(): Promise<readonly OcppCluster[]> {
    return (await this.store.list(OCPP_CLUSTERS)).items;
  }

  async pods(): Promise<readonly Pod[]> {
    return (await this.store.list(PODS)).items as readonly Pod[];
  }

  /** Who may charge at a cluster, for the terminal. */
  async tokenLines(cluster: OcppCluster): Promise<readonly string[]> {
    const command = tokenCommand(cluster, await this.pods(), this.#folder);
    return tokenLines(cluster, this.#options.redis, command);
  }

  /** Ends everything in good order, stations first. The log files stay. */
  async stop(): Promise<void> {
    await this.#operator?.stop();
    await this.#runtime.stop(rankOf, LONGEST_GRACE_MS);
    await this.#guard[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Ends all processes at once. */
  kill(): void {
    this.#runtime.kill();
  }

  #startOperator(): Operator {
    return runOperator({
      store: this.store,
      namespaces: [],
      defaultImage: DEFAULT_IMAGE,
      redisImage: DEFAULT_REDIS_IMAGE,
      scrapeIntervalMs: SCRAPE_INTERVAL_MS,
      instance: 'npm-start',
      clock: systemClock,
      log: this.#operatorLog(),
      registry: new Registry(),
    });
  }

  #operatorLog(): Log {
    const write = (level: string) => (fields: object, msg: string) =>
      this.logs.write('operator', JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg }));
    return { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') };
  }
}

function rankOf(pod: Pod): number {
  const rank = STOP_ORDER.indexOf(componentOf(pod) ?? '');
  return rank === -1 ? STOP_ORDER.length : rank;
}

const componentOf = ({ metadata }: KubeObject) => metadata.labels?.['app.kubernetes.io/component'];

function splitImage(image: string): string[] {
  const colon = image.lastIndexOf(':');
  return [image.slice(0, colon), image.slice(colon + 1)];
}
