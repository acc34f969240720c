/** One Pod: its containers as child processes in its own folder, and its status. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerRun } from './container.ts';
import { environmentOf, Missing, missingConfigMap, type PodContext } from './environment.ts';
import { inFolders, localise } from './mount-paths.ts';
import { replaceFiles } from './mounted-files.ts';
import type {
  Container,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
  SecretVolume,
  Volume,
} from '../kinds.ts';
import { nameOf } from '../kinds.ts';
import { type Guarding, type Program, startProcess } from './process.ts';

/** What runs instead of a container's image. */
export interface Programs {
  /** Undefined: this machine cannot run the container. */
  program(container: Container, podIp: string): Program | undefined;
  /** Variables of every process (PATH), and overrides. */
  readonly env: Readonly<Record<string, string>>;
}

export interface PodHost {
  readonly programs: Programs;
  readonly guard: Guarding;
  /** Of the run. */
  readonly folder: string;
  /** Of PersistentVolumeClaims. */
  readonly claims: string;
  onLine(pod: Pod, line: string, stream: 'stdout' | 'stderr'): void;
  onWarning(pod: Pod, message: string): void;
}

const NO_IMAGE = 'ErrImagePull';
const GRACE_SECONDS = 30;

export class PodRun {
  readonly pod: Pod;
  readonly #host: PodHost;
  readonly #context: () => PodContext;
  readonly #report: (status: PodStatus) => void;
  readonly #changed = new Map<string, { status: string; at: string }>();
  /** By folder: the Secret or ConfigMap that its files have, as JSON. */
  readonly #mounted = new Map<string, string>();
  #containers: ContainerRun[] = [];
  #waiting: { reason: string; message: string } | undefined;
  /** Writes files of volumes; undefined: nothing does. */
  #work: Promise<void> | undefined;
  #stopped = false;

  /** @param report called whenever the status may have changed */
  constructor(pod: Pod, host: PodHost, context: () => PodContext, report: (status: PodStatus) => void) {
    this.pod = pod;
    this.#host = host;
    this.#context = context;
    // While this one stops, another Pod of the same name may be in the store.
    this.#report = (status) => {
      if (!this.#stopped) report(status);
    };
  }

  /** Starts the containers unless they run, and brings their ConfigMaps up to date. Every call retries to resolve missing objects. */
  async start(): Promise<void> {
    if (this.#stopped || this.#work !== undefined) return;
    this.#work = this.#containers.length > 0 ? this.#refresh() : this.#launchAll();
    try {
      await this.#work;
    } finally {
      this.#work = undefined;
    }
  }

  /** Stops all containers; resolves when their processes have ended and nothing is written to the Pod's folder any more. */
  async stop(graceMs?: number): Promise<void> {
    this.#stopped = true;
    // What it throws is thrown by start().
    await this.#work?.catch(() => undefined);
    await Promise.all(this.#containers.map((container) => container.stop(graceMs)));
  }

  kill(): void {
    this.#stopped = true;
    for (const container of this.#containers) container.kill();
  }

  status(): PodStatus {
    const statuses = this.#containers.map((container) => container.status());
    const ready = statuses.length > 0 && statuses.every((status) => status.ready);
    const podIp = this.#context().podIp;
    const why = ready ? {} : (this.#waiting ?? { reason: 'ContainersNotReady' });
    return {
      phase: statuses.length > 0 ? 'Running' : 'Pending',
      podIP: podIp,
      conditions: [
        this.#condition('PodScheduled', true, {}),
        this.#condition('ContainersReady', ready, why),
        this.#condition('Ready', ready, why),
      ],
      containerStatuses: statuses.length > 0 ? statuses : this.#waitingStatuses(),
    };
  }

  #waitingStatuses(): ContainerStatus[] {
    const waiting = this.#waiting ?? { reason: 'ContainerCreating' };
    return this.pod.spec.containers.map(({ name, image }) => ({
      name,
      image,
      ready: false,
      started: false,
      restartCount: 0,
      state: { waiting },
    }));
  }

  #condition(type: string, good: boolean, why: { reason?: string; message?: string }): PodCondition {
    const status = good ? 'True' : 'False';
    let last = this.#changed.get(type);
    if (last?.status !== status) {
      last = { status, at: new Date().toISOString() };
      this.#changed.set(type, last);
    }
    return { type, status, ...why, lastTransitionTime: last.at };
  }

  #wait(reason: string, message: string): void {
    if (this.#waiting?.message !== message) this.#host.onWarning(this.pod, message);
    this.#waiting = { reason, message };
  }

  async #launchAll(): Promise<void> {
    try {
      const launches = await this.#prepare();
      this.#waiting = undefined;
      if (!this.#stopped) this.#containers = launches.map((launch) => launch());
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      this.#wait(error.reason, error.message);
    }
    this.#report(this.status());
  }

  /** Does everything that can fail before the first process starts. */
  async #prepare(): Promise<(() => ContainerRun)[]> {
    const context = this.#context();
    const folders = await this.#volumes();
    const home = join(this.#host.folder, 'pods', nameOf(this.pod));
    await mkdir(home, { recursive: true });
    return this.pod.spec.containers.map((container) => {
      const env = { ...environmentOf(container, context), ...this.#host.programs.env };
      for (const [name, value] of Object.entries(env)) env[name] = inFolders(value, container, folders);
      const local = localise(container, env, folders);
      const program = this.#host.programs.program(local, context.podIp);
      if (program === undefined) throw new NoProgram(container);
      return () => this.#launch(container, program, env, home, folders);
    });
  }

  #launch(
    container: Container,
    program: Program,
    env: Readonly<Record<string, string>>,
    cwd: string,
    folders: ReadonlyMap<string, string>,
  ): ContainerRun {
    const { guard } = this.#host;
    const start = (started: Program, onLine: (line: string, stream: 'stdout' | 'stderr') => void) =>
      startProcess({ ...started, env, cwd, guard, onLine });
    const exec = async (command: readonly string[], timeoutMs: number) => {
      const { command: _, ...bare } = container;
      const local = localise({ ...bare, command }, env, folders);
      const inside = this.#host.programs.program({ ...local, args: [] }, this.#context().podIp);
      if (inside === undefined) return `${command[0]} cannot be run here`;
      let last = '';
      const child = start(inside, (line) => (last = line));
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      const { code } = await child.exited;
      clearTimeout(timer);
      return code === 0 ? undefined : `${command.join(' ')}: status ${code} ${last}`;
    };
    return new ContainerRun({
      container,
      target: { host: this.#context().podIp, spec: this.pod.spec, exec },
      graceMs: (this.pod.spec.terminationGracePeriodSeconds ?? GRACE_SECONDS) * 1000,
      launch: () => start(program, (line, stream) => this.#host.onLine(this.pod, line, stream)),
      onChange: () => this.#report(this.status()),
      onWarning: (message) => this.#host.onWarning(this.pod, `${container.name} ${message}`),
    });
  }

  /** Volume name → folder. */
  async #volumes(): Promise<Map<string, string>> {
    const { namespace = 'default' } = this.pod.metadata;
    const folders = new Map<string, string>();
    for (const volume of this.pod.spec.volumes ?? []) {
      const claim = volume.persistentVolumeClaim?.claimName;
      const folder =
        claim === undefined
          ? podVolume(this.#host.folder, this.pod, volume.name)
          : join(this.#host.claims, namespace, claim);
      await mkdir(folder, { recursive: true });
      if (volume.secret !== undefined) await this.#writeSecret(volume.secret, folder);
      if (volume.configMap !== undefined) await this.#writeConfigMap(volume.configMap.name, folder);
      if (volume.projected !== undefined) await this.#writeProjected(volume.projected, folder);
      folders.set(volume.name, folder);
    }
    return folders;
  }

  async #writeProjected({ sources = [] }: NonNullable<Volume['projected']>, folder: string): Promise<void> {
    const token = this.#context().apiServer?.token ?? '';
    const files = sources.map(({ serviceAccountToken: file, secret }) => ({
      ...(file !== undefined && { [file.path]: token }),
      ...(secret !== undefined && this.#filesOf({ ...secret, secretName: secret.name }, secret.optional)),
    }));
    await this.#write(Object.assign({}, ...files), folder);
  }

  async #writeSecret(secret: SecretVolume, folder: string): Promise<void> {
    await this.#write(this.#filesOf(secret), folder);
  }

  /** @throws Missing */
  #filesOf({ secretName: name, items }: SecretVolume, optional = false): Readonly<Record<string, string>> {
    const context = this.#context();
    const values = context.secret(name);
    if (values === undefined) {
      if (optional) return {};
      throw new Missing(`there is no Secret ${context.namespace}/${name}; put it into the manifest file`);
    }
    if (items === undefined) return values;
    const chosen = items.flatMap(({ key, path }) => {
      const value = values[key];
      if (value === undefined && optional) return [];
      if (value === undefined) throw new Missing(`Secret ${context.namespace}/${name} has no key ${key}`);
      return [[path, value] as const];
    });
    return Object.fromEntries(chosen);
  }

  /**
   * Files of a Secret or ConfigMap change with it, while the Pod runs. Those of one that is deleted, or lacks what the Pod needs,
   * stay as they are.
   */
  async #refresh(): Promise<void> {
    let missing: Missing | undefined;
    for (const { name, configMap, secret, projected } of this.pod.spec.volumes ?? []) {
      const folder = podVolume(this.#host.folder, this.pod, name);
      const context = this.#context();
      try {
        if (configMap !== undefined && context.configMap(configMap.name) !== undefined)
          await this.#writeConfigMap(configMap.name, folder);
        if (secret !== undefined && context.secret(secret.secretName) !== undefined)
          await this.#writeSecret(secret, folder);
        if (projected !== undefined) await this.#writeProjected(projected, folder);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        missing = error;
      }
    }
    if (missing === undefined) this.#waiting = undefined;
    else this.#wait(missing.reason, missing.message);
  }

  async #writeConfigMap(name: string, folder: string): Promise<void> {
    const context = this.#context();
    const values = context.configMap(name);
    if (values === undefined) throw missingConfigMap(name, context);
    await this.#write(values, folder);
  }

  async #write(values: Readonly<Record<string, string>>, folder: string): Promise<void> {
    const text = JSON.stringify(values);
    if (this.#mounted.get(folder) === text) return;
    await replaceFiles(folder, values);
    this.#mounted.set(folder, text);
  }
}

/** Folder of a volume with the lifetime of its Pod. */
export const podVolume = (folder: string, pod: Pod, volume: string): string =>
  join(folder, 'pods', nameOf(pod), 'volumes', volume);

class NoProgram extends Missing {
  override readonly reason = NO_IMAGE;

  constructor(container: Container) {
    super(
      `the image ${container.image} cannot be run on this machine without a container runtime; ` +
        'npm start runs the programs of this repository and redis-server',
    );
  }
}
