/**
 * Entries of stations from the files of a mounted Secret: each `*.json` is an object from identity to entry. A Secret holds 1 MiB, about
 * 8000 stations. Entries cannot be changed through OCPP here.
 */
import { sleep } from '../runtime/clock.ts';
import { readFolder } from '../runtime/followed-folder.ts';
import type { Lookup } from './decide.ts';
import { checkStationEntry, EntryError } from './station-entry.ts';
import { SourceError, type SourceRequest, type StationSource } from './station-source.ts';

export interface FilesSourceOptions {
  readonly folder: string;
  /** A change was applied, or refused. Called once for each change. */
  readonly onChange: (change: FilesChange) => void;
}

export type FilesChange =
  | { readonly kind: 'applied'; readonly stations: number }
  /** The last good files stay. */
  | { readonly kind: 'refused'; readonly problem: string };

/** How often the folder is read; ms. */
const CHECK_INTERVAL = 1000;

export class FilesSource implements StationSource, Disposable {
  readonly #options: FilesSourceOptions;
  readonly #stopped = new AbortController();
  #entries: ReadonlyMap<string, Lookup> | undefined;
  #seen = '';
  #refused = false;

  constructor(options: FilesSourceOptions) {
    this.#options = options;
  }

  /** Whether the files as they are now are not applied. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Rejects with SourceError when there are no usable files: a proxy must not start with an empty list by mistake. */
  async start(): Promise<void> {
    await this.check();
    if (this.#entries === undefined)
      throw new SourceError(`${this.#options.folder}: no usable entries of stations`);
    void this.#follow();
  }

  async find({ presented: { identity } }: Pick<SourceRequest, 'presented'>): Promise<Lookup> {
    return this.#entries?.get(identity) ?? { kind: 'unknown' };
  }

  async findAll(identities: readonly string[]): Promise<readonly Lookup[]> {
    return identities.map((identity) => this.#entries?.get(identity) ?? { kind: 'unknown' });
  }

  /** Reads the folder once. It does not reject. */
  async check(): Promise<void> {
    const { folder, onChange } = this.#options;
    try {
      const files = await readFolder(folder);
      if (files === undefined) return;
      const texts = [...files].filter(([name]) => name.endsWith('.json'));
      const seen = texts.map(([name, bytes]) => `${name}\n${bytes.toString('base64')}`).join('\n');
      if (seen === this.#seen) return;
      this.#seen = seen;
      const entries = entriesOf(folder, texts);
      this.#entries = entries;
      this.#refused = false;
      onChange({ kind: 'applied', stations: entries.size });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (this.#refused && this.#seen === problem) return;
      if (!(error instanceof EntryError)) this.#seen = problem;
      this.#refused = true;
      onChange({ kind: 'refused', problem });
    }
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

/** @throws EntryError that names the file and the station */
function entriesOf(folder: string, files: readonly (readonly [string, Buffer])[]): Map<string, Lookup> {
  if (files.length === 0) throw new EntryError(`${folder}: there is no *.json file`);
  const entries = new Map<string, Lookup>();
  for (const [name, bytes] of files) {
    for (const [identity, value] of Object.entries(objectOf(`${folder}/${name}`, bytes))) {
      if (entries.has(identity))
        throw new EntryError(`${folder}/${name}: station ${identity} is listed twice`);
      try {
        entries.set(identity, { kind: 'entry', entry: checkStationEntry(value) });
      } catch (error) {
        throw new EntryError(`${folder}/${name}: station ${identity}: ${(error as Error).message}`);
      }
    }
  }
  return entries;
}

function objectOf(file: string, bytes: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new EntryError(`${file}: not JSON`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new EntryError(`${file}: not an object from identity to entry`);
}
