/**
 * Where Kubernetes objects live, as the operator sees it: eight verbs. KubeObjectStore speaks to an
 * API server; MemoryObjectStore (operator/local) keeps them in this process for `npm start`. One
 * suite (test/conformance/object-store.ts) holds both to the same behaviour.
 */

/** Group, version and resource of a kind, as the API server's paths name them. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, lower case. */
  readonly plural: string;
  readonly namespaced: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Any Kubernetes object. `spec`, `data` and the like are reached through a narrower type. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface ObjectRef {
  readonly resource: Resource;
  readonly name: string;
  readonly namespace?: string;
}

export interface ListOptions {
  /** All namespaces where left out. */
  readonly namespace?: string;
  /** Equality selector, such as `a=b,c=d`. */
  readonly labelSelector?: string;
}

export interface ObjectList {
  readonly items: readonly KubeObject[];
  /** Watch from here to miss nothing. */
  readonly resourceVersion: string;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  /** Nothing changed, but everything up to this version has been seen. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface ApplyOptions {
  /** Do not ask first what there is: the caller just did, or nobody wants to know. `changed` may then be true without a change. */
  readonly unread?: boolean;
}

export interface ObjectStore {
  /** Whether there is such a kind, of this version. Kinds of add-ons (a CRD of others) may come and go. */
  serves(resource: Resource): Promise<boolean>;
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  list(resource: Resource, options?: ListOptions): Promise<ObjectList>;
  /**
   * Events after `resourceVersion`, until the server ends the stream or `signal` aborts. Throws
   * StoreError `expired` (HTTP 410) when the version is too old: list again.
   */
  watch(
    resource: Resource,
    options: ListOptions & { readonly resourceVersion: string; readonly signal: AbortSignal },
  ): AsyncIterable<WatchEvent>;
  /**
   * Makes the object as given, with this store's field manager as owner of every field in it
   * (server-side apply, forced). Fields that an earlier apply of ours set and this one leaves out are
   * removed; fields of others stay. Writes nothing when nothing would change: `changed` tells. Given a uid
   * it is about that very object: throws `conflict` where there is none, `invalid` where it is another one.
   */
  apply(
    object: KubeObject,
    options?: ApplyOptions,
  ): Promise<{ readonly object: KubeObject; readonly changed: boolean }>;
  /**
   * Makes the object if there is none of its name; false: there is one, and it stays as it is. For what must
   * be written once and not be read (Secrets).
   */
  create(object: KubeObject): Promise<boolean>;
  /** Replaces `status` of the object by server-side apply on the status subresource. */
  patchStatus(ref: ObjectRef, status: object): Promise<KubeObject>;
  /** Resolves also when it was gone already. Dependents are deleted in the background. */
  delete(ref: ObjectRef, options?: { readonly uid?: string }): Promise<void>;
}

export type StoreErrorCode =
  | 'not-found'
  | 'conflict'
  | 'invalid'
  | 'expired'
  /** Our credentials are not (or no longer) known to the server: they are read anew, and may be right then. */
  | 'unauthenticated'
  | 'forbidden'
  | 'throttled'
  | 'unavailable';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** HTTP status, where there was one. */
  readonly status: number | undefined;
  /** The server's wish (Retry-After), in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: StoreErrorCode,
    message: string,
    details: { status?: number; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }

  get retryable(): boolean {
    return (
      this.code === 'unavailable' ||
      this.code === 'throttled' ||
      this.code === 'conflict' ||
      this.code === 'expired' ||
      this.code === 'unauthenticated'
    );
  }
}
