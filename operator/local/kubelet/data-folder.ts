/**
 * A folder of volumes that outlives the run (`npm start -- --data FOLDER`). One run at a time: two Redis servers on one
 * append-only file would destroy it. The lock holds the guard's pid, as the guard lives as long as any child does.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The message is for the user. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

export class DataFolder implements Disposable {
  readonly folder: string;
  readonly #lock: string;

  private constructor(folder: string, lock: string) {
    this.folder = folder;
    this.#lock = lock;
  }

  /** @throws DataFolderError */
  static lock(folder: string, pid: number): DataFolder {
    const absolute = resolve(folder);
    const lock = join(absolute, '.lock');
    makeFolder(folder, absolute);
    try {
      if (!isHeld(lock)) rmSync(lock, { force: true });
      writeFileSync(lock, String(pid), { flag: 'wx' });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new DataFolderError(
        code === 'EEXIST' ? `${folder} is in use by another npm start (${lock})` : `${folder}: ${message}`,
      );
    }
    return new DataFolder(absolute, lock);
  }

  [Symbol.dispose](): void {
    rmSync(this.#lock, { force: true });
  }
}

function makeFolder(folder: string, absolute: string): void {
  try {
    mkdirSync(absolute, { recursive: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DataFolderError(`${folder}${code === 'EEXIST' ? ' is not a folder' : `: ${message}`}`);
  }
}

function isHeld(lock: string): boolean {
  try {
    return process.kill(Number(readFileSync(lock, 'utf8')) || Number.NaN, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
