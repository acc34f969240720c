/**
 * Who may use the API. An access token has 256 random bits, of which SHA-256 is a safe stored form: a folder has one file per
 * token, and the file of the cluster's own token has it in clear. Both are mounted Secrets, which change while the program runs:
 * they are read again every second at most. A token that is no longer there is refused from then on.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { FileText } from '../../runtime/file-text.ts';
import { readFolder } from '../../runtime/followed-folder.ts';
import { errorFields, type Log } from '../../runtime/log.ts';
import { type Scope, SCOPES } from './scope.ts';

/** The access token of a request. */
export interface Caller {
  readonly name: string;
  readonly scope: Scope;
}

export interface AccessFiles {
  /** Folder with a file `{"sha256":"<64 hex>","scope":"read|command|admin"}` for each token, named as the token; '' for none. */
  readonly folder: string;
  /** File with the token of scope admin, in clear; '' for none. */
  readonly adminTokenFile: string;
}

interface Known extends Caller {
  readonly digest: Buffer;
}

/** How long what was read counts as current; ms. */
const CHECK_INTERVAL = 1000;
/** Each request is compared with all of them. */
const MOST_TOKENS = 1000;
/** Name of the token in `adminTokenFile`. */
const ADMIN = 'admin';

export class AccessTokens {
  readonly #files: AccessFiles;
  readonly #admin: FileText | undefined;
  readonly #log: Log;
  #known: readonly Known[] = [];
  #checkedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #problems = '';

  constructor(files: AccessFiles, log: Log) {
    this.#files = files;
    this.#admin = files.adminTokenFile === '' ? undefined : new FileText(files.adminTokenFile);
    this.#log = log;
  }

  /** @param authorization the header as received @returns undefined for a token that is not known */
  async callerOf(authorization: string | undefined): Promise<Caller | undefined> {
    const [, given] = /^Bearer +([\x21-\x7e]{1,512}) *$/i.exec(authorization ?? '') ?? [];
    if (given === undefined) return undefined;
    await this.#refresh();
    const digest = digestOf(given);
    const found = this.#known.find((one) => timingSafeEqual(one.digest, digest));
    return found && { name: found.name, scope: found.scope };
  }

  /** Why no request can be permitted; undefined: some can. */
  async problem(): Promise<string | undefined> {
    await this.#refresh();
    if (this.#known.length > 0) return undefined;
    return `there is no usable access token${this.#problems === '' ? '' : `: ${this.#problems}`}`;
  }

  async #refresh(): Promise<void> {
    if (performance.now() - this.#checkedAt < CHECK_INTERVAL) return;
    this.#reading ??= this.#read().finally(() => {
      this.#checkedAt = performance.now();
      this.#reading = undefined;
    });
    await this.#reading;
  }

  /** What cannot be read permits nothing: a token may have been taken back. */
  async #read(): Promise<void> {
    const problems: string[] = [];
    const failed = (what: string) => (error: unknown) => {
      problems.push(`${what}: ${(errorFields(error) as { error: string }).error}`);
    };
    const admin = await this.#admin?.read().catch(failed(this.#files.adminTokenFile));
    const folder = this.#files.folder;
    const files = folder === '' ? new Map<string, Buffer>() : await readFolder(folder).catch(failed(folder));
    // The folder is being replaced: what is known counts until the next reading.
    const replaced = files === undefined && problems.length === 0;
    const ofFolder = replaced ? this.#known.filter(({ name }) => name !== ADMIN) : knownIn(files, problems);
    const own =
      typeof admin === 'string' ? [{ name: ADMIN, scope: 'admin' as const, digest: digestOf(admin) }] : [];
    this.#known = [...own, ...ofFolder];
    this.#report(problems.join('; '));
  }

  #report(problems: string): void {
    if (problems === this.#problems) return;
    this.#problems = problems;
    if (problems !== '') this.#log.warn({ problems }, 'some access tokens are not usable, and are refused');
  }
}

function knownIn(files: ReadonlyMap<string, Buffer> | void, problems: string[]): Known[] {
  const known: Known[] = [];
  for (const [name, content] of files ?? []) {
    const entry =
      name === ADMIN ? `the name ${ADMIN} is that of the cluster's own token` : readEntry(content);
    if (typeof entry === 'string') problems.push(`${name}: ${entry}`);
    else if (known.length >= MOST_TOKENS) problems.push(`${name}: there are more than ${MOST_TOKENS} tokens`);
    else known.push({ name, ...entry });
  }
  return known;
}

/** @returns a text for an entry that is not usable, without its content */
function readEntry(content: Buffer): Omit<Known, 'name'> | string {
  let value: unknown;
  try {
    value = JSON.parse(content.toString());
  } catch {
    return 'the file is not JSON';
  }
  const { sha256, scope } = (value ?? {}) as { readonly sha256?: unknown; readonly scope?: unknown };
  const known = SCOPES.find((one) => one === scope);
  if (known === undefined) return `scope must be one of ${SCOPES.join(', ')}`;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256))
    return 'sha256 must be the SHA-256 digest of the token, 64 hexadecimal digits';
  return { scope: known, digest: Buffer.from(sha256, 'hex') };
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
