/**
 * The store of Kubernetes objects, as the operator uses it: nine verbs. KubeObjectStore talks to an API server;
 * MemoryObjectStore (operator/local) keeps the objects in this process for `npm start`. Both pass the same conformance
 * suite (test/conformance/object-store.ts).
 */

/** Group, version and resource of a kind, as in the paths of the API server. */
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

/** Any Kubernetes object. Narrower types add `spec`, `data` and the like. */
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
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** Equality selector, such as `a=b,c=d`. */
  readonly labelSelector?: string;
  /** The same of fields that the server can select by, such as `involvedObject.uid=u,type=Warning` of Events. */
  readonly fieldSelector?: string;
}

export interface ObjectList {
  readonly items: readonly KubeObject[];
  /** Start a watch from here to miss nothing. */
  readonly resourceVersion: string;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  /** No change; all events up to this version were sent. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface ApplyOptions {
  /** Skips reading the live object: the caller just did, or ignores the result. `changed` may then be true without a change. */
  readonly skipRead?: boolean;
}

export interface ObjectStore {
  /** Whether this version of the kind is served. Kinds of add-ons (CRDs of others) may be installed or removed at any time. */
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
   * Server-side apply, forced: this store's field manager becomes the owner of every field of the object. Fields of an
   * earlier apply that are absent now are removed; fields of other managers stay. Without a difference nothing is written,
   * and `changed` is false. With a uid it applies to that object only: throws `conflict` if there is none, `invalid` if the
   * uid differs.
   */
  apply(
    object: KubeObject,
    options?: ApplyOptions,
  ): Promise<{ readonly object: KubeObject; readonly changed: boolean }>;
  /**
   * Creates the object; false: one of its name exists and stays unchanged. For objects that are written once and
   * never read (Secrets).
   */
  create(object: KubeObject): Promise<boolean>;
  /** Replaces `status` of the object by server-side apply on the status subresource. */
  patchStatus(ref: ObjectRef, status: object): Promise<KubeObject>;
  /**
   * Writes the number of replicas through the scale subresource, as `kubectl scale` and autoscalers do. Other fields of the
   * spec keep their owners. @throws StoreError `not-found` when the object does not exist
   */
  scale(ref: ObjectRef, replicas: number): Promise<void>;
  /** Resolves also when the object does not exist. Dependents are deleted in the background. */
  delete(ref: ObjectRef, options?: { readonly uid?: string }): Promise<void>;
}

export type StoreErrorCode =
  | 'not-found'
  | 'conflict'
  | 'invalid'
  | 'expired'
  /** The server does not accept our credentials; they are read again, so a retry may succeed. */
  | 'unauthenticated'
  | 'forbidden'
  | 'throttled'
  | 'unavailable';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** HTTP status, if there was a response. */
  readonly status: number | undefined;
  /** Retry-After of the server, ms. */
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
