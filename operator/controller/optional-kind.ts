/**
 * A kind of an add-on, whose CRD may come and go while we run: the API server's discovery is asked about it
 * now and then, and its objects are watched for as long as it is served.
 */
import { type Resource, StoreError } from '../kube/object-store.ts';
import { sleep } from '../../services/runtime/clock.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';
import type { Reflector } from './reflector.ts';
import { unlessStopped } from './unless-stopped.ts';

export interface OptionalKindOptions {
  readonly resource: Resource;
  readonly serves: (resource: Resource) => Promise<boolean>;
  /** New ones, one for each namespace that is watched. */
  readonly reflectors: () => readonly Reflector[];
  /** A first answer, a first list that was read whole, or the kind is gone. */
  readonly onTurn: () => void;
  readonly log: Log;
  readonly random: () => number;
  /** How often discovery is asked (ms, ±20 %). */
  readonly askMs: number;
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

  /** None while the kind is not served. */
  get reflectors(): readonly Reflector[] {
    return this.#reflectors;
  }

  /** Whether it is known if the kind is served and, if so, what there is of it. */
  get settled(): boolean {
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

  /** Asks now and not only when it is due: a list says that the kind is gone. */
  ask(): void {
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { askMs, random } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      await this.#turn();
      const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
      await sleep(askMs * (0.8 + 0.4 * random()), signal);
    }
  }

  async #turn(): Promise<void> {
    const { resource, serves, log } = this.#options;
    let served: boolean;
    try {
      served = await unlessStopped(serves(resource), this.#stop.signal);
    } catch (error) {
      // No answer is no "no": what is watched stays watched.
      if (this.#stop.signal.aborted) return;
      const refused = error instanceof StoreError && !error.retryable;
      const fields = { ...errorFields(error), resource: resource.plural };
      return log[refused ? 'warn' : 'debug'](fields, 'not known whether the API server serves it');
    }
    const first = !this.#answered;
    this.#answered = true;
    if (served && this.#reflectors.length === 0) this.#begin();
    else if (first) this.#options.onTurn();
    if (!served && this.#reflectors.length > 0) await this.#end();
  }

  #begin(): void {
    const { resource, reflectors, onTurn, log } = this.#options;
    const begun = reflectors();
    this.#reflectors = begun;
    log.info({ resource: resource.plural, group: resource.group }, 'the API server serves it, watching');
    for (const reflector of begun) {
      reflector.start();
      void reflector.whenSynced().then(() => this.#reflectors === begun && onTurn());
    }
  }

  async #end(): Promise<void> {
    const { resource, onTurn, log } = this.#options;
    const ended = this.#reflectors;
    this.#reflectors = [];
    log.info({ resource: resource.plural, group: resource.group }, 'the API server no longer serves it');
    await Promise.all(ended.map((reflector) => reflector.stop()));
    onTurn();
  }
}
