/**
 * A kind of an add-on, whose CRD may be installed or removed at any time. Discovery runs at an interval, and the objects are
 * watched while the kind is served.
 */
import { type Resource, StoreError } from '../kube/object-store.ts';
import { sleep } from '../../services/runtime/clock.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';
import type { Reflector } from './reflector.ts';
import { unlessStopped } from './waiting.ts';

export interface OptionalKindOptions {
  readonly resource: Resource;
  readonly serves: (resource: Resource) => Promise<boolean>;
  /** Creates one for each watched namespace. */
  readonly reflectors: () => readonly Reflector[];
  /** Called after the first discovery, after the first complete list, and when the kind is gone. */
  readonly onChange: () => void;
  readonly log: Log;
  readonly random: () => number;
  /** Interval of discovery (ms, ±20 %). */
  readonly discoveryMs: number;
}

export class OptionalKind {
  readonly #options: OptionalKindOptions;
  readonly #stop = new AbortController();
  #answered = false;
  #wake = new AbortController();
  #reflectors: readonly Reflector[] = [];
  #running: Promise<void> | undefined;

  constructor(options: OptionalKindOptions) {
    this.#options = options;
  }

  get resource(): Resource {
    return this.#options.resource;
  }

  /** Empty while the kind is not served. */
  get reflectors(): readonly Reflector[] {
    return this.#reflectors;
  }

  /** Whether discovery has answered and, if the kind is served, its objects were read. */
  get known(): boolean {
    return this.#answered && this.#reflectors.every(({ hasSynced, refused }) => hasSynced || refused);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  /** Runs discovery now, not only when it is due: a list reported that the kind is gone. */
  discover(): void {
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { discoveryMs, random } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      await this.#discover();
      const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
      await sleep(discoveryMs * (0.8 + 0.4 * random()), signal);
    }
  }

  async #discover(): Promise<void> {
    const { resource, serves, log } = this.#options;
    let served: boolean;
    try {
      served = await unlessStopped(serves(resource), this.#stop.signal);
    } catch (error) {
      // A failed discovery proves nothing: watches continue.
      if (this.#stop.signal.aborted) return;
      const refused = error instanceof StoreError && !error.retryable;
      const fields = { ...errorFields(error), resource: resource.plural };
      if (refused) log.warn(fields, 'discovery refused, unknown whether the API server serves this kind');
      else log.debug(fields, 'discovery failed, unknown whether the API server serves this kind');
      return;
    }
    const first = !this.#answered;
    this.#answered = true;
    if (served && this.#reflectors.length === 0) this.#watch();
    else if (first) this.#options.onChange();
    if (!served && this.#reflectors.length > 0) await this.#unwatch();
  }

  #watch(): void {
    const { resource, reflectors, onChange: onTurn, log } = this.#options;
    const started = reflectors();
    this.#reflectors = started;
    log.info(
      { resource: resource.plural, group: resource.group },
      'the API server serves this kind, watching',
    );
    for (const reflector of started) {
      reflector.start();
      void reflector.whenSynced().then(() => this.#reflectors === started && onTurn());
    }
  }

  async #unwatch(): Promise<void> {
    const { resource, onChange: onTurn, log } = this.#options;
    const ended = this.#reflectors;
    this.#reflectors = [];
    log.info(
      { resource: resource.plural, group: resource.group },
      'the API server no longer serves this kind',
    );
    await Promise.all(ended.map((reflector) => reflector.stop()));
    onTurn();
  }
}
