/**
 * A copy of one resource, kept by LIST and WATCH. Whatever the API server does (errors, resets,
 * silence, 410, restarts), it goes on: a broken watch is resumed from the last version seen, and
 * where that is gone the list is read anew and compared, so no change is missed, deletions included.
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
import { type BackoffLimits, backoffMs } from './backoff.ts';
import { keyOf } from './caches.ts';
import { Mirror, type ObjectChange } from './diff.ts';
import { unlessStopped } from './unless-stopped.ts';

export interface ReflectorOptions {
  readonly store: Pick<ObjectStore, 'list' | 'watch'>;
  readonly resource: Resource;
  /** All namespaces where left out. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** list() with a value of this label and a namespace is quick, however many objects there are. */
  readonly indexLabel?: string;
  /** Called in order. An error it throws is logged and disturbs nothing. */
  readonly onChange: (change: ObjectChange) => void;
  readonly log: Log;
  readonly random?: () => number;
  readonly backoff?: BackoffLimits;
  /** The list is read anew after this (±20 %) even while all seems well. */
  readonly relistMs?: number;
  /** A watch that brought nothing for so long before it broke is not resumed; ms. */
  readonly muteMs?: number;
  /** A list or watch failed, or the version expired. */
  readonly onRestart?: (reason: string) => void;
}

/** A watch that ends sooner than this without an event counts as an error. */
const SHORT_WATCH_MS = 1000;
/**
 * A watch that breaks so often in a row, or that was mute for so long, is not resumed, but the list read anew: after a backup was
 * restored a server knows only lower versions, and says nothing to who asks for a higher one.
 */
const RESUMES = 5;
const MUTE_MS = 30_000;

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #random: () => number;
  readonly #scope: ListOptions;
  readonly #stop = new AbortController();
  readonly #mirror: Mirror;
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
    this.#mirror = new Mirror(options.indexLabel ?? '', (change) => this.#tell(change));
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

  /** Whether the first list was read whole. It stays true. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the first list was read; never if the reflector is stopped before. */
  whenSynced(): Promise<void> {
    return this.#synced;
  }

  /** What the last list or watch failed with; undefined when the server has answered since. */
  get problem(): string | undefined {
    return this.#problem?.message;
  }

  /** Whether that is a refusal, which trying again will hardly change (no rights). */
  get refused(): boolean {
    return this.#problem instanceof StoreError && !this.#problem.retryable;
  }

  /** Milliseconds since the server last said anything: list, event, bookmark or an orderly end. */
  get lastEventAgeMs(): number {
    return performance.now() - this.#lastSign;
  }

  /** Milliseconds since the loop last did anything, be it to fail: large means that it hangs. */
  get lastActivityAgeMs(): number {
    return performance.now() - Math.max(this.#lastSign, this.#lastTry);
  }

  get(metadata: { readonly name: string; readonly namespace?: string }): KubeObject | undefined {
    return this.#mirror.objects.get(keyOf(metadata));
  }

  list(scope: ListOptions = {}): KubeObject[] {
    return this.#mirror.objects.list(scope);
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
    const wish = error instanceof StoreError ? (error.retryAfterMs ?? 0) : 0;
    const limits = this.#options.backoff ?? { minMs: 800, maxMs: 30_000 };
    const ms = Math.max(wish, backoffMs(this.#failures++, limits, this.#random));
    const { namespace } = this.#options;
    const fields = {
      ...errorFields(error),
      resource: this.resource.plural,
      ...(namespace !== undefined && { namespace }),
      againInMs: Math.round(ms),
    };
    if (reason === 'expired') this.#options.log.debug(fields, 'watch version expired, listing again');
    else this.#options.log.warn(fields, 'cannot watch, trying again');
    await sleep(ms, this.#stop.signal);
  }

  /** Reads the list, tells what differs from the copy, returns the version to watch from. */
  async #relist(): Promise<string> {
    const { items, resourceVersion } = await this.#options.store.list(this.resource, this.#scope);
    if (this.#stop.signal.aborted) return resourceVersion;
    this.#sign();
    this.#mirror.replace(items);
    this.#hasSynced = true;
    this.#markSynced();
    return resourceVersion;
  }

  /** Watches until the server ends it in order. Returns the version to go on from, undefined to list again. */
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
        if (event.type === 'DELETED') this.#mirror.unset(event.object);
        else this.#mirror.set(event.object);
        version = event.object.metadata.resourceVersion ?? version;
      }
    } catch (error) {
      const expired = error instanceof StoreError && error.code === 'expired';
      const mute = events === 0 && performance.now() - started > (this.#options.muteMs ?? MUTE_MS);
      throw new WatchBroken(expired || mute ? undefined : version, error);
    }
    if (due.aborted) return undefined;
    if (!signal.aborted && events === 0 && performance.now() - started < SHORT_WATCH_MS) {
      const message = `watch of ${this.resource.plural} ended at once`;
      throw new WatchBroken(version, new StoreError('unavailable', message));
    }
    this.#sign();
    return version;
  }

  #sign(): void {
    this.#lastSign = performance.now();
    this.#problem = undefined;
  }

  #tell(change: ObjectChange): void {
    try {
      this.#options.onChange(change);
    } catch (error) {
      const name = keyOf((change.after ?? change.before)?.metadata ?? { name: '' });
      const fields = { ...errorFields(error), resource: this.resource.plural, name };
      this.#options.log.error(fields, 'a change could not be handled');
    }
  }
}

/** Why a watch ended, and where the next one may go on (undefined: list again). */
class WatchBroken extends Error {
  readonly version: string | undefined;

  constructor(version: string | undefined, cause: unknown) {
    super('watch broken', { cause });
    this.version = version;
  }
}
