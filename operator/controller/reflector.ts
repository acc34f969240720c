/**
 * A copy of one resource, maintained by LIST and WATCH. It survives errors, resets, silence, 410 and restarts of the
 * API server: a broken watch resumes from the last version seen. If that version has expired, the reflector lists again and
 * compares, so that it misses no change, deletions included.
 */
import {
  type KubeObject,
  type ListOptions,
  type ObjectStore,
  type Resource,
  StoreError,
} from '../kube/object-store.ts';
import { sleep } from '../../services/runtime/clock.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';
import { type BackoffLimits, backoffMs, unlessStopped } from './waiting.ts';
import { keyOf } from './caches.ts';
import { Diff, type ObjectChange } from './diff.ts';

export interface ReflectorOptions {
  readonly store: Pick<ObjectStore, 'list' | 'watch'>;
  readonly resource: Resource;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** list() with this label and a namespace is fast, however many objects exist. */
  readonly indexLabel?: string;
  /** Called in order. An error thrown by it is logged and ignored. */
  readonly onChange: (change: ObjectChange) => void;
  readonly log: Log;
  readonly random?: () => number;
  readonly backoff?: BackoffLimits;
  /** The list is read again after this time (±20 %), even without errors. */
  readonly relistMs?: number;
  /** A watch that broke after this time without any event is not resumed; ms. */
  readonly silentMs?: number;
  /** A list or watch failed, or the version expired. */
  readonly onRestart?: (reason: string) => void;
}

/** A watch that ends earlier than this without an event counts as an error. */
const SHORT_WATCH_MS = 1000;
/**
 * After this many broken watches in a row, or after a long silence, the reflector lists again instead of resuming: a server
 * restored from a backup has only lower versions, and sends no events to a watch from a higher one.
 */
const RESUMES = 5;
const SILENT_MS = 30_000;

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #random: () => number;
  readonly #scope: ListOptions;
  readonly #stop = new AbortController();
  readonly #diff: Diff;
  readonly #synced: Promise<void>;
  #markSynced!: () => void;
  #hasSynced = false;
  #running: Promise<void> | undefined;
  #lastSign = performance.now();
  #lastTry = performance.now();
  /** Errors in a row. */
  #failures = 0;
  #problem: Error | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#diff = new Diff(options.indexLabel ?? '', (change) => this.#notify(change));
    this.#random = options.random ?? Math.random;
    const { namespace, labelSelector } = options;
    this.#scope = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    };
    this.#synced = new Promise((resolve) => (this.#markSynced = resolve));
  }

  get resource(): Resource {
    return this.#options.resource;
  }

  /** Whether the first list was read completely. It stays true. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the first list was read; never if the reflector stops earlier. */
  whenSynced(): Promise<void> {
    return this.#synced;
  }

  /** Error of the last list or watch; undefined once the server has answered again. */
  get problem(): string | undefined {
    return this.#problem?.message;
  }

  /** Whether that error is a refusal (missing permission), which a retry is unlikely to change. */
  get refused(): boolean {
    return this.#problem instanceof StoreError && !this.#problem.retryable;
  }

  /** Milliseconds since the last sign of the server: list, event, bookmark or regular end. */
  get lastEventAgeMs(): number {
    return performance.now() - this.#lastSign;
  }

  /** Milliseconds since the last activity of the loop, failures included: a large value means that it hangs. */
  get lastActivityAgeMs(): number {
    return performance.now() - Math.max(this.#lastSign, this.#lastTry);
  }

  get(metadata: { readonly name: string; readonly namespace?: string }): KubeObject | undefined {
    return this.#diff.objects.get(keyOf(metadata));
  }

  list(scope: ListOptions = {}): KubeObject[] {
    return this.#diff.objects.list(scope);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let version: string | undefined;
    while (!this.#stop.signal.aborted) {
      this.#lastTry = performance.now();
      try {
        version ??= await unlessStopped(this.#relist(), this.#stop.signal);
        version = await this.#follow(version);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof WatchBroken) version = this.#failures < RESUMES ? error.version : undefined;
        await this.#pause(error instanceof WatchBroken ? error.cause : error);
      }
    }
  }

  async #pause(error: unknown): Promise<void> {
    const reason = error instanceof StoreError ? error.code : 'error';
    this.#problem = error instanceof Error ? error : new Error(String(error));
    this.#options.onRestart?.(reason);
    const atLeastMs = error instanceof StoreError ? (error.retryAfterMs ?? 0) : 0;
    const limits = this.#options.backoff ?? { minMs: 800, maxMs: 30_000 };
    const ms = Math.max(atLeastMs, backoffMs(this.#failures++, limits, this.#random));
    const { namespace } = this.#options;
    const fields = {
      ...errorFields(error),
      resource: this.resource.plural,
      ...(namespace !== undefined && { namespace }),
      retryInMs: Math.round(ms),
    };
    if (reason === 'expired') this.#options.log.debug(fields, 'watch version expired, listing again');
    else this.#options.log.warn(fields, 'watch failed, retrying');
    await sleep(ms, this.#stop.signal);
  }

  /** Lists, reports the differences from the copy, and returns the version to watch from. */
  async #relist(): Promise<string> {
    const { items, resourceVersion } = await this.#options.store.list(this.resource, this.#scope);
    if (this.#stop.signal.aborted) return resourceVersion;
    this.#sign();
    this.#diff.replace(items);
    this.#hasSynced = true;
    this.#markSynced();
    return resourceVersion;
  }

  /** Watches until the server ends the watch regularly. Returns the version to resume from; undefined: list again. */
  async #follow(from: string): Promise<string | undefined> {
    const relistMs = (this.#options.relistMs ?? 600_000) * (0.8 + 0.4 * this.#random());
    const due = AbortSignal.timeout(Math.round(relistMs));
    const signal = AbortSignal.any([this.#stop.signal, due]);
    const started = performance.now();
    let version = from;
    let events = 0;
    try {
      const options = { ...this.#scope, resourceVersion: from, signal };
      for await (const event of this.#options.store.watch(this.resource, options)) {
        events += 1;
        this.#sign();
        this.#failures = 0;
        if (event.type === 'BOOKMARK') {
          version = event.resourceVersion;
          continue;
        }
        if (event.type === 'DELETED') this.#diff.unset(event.object);
        else this.#diff.set(event.object);
        version = event.object.metadata.resourceVersion ?? version;
      }
    } catch (error) {
      const expired = error instanceof StoreError && error.code === 'expired';
      const silent = events === 0 && performance.now() - started > (this.#options.silentMs ?? SILENT_MS);
      throw new WatchBroken(expired || silent ? undefined : version, error);
    }
    if (due.aborted) return undefined;
    if (!signal.aborted && events === 0 && performance.now() - started < SHORT_WATCH_MS) {
      const message = `the server ended the watch of ${this.resource.plural} immediately`;
      throw new WatchBroken(version, new StoreError('unavailable', message));
    }
    this.#sign();
    return version;
  }

  #sign(): void {
    this.#lastSign = performance.now();
    this.#problem = undefined;
  }

  #notify(change: ObjectChange): void {
    try {
      this.#options.onChange(change);
    } catch (error) {
      const object = keyOf((change.after ?? change.before)?.metadata ?? { name: '' });
      const fields = { ...errorFields(error), resource: this.resource.plural, object };
      this.#options.log.error(fields, 'error while handling a change');
    }
  }
}

/** Why a watch broke, and the version from which the next one may resume (undefined: list again). */
class WatchBroken extends Error {
  readonly version: string | undefined;

  constructor(version: string | undefined, cause: unknown) {
    super('watch broken', { cause });
    this.version = version;
  }
}
