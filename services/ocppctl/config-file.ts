/** What `ocppctl login` stores: where the API is, and the token. Only its owner can read the file. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from './exit.ts';
import type { ClusterReference } from './kubectl.ts';

/** One of url and cluster. */
export interface Login {
  readonly url?: string;
  readonly cluster?: ClusterReference;
  readonly token: string;
}

export interface ConfigFile {
  readonly file: string;
  /** Undefined before the first login. @throws ExitError for a file that is no login */
  read(): Login | undefined;
  /** @throws ExitError */
  write(login: Login): void;
}

export function configFile(file: string): ConfigFile {
  return {
    file,
    read() {
      const text = readText(file);
      if (text === undefined) return undefined;
      const login = parsed(text);
      if (login === undefined) throw failure(`${file} is no login of ocppctl: run ocppctl login again`);
      return login;
    },
    write(login) {
      const draft = `${file}.${process.pid}`;
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        writeFileSync(draft, `${JSON.stringify(login, undefined, 1)}\n`, { mode: 0o600, flag: 'wx' });
        renameSync(draft, file);
      } catch (error) {
        rmSync(draft, { force: true });
        throw failure(`the login cannot be stored: ${(error as Error).message}`);
      }
    },
  };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw failure(`the login cannot be read: ${(error as Error).message}`);
  }
}

function parsed(text: string): Login | undefined {
  try {
    const login = JSON.parse(text) as Partial<Login> | null;
    const hasPlace = typeof login?.url === 'string' || typeof login?.cluster?.name === 'string';
    return typeof login?.token === 'string' && hasPlace ? (login as Login) : undefined;
  } catch {
    return undefined;
  }
}
