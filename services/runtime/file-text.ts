/**
 * The text of a file that changes while the program runs, such as a mounted Secret: the kubelet replaces it, so it is read
 * again when it has changed.
 */
import { readFile, stat } from 'node:fs/promises';

/** How long what was read counts as current; ms. */
const CHECK_INTERVAL = 1000;

export class FileText {
  readonly #file: string;
  readonly #now: () => number;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #version = '';
  #text: string | undefined;

  /** @param now ms, of any clock that never goes back */
  constructor(file: string, now: () => number = () => performance.now()) {
    this.#file = file;
    this.#now = now;
  }

  /** Without white space at both ends. Rejects as the file system does, and for an empty file. */
  async read(): Promise<string> {
    const now = this.#now();
    if (this.#text !== undefined && now - this.#checkedAt < CHECK_INTERVAL) return this.#text;
    const { mtimeMs, ino, size } = await stat(this.#file);
    const version = `${mtimeMs} ${ino} ${size}`;
    if (version !== this.#version || this.#text === undefined) {
      const text = (await readFile(this.#file, 'utf8')).trim();
      if (text === '') throw new Error(`${this.#file} is empty`);
      this.#text = text;
      this.#version = version;
    }
    this.#checkedAt = now;
    return this.#text;
  }
}
