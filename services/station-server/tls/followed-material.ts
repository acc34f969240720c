/**
 * The files of a TLS listener, read every second. Good ones are applied as a whole; bad ones are refused, and the last good ones stay.
 */
import { createHash } from 'node:crypto';
import { CertificateError, strictly } from '../../certificates/certificate-error.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { readFolder } from '../../runtime/followed-folder.ts';
import type { ListenerTls } from '../station-listener.ts';
import {
  checkLists,
  type MaterialFiles,
  type MaterialFolder,
  readMaterial,
  type TlsMaterial,
} from './material.ts';
import { type ContextRules, contextRules } from './suites.ts';

/** How often the folders are read; ms. */
const CHECK_INTERVAL = 1000;
/** Refused files are read again without a change: a list or a certificate may become valid; ms. */
const RETRY_INTERVAL = 60_000;
/** While the kubelet replaces the files at the start. */
const START_TRIES = 20;
const START_PAUSE = 50;

export interface FollowedMaterialOptions {
  readonly tls: ListenerTls;
  readonly clock: Clock;
  /** At the start too. */
  readonly onApplied: (material: TlsMaterial) => void;
  /** Once for each problem. */
  readonly onRefused: (problem: string) => void;
  readonly intervalMs?: number;
}

export class FollowedMaterial implements Disposable {
  readonly #options: FollowedMaterialOptions;
  readonly #rules: ContextRules;
  readonly #stopped = new AbortController();
  #material: TlsMaterial | undefined;
  /** Digests of files: those in use, and those that were read last. */
  #applied = '';
  #seen = '';
  #seenAt = 0;
  #problem: string | undefined;

  /** @throws CertificateError for suites that do not exist */
  constructor(options: FollowedMaterialOptions) {
    this.#options = options;
    this.#rules = contextRules(options.tls);
  }

  /** Which of the files as they are now is not applied, and why; undefined while all are in use. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** In use; undefined before the start. */
  get material(): TlsMaterial | undefined {
    return this.#material;
  }

  /**
   * Applies the files and follows them until disposed.
   * Files that are good but for their dates are applied and refused at once: a Pod that restarts after an expiry serves as those that run.
   * @throws CertificateError when they are bad: a listener does not open without its certificates
   */
  async start(): Promise<void> {
    for (let tries = START_TRIES; this.#material === undefined; tries--) {
      const files = await this.#read();
      if (files !== undefined) this.#applyFirst(files);
      else if (tries === 0) throw new CertificateError(`${this.#folders.join(', ')}: replaced all the time`);
      else await sleep(START_PAUSE, this.#stopped.signal);
    }
    void this.#follow();
  }

  /** Reads the files once. It does not reject. */
  async check(): Promise<void> {
    try {
      const files = await this.#read();
      if (files !== undefined) this.#take(files);
    } catch (error) {
      this.#seen = '';
      this.#refuse(error);
    }
  }

  #take(files: MaterialFiles): void {
    const now = this.#options.clock.now();
    const digest = digestOf(files);
    const isDue = this.#problem !== undefined && now - this.#seenAt >= RETRY_INTERVAL;
    if (digest === this.#seen && !isDue) return;
    this.#seen = digest;
    this.#seenAt = now;
    try {
      // A change that was taken back: the sessions of TLS need not end.
      if (digest === this.#applied) this.#problem = undefined;
      else this.#apply(files, digest);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #applyFirst(files: MaterialFiles): void {
    const expired: CertificateError[] = [];
    const now = this.#options.clock.now();
    this.#apply(files, digestOf(files), { now, expired: (error) => expired.push(error) });
    if (expired[0] === undefined) return;
    // Not good: the next look must refuse them again.
    this.#applied = '';
    this.#refuse(expired[0]);
  }

  #apply(files: MaterialFiles, digest: string, dates = strictly(this.#options.clock.now())): void {
    const material = readMaterial(files, this.#rules, dates);
    if (this.#material !== undefined) checkLists(this.#material, material, files);
    this.#options.onApplied(material);
    this.#material = material;
    this.#applied = digest;
    this.#seen = digest;
    this.#problem = undefined;
  }

  #refuse(error: unknown): void {
    const problem = (error as Error).message;
    const isNew = problem !== this.#problem;
    this.#problem = problem;
    if (isNew) this.#options.onRefused(problem);
  }

  get #folders(): readonly string[] {
    const { certificateFolders = [], clientCaFolder } = this.#options.tls;
    return [...certificateFolders, ...(clientCaFolder === undefined ? [] : [clientCaFolder])];
  }

  /** Undefined: a folder is being replaced. */
  async #read(): Promise<MaterialFiles | undefined> {
    const { certificateFolders = [], clientCaFolder } = this.#options.tls;
    const servers: MaterialFolder[] = [];
    for (const path of certificateFolders) {
      const folder = await readOne(path);
      if (folder === undefined) return undefined;
      servers.push(folder);
    }
    if (clientCaFolder === undefined) return { servers, clientCa: undefined };
    const clientCa = await readOne(clientCaFolder);
    return clientCa === undefined ? undefined : { servers, clientCa };
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await sleep(this.#options.intervalMs ?? CHECK_INTERVAL, signal);
      if (!signal.aborted) await this.check();
    }
  }

  [Symbol.dispose](): void {
    this.#stopped.abort();
  }
}

async function readOne(folder: string): Promise<MaterialFolder | undefined> {
  try {
    const files = await readFolder(folder);
    return files === undefined ? undefined : { folder, files };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw new CertificateError(message);
    throw new CertificateError(`${folder} cannot be read (${code}); mount the Secret there`);
  }
}

/** Keys are not kept to compare them. */
function digestOf({ servers, clientCa }: MaterialFiles): string {
  const hash = createHash('sha256');
  for (const { folder, files } of [...servers, ...(clientCa === undefined ? [] : [clientCa])]) {
    for (const [name, bytes] of files) hash.update(`${folder}/${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('base64');
}
