/**
 * Knows, without asking the server, whether applying a rendering would change anything.
 *
 * After each apply it keeps, per object, a hash of what was applied and how the server shows exactly
 * those fields (it writes "0.5" as "500m" and fills in defaults). As long as the rendering has the
 * same hash and the live object still shows the same, an apply would be a no-op and is left out; a
 * field that the rendering drops changes the hash, and a foreign hand on one of our fields changes
 * what is shown. So a quiet cluster costs no request at all, and a new process one no-op apply per
 * object, which the server does not store. Nothing is written into the objects for this.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from './object-store.ts';

interface Applied {
  /** Of the live object: one that was made anew by another hand is not what we applied. */
  readonly uid: string | undefined;
  readonly hash: string;
  readonly shown: unknown;
}

/** Beyond this, those unused longest are forgotten; they cost one no-op apply. */
const LIMIT = 10_000;

export class RenderingMemo {
  readonly #applied = new Map<string, Applied>();
  /** By what a caller gave to apply: the version of the live object that was found to be what it makes. */
  readonly #seen = new WeakMap<KubeObject, string>();

  /**
   * Whether settled() was true for this very object and this very version of `live` before. It spares the work of
   * writing both out and comparing them to callers that give the same object again; objects are never written to.
   */
  seen(key: string, given: KubeObject, live: KubeObject): boolean {
    return this.#applied.has(key) && this.#seen.get(given) === versionOf(live);
  }

  noteSeen(given: KubeObject, live: KubeObject): void {
    this.#seen.set(given, versionOf(live));
  }

  /** Whether `live` is what applying `rendered` makes of it. */
  settled(key: string, rendered: object, live: KubeObject): boolean {
    const applied = this.#applied.get(key);
    if (applied?.hash !== hashOf(rendered) || applied.uid !== live.metadata.uid) return false;
    this.#keep(key, applied);
    return isDeepStrictEqual(shownOf(rendered, live), applied.shown);
  }

  /** The server made `live` of `rendered`. */
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

/** `live` at the places that `rendered` has. A list whose length differs is shown whole. */
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
