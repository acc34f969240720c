/**
 * Decides, without a request, whether applying a rendering would change anything.
 *
 * After each apply it keeps, per object, a hash of the rendering and the values of those fields in the server's response
 * (which has "500m" for "0.5", and defaults). While the hash and the live values stay the same, an apply would be a no-op
 * and is skipped. A field dropped from the rendering changes the hash; another client's write to one of our fields changes
 * the live values. So an unchanged cluster costs no request at all, and a new process one no-op apply per object, which
 * the server does not store. Nothing is written into the objects for this.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from './object-store.ts';

interface Applied {
  /** Of the live object: an object that another client created again is not the one we applied. */
  readonly uid: string | undefined;
  readonly hash: string;
  readonly shown: unknown;
}

/** Maximum number of entries. The least recently used are dropped and cost one no-op apply. */
const LIMIT = 10_000;

export class RenderingMemo {
  readonly #applied = new Map<string, Applied>();
  /** Object given to apply → version of the live object that needed no change. */
  readonly #unchanged = new WeakMap<KubeObject, string>();

  /**
   * Whether unchanged() was true for this same object and this version of `live`. Callers that pass the same object
   * again skip the comparison; objects are never modified.
   */
  knownUnchanged(key: string, given: KubeObject, live: KubeObject): boolean {
    return this.#applied.has(key) && this.#unchanged.get(given) === versionOf(live);
  }

  noteUnchanged(given: KubeObject, live: KubeObject): void {
    this.#unchanged.set(given, versionOf(live));
  }

  /** Whether applying `rendered` would leave `live` unchanged. */
  unchanged(key: string, rendered: object, live: KubeObject): boolean {
    const applied = this.#applied.get(key);
    if (applied?.hash !== hashOf(rendered) || applied.uid !== live.metadata.uid) return false;
    this.#keep(key, applied);
    return isDeepStrictEqual(shownOf(rendered, live), applied.shown);
  }

  /** `live` is the server's response to applying `rendered`. */
  remember(key: string, rendered: object, live: KubeObject): void {
    this.#keep(key, { uid: live.metadata.uid, hash: hashOf(rendered), shown: shownOf(rendered, live) });
  }

  forget(key: string): void {
    this.#applied.delete(key);
  }

  #keep(key: string, applied: Applied): void {
    this.#applied.delete(key);
    this.#applied.set(key, applied);
    const [oldest] = this.#applied.keys();
    if (this.#applied.size > LIMIT && oldest !== undefined) this.#applied.delete(oldest);
  }
}

const versionOf = ({ metadata: { uid = '', resourceVersion = '' } }: KubeObject) =>
  `${uid} ${resourceVersion}`;

const hashOf = (rendered: object) => createHash('sha256').update(JSON.stringify(rendered)).digest('base64');

/** The values of `live` at the paths of `rendered`. A list of another length is taken whole. */
function shownOf(rendered: unknown, live: unknown): unknown {
  if (Array.isArray(rendered) && Array.isArray(live)) {
    return rendered.length === live.length ? rendered.map((item, index) => shownOf(item, live[index])) : live;
  }
  if (!isMap(rendered) || !isMap(live)) return live;
  return Object.fromEntries(Object.entries(rendered).map(([key, value]) => [key, shownOf(value, live[key])]));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
