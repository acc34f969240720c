/**
 * The clusters of a manifest on this machine: objects in memory, the operator, and the runtime that runs what it renders,
 * started and stopped together.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { PORT } from '../../services/contract.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import type { Log, LogLevel } from '../../services/runtime/log.ts';
import { defaultedSpec } from '../api/defaults.ts';
import { OCPP_CLUSTERS, SCALE_PATH, type OcppCluster } from '../api/ocpp-cluster.ts';
import { DEFAULT_IMAGE, DEFAULT_REDIS_IMAGE } from '../config.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { type Operator, runOperator } from '../operator.ts';
import { SERVICE_PORT as API_SERVICE_PORT } from '../render/api/api.ts';
import { nameOf as clusterPart } from '../render/render-input.ts';
import { chooseImage } from '../render/release.ts';
import { DEPLOYMENTS, PODS } from '../render/resources.ts';
import { MemoryObjectStore } from './api-server/memory-object-store.ts';
import { withPossibleSink } from './bill-sink.ts';
import { EXPIRY_EVERY_MS, expireEvents } from './event-expiry.ts';
import { type ObjectServer, serveObjects } from './api-server/object-server.ts';
import type { Manifest } from './cli/manifest.ts';
import { componentOf, type Deployment, nameOf, type Pod } from './kinds.ts';
import { DataFolder } from './kubelet/data-folder.ts';
import { type Guard, startGuard } from './kubelet/guard.ts';
import { PodLogs } from './kubelet/pod-logs.ts';
import { LocalRuntime } from './kubelet/runtime.ts';
import { monolithObjects } from './monolith.ts';
import { Addresses } from './network/addresses.ts';
import type { Outside } from './network/services.ts';
import { localPrograms } from './programs.ts';
import { Readings } from './readings.ts';
import { Trial } from './trial/trial.ts';

export interface LocalClusterOptions {
  readonly path: string;
  /** Of programs whose level the manifest does not name. */
  readonly logLevel: LogLevel;
  /** False: one process without Redis per cluster, and no operator. */
  readonly redis: boolean;
  /** Folder of the volumes, kept after the run; undefined: volumes end with the run. */
  readonly data: string | undefined;
  /** Gets lines for the terminal. */
  say(text: string): void;
}

/** More often than in a cluster, for the eyes at the terminal. */
const SCRAPE_INTERVAL_MS = 2000;
/** The order in which components stop: clients before their servers. */
const STOP_ORDER = ['api', 'ws-proxy', 'processor', 'bill-sink', 'redis'];
/** Ctrl-C does not wait for a drain of minutes. */
const LONGEST_GRACE_MS = 30_000;

interface Started {
  readonly folder: string;
  readonly addresses: Addresses;
  readonly store: MemoryObjectStore;
  readonly objects: ObjectServer;
}

export class LocalCluster {
  readonly store: MemoryObjectStore;
  readonly logs: PodLogs;
  readonly readings = new Readings(Date.now, SCRAPE_INTERVAL_MS);
  /** Of this run; removed at its end. */
  readonly folder: string;
  /** What is made for Secrets that the manifest lacks. */
  readonly trial: Trial;
  /** The metrics of the operator itself. Those of its clusters are in `readings`. */
  readonly registry = new Registry();
  readonly #options: LocalClusterOptions;
  readonly #objects: ObjectServer;
  readonly #guard: Guard;
  readonly #data: DataFolder | undefined;
  readonly #runtime: LocalRuntime;
  readonly #operator: Operator | undefined;
  readonly #expiry: NodeJS.Timeout;
  /** Images that mean this repository's sources. */
  readonly #images = new Set([DEFAULT_IMAGE]);

  private constructor(options: LocalClusterOptions, { folder, addresses, store, objects }: Started) {
    this.#options = options;
    this.store = store;
    this.#objects = objects;
    this.folder = join(folder, 'run');
    mkdirSync(this.folder, { recursive: true });
    this.logs = new PodLogs(join(folder, 'logs'), (line) => options.say(line), Date.now);
    this.#guard = startGuard(this.folder);
    this.#data = options.data === undefined ? undefined : DataFolder.lock(options.data, this.#guard.pid);
    this.trial = new Trial(join(this.#data?.folder ?? this.folder, '.trial'));
    this.#runtime = new LocalRuntime({
      store: this.store.as('local-runtime'),
      addresses,
      outside: outsideOf,
      apiServer: objects,
      guard: this.#guard,
      folder: this.folder,
      claims: this.#data?.folder ?? join(this.folder, 'claims'),
      programs: localPrograms({
        isOurs: (image) => this.#images.has(image),
        isRedis: (image) => image === DEFAULT_REDIS_IMAGE,
        path: options.path,
      }),
      onLine: (pod, line, stream) => this.logs.write(pod.metadata.name, line, stream),
      onWarning: (pod, message) => options.say(`${pod.metadata.name}: ${message}`),
      onProblem: (object, message) => options.say(`${object.kind} ${nameOf(object)}: ${message}`),
    });
    this.#expiry = setInterval(() => void expireEvents(this.store, Date.now()), EXPIRY_EVERY_MS).unref();
    this.#operator = options.redis ? this.#startOperator() : undefined;
  }

  /** @throws DataFolderError the data folder is in use */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'ocpp-'));
    // Add-on objects are stored without effect: a manifest that asks for them is valid.
    const store = new MemoryObjectStore({
      clock: systemClock,
      newUid: randomUUID,
      serves: () => true,
      scalePath: ({ kind }) => (kind === OCPP_CLUSTERS.kind ? SCALE_PATH : ['spec', 'replicas']),
    });
    const [addresses, objects] = await Promise.all([Addresses.open(), serveObjects(store)]);
    return new LocalCluster(options, { folder, addresses, store, objects });
  }

  /** As `kubectl apply` does. */
  async apply(manifest: Manifest): Promise<void> {
    const { secrets } = manifest;
    const clusters = manifest.clusters
      .map((cluster) => asStarted(cluster, this.#options.logLevel))
      .map((cluster) => withPossibleSink(cluster, secrets, this.#options.redis));
    const user = this.store.as('user');
    const made = await this.trial.secretsFor({ clusters, secrets });
    for (const secret of [...secrets, ...made]) await user.apply(secret);
    for (const cluster of clusters) {
      this.#images.add(chooseImage(defaultedSpec(cluster).image, DEFAULT_IMAGE));
      const { object } = await user.apply(cluster);
      if (this.#options.redis) continue;
      for (const one of monolithObjects(object, DEFAULT_IMAGE)) await this.store.apply(one);
    }
  }

  /** False where a process without Redis serves the stations. */
  get hasOperator(): boolean {
    return this.#operator !== undefined;
  }

  /** The HTTP API of a cluster; undefined: it has none, or none yet. */
  apiOf(cluster: OcppCluster): { readonly url: string; readonly tokenFile: string | undefined } | undefined {
    if (!defaultedSpec(cluster).api.enabled) return undefined;
    const { namespace = 'default' } = cluster.metadata;
    const at = this.#runtime.endpoint(namespace, clusterPart(cluster, 'api'), API_SERVICE_PORT);
    return at && { url: `http://${at.host}:${at.port}`, tokenFile: this.trial.apiTokenFileOf(cluster) };
  }

  async clusters(): Promise<readonly OcppCluster[]> {
    return (await this.store.list(OCPP_CLUSTERS)).items;
  }

  async pods(): Promise<readonly Pod[]> {
    return (await this.store.list(PODS)).items as readonly Pod[];
  }

  async deployments(): Promise<readonly Deployment[]> {
    return (await this.store.list(DEPLOYMENTS)).items as readonly Deployment[];
  }

  /** Stops all Pods, those that hold stations first. The log files stay. */
  async stop(): Promise<void> {
    await this.#operator?.stop();
    clearInterval(this.#expiry);
    await this.#runtime.stop(rankOf, LONGEST_GRACE_MS);
    await this.#objects[Symbol.asyncDispose]();
    await this.#guard[Symbol.asyncDispose]();
    this.#data?.[Symbol.dispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Kills all processes. */
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
      registry: this.registry,
      scrape: this.readings.scrape,
      metrics: this.readings,
      adminKey: randomBytes(32),
    });
  }

  #operatorLog(): Log {
    const write = (level: string) => (fields: object, msg: string) => {
      const head = { level, time: new Date().toISOString(), name: 'operator' };
      this.logs.write('operator', JSON.stringify({ ...head, ...fields, msg }));
    };
    return { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') };
  }
}

/** Where the manifest says nothing else: with the level of `npm start`, and with the HTTP API, which is there to be tried. */
function asStarted(cluster: OcppCluster, logLevel: LogLevel): OcppCluster {
  const { spec } = cluster;
  const [proxy, processor, api] = [
    { logLevel, ...spec?.proxy },
    { logLevel, ...spec?.processor },
    { enabled: true, logLevel, ...spec?.api },
  ];
  const sink = spec?.billing?.sink;
  return {
    ...cluster,
    spec: {
      ...spec,
      proxy,
      processor,
      api,
      ...(sink !== undefined && { billing: { ...spec?.billing, sink: { logLevel, ...sink } } }),
    },
  };
}

/** Whatever the type of a Service is in a cluster: here stations and users connect to 127.0.0.1. */
function outsideOf(service: KubeObject): Outside | undefined {
  const component = componentOf(service);
  if (component === 'api') return PORT.api;
  return component === 'ws-proxy' ? 'same' : undefined;
}

function rankOf(pod: Pod): number {
  const rank = STOP_ORDER.indexOf(componentOf(pod) ?? '');
  return rank === -1 ? STOP_ORDER.length : rank;
}
