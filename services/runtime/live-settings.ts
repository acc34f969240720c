/**
 * Settings that a program applies while it runs: those with `live` in its table. The order is default, environment, file of the
 * settings folder. If one text is bad, none of them is applied and the last good values stay.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Clock, sleep, systemClock } from './clock.ts';
import { type Environment, readSettings, type Setting, type Settings, type SettingsOf } from './config.ts';
import { errorFields, type LeveledLog } from './log.ts';
import { readSettingsFolder } from './settings-folder.ts';

export interface LiveSettingsOptions {
  /** '' for none: nothing changes. */
  readonly folder: string;
  /** Its level is a setting too. */
  readonly log: LeveledLog;
  readonly clock?: Clock;
  readonly env?: Environment;
}

/** How often the folder is read; ms. */
const CHECK_INTERVAL = 1000;

export class LiveSettings<const S extends Settings> implements Disposable {
  /** Parts read a live value each time they use it. */
  readonly values: SettingsOf<S>;
  readonly #table: Readonly<Record<string, Setting<unknown>>>;
  readonly #options: LiveSettingsOptions;
  readonly #clock: Clock;
  readonly #stopped = new AbortController();
  /** The last texts as JSON, or the last error. */
  #seen = '';
  #rejected = false;
  #appliedAt: number;

  /** @param start as loadConfig returned them */
  constructor(table: S, start: SettingsOf<S>, options: LiveSettingsOptions) {
    this.#table = Object.fromEntries(Object.entries(table).filter(([, { live }]) => live === true));
    this.values = { ...start };
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#appliedAt = this.#clock.now();
  }

  /** Whether the files as they are now are not applied. */
  get rejected(): boolean {
    return this.#rejected;
  }

  /** When the values last changed; without a change, the start. ms since 1970 */
  get appliedAt(): number {
    return this.#appliedAt;
  }

  /** Applies what the files say now, and follows them until disposed. */
  async start(): Promise<void> {
    if (this.#options.folder === '') return;
    await this.check();
    void this.#follow();
  }

  /** Reads the folder once. It does not reject. */
  async check(): Promise<void> {
    const { folder, log } = this.#options;
    try {
      const names = Object.values(this.#table).map(({ env }) => env);
      const texts = await readSettingsFolder(folder, names);
      if (texts !== undefined && this.#isNew(JSON.stringify(texts))) this.#take(texts);
    } catch (error) {
      this.#rejected = true;
      const fields = { folder, ...errorFields(error) };
      if (this.#isNew(JSON.stringify(fields)))
        log.error(fields, 'the settings cannot be read; the last ones stay');
    }
  }

  #isNew(seen: string): boolean {
    if (seen === this.#seen) return false;
    this.#seen = seen;
    return true;
  }

  #take(texts: Environment): void {
    const { log, env } = this.#options;
    const { values, problems } = readSettings(this.#table, env, texts);
    this.#rejected = problems.length > 0;
    if (this.#rejected)
      return log.error({ problems }, 'the settings are not applied; the last good ones stay');
    const before: Readonly<Record<string, unknown>> = this.values;
    const changed = Object.entries(values).filter(([name, value]) => !isDeepStrictEqual(before[name], value));
    if (changed.length === 0) return;
    const changes = changed.map(([name, value]) => describe(this.#table[name], before[name], value));
    Object.assign(this.values, values);
    this.#appliedAt = this.#clock.now();
    log.info({ changes }, 'settings applied');
    if (typeof values['logLevel'] === 'string') log.level = values['logLevel'];
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await sleep(CHECK_INTERVAL, signal);
      if (!signal.aborted) await this.check();
    }
  }

  [Symbol.dispose](): void {
    this.#stopped.abort();
  }
}

/** Durations in ms, as programs have them. */
function describe(setting: Setting<unknown> | undefined, before: unknown, after: unknown): string {
  const name = setting?.env ?? '';
  return setting?.sensitive === true ? name : `${name}: ${textOf(before)} -> ${textOf(after)}`;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.join(',') : JSON.stringify(value);
}
