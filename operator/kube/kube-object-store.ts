/** ObjectStore on an API server. */
import { isDeepStrictEqual } from 'node:util';
import { errorOf } from './answer.ts';
import type { KubeHttp } from './http.ts';
import {
  type ApplyOptions,
  type KubeObject,
  type ListOptions,
  type ObjectList,
  type ObjectRef,
  type ObjectStore,
  type Resource,
  StoreError,
  type WatchEvent,
} from './object-store.ts';
import { RenderingMemo } from './rendering-memo.ts';
import { ResourcePaths } from './resource-paths.ts';
import type { KubeRequest } from './request.ts';

export interface KubeObjectStoreOptions {
  /** Field manager of server-side apply. */
  readonly manager?: string;
  /** A cache of live objects; objects missing in it are read from the server. */
  readonly cached?: (ref: ObjectRef) => KubeObject | undefined;
  /** A watch without events for longer is broken: the server sends a bookmark about every minute. */
  readonly watchIdleMs?: number;
  /** Whether this process may still write; checked right before each write is sent. */
  readonly mayWrite?: () => boolean;
  readonly random?: () => number;
}

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';
const PAGE = '500';

export class KubeObjectStore implements ObjectStore {
  readonly #http: KubeHttp;
  readonly #paths: ResourcePaths;
  readonly #options: KubeObjectStoreOptions;
  readonly #memo = new RenderingMemo();
  readonly #applyQuery: {
    readonly fieldManager: string;
    readonly force: string;
    readonly fieldValidation: string;
  };

  constructor(http: KubeHttp, options: KubeObjectStoreOptions = {}) {
    this.#http = http;
    this.#paths = new ResourcePaths(http);
    this.#options = options;
    this.#applyQuery = {
      fieldManager: options.manager ?? 'ocpp-operator',
      force: 'true',
      fieldValidation: 'Strict',
    };
  }

  serves(resource: Resource): Promise<boolean> {
    return this.#paths.serves(resource);
  }

  async get(ref: ObjectRef): Promise<KubeObject | undefined> {
    try {
      return trim(await this.#http.json({ method: 'GET', path: this.#paths.of(ref) }));
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ObjectList> {
    const path = this.#paths.collection(resource, options.namespace);
    const items: KubeObject[] = [];
    let resourceVersion = '';
    let next: string | undefined = '';
    while (next !== undefined) {
      const query = { limit: PAGE, ...selector(options), ...(next === '' ? {} : { continue: next }) };
      const page = (await this.#http.json({ method: 'GET', path, query })) as ListPage;
      resourceVersion ||= page.metadata.resourceVersion;
      for (const item of page.items ?? []) items.push(typed(resource, trim(item)));
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    }
    return { items, resourceVersion };
  }

  async *watch(
    resource: Resource,
    options: ListOptions & { readonly resourceVersion: string; readonly signal: AbortSignal },
  ): AsyncGenerator<WatchEvent> {
    const path = this.#paths.collection(resource, options.namespace);
    const seconds = 240 + Math.floor((this.#options.random ?? Math.random)() * 241);
    const lines = this.#http.lines({
      method: 'GET',
      path,
      query: {
        watch: 'true',
        resourceVersion: options.resourceVersion,
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(seconds),
        ...selector(options),
      },
      signal: options.signal,
      idleMs: this.#options.watchIdleMs ?? 90_000,
    });
    for await (const line of lines) if (line !== '') yield eventOf(path, line);
  }

  async apply(
    object: KubeObject,
    { skipRead = false }: ApplyOptions = {},
  ): Promise<{ readonly object: KubeObject; readonly changed: boolean }> {
    const resource = await this.#paths.resourceOf(object);
    const { name, namespace } = object.metadata;
    const ref = { resource, name, ...(namespace === undefined ? {} : { namespace }) };
    const path = this.#paths.of(ref);
    const before = this.#options.cached?.(ref) ?? (skipRead ? undefined : await this.get(ref));
    if (before !== undefined && this.#memo.knownUnchanged(path, object, before)) {
      return { object: before, changed: false };
    }
    const rendered = rendering(object);
    if (before !== undefined && this.#memo.unchanged(path, rendered, before)) {
      this.#memo.noteUnchanged(object, before);
      return { object: before, changed: false };
    }
    const after = await this.#patch(path, rendered);
    this.#memo.remember(path, rendered, after);
    return { object: after, changed: before === undefined || !sameButStatus(before, after) };
  }

  async create(object: KubeObject): Promise<boolean> {
    const resource = await this.#paths.resourceOf(object);
    const path = this.#paths.collection(resource, object.metadata.namespace);
    const { fieldManager, fieldValidation } = this.#applyQuery;
    try {
      const query = { fieldManager, fieldValidation };
      await this.#write({ method: 'POST', path, query, body: object });
      return true;
    } catch (error) {
      // Also while it is being deleted, or when another operator just created it: an object exists.
      if (error instanceof StoreError && error.code === 'conflict') return false;
      throw error;
    }
  }

  async patchStatus(ref: ObjectRef, status: object): Promise<KubeObject> {
    const { resource, name, namespace } = ref;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
    const body = { apiVersion: this.#paths.apiVersion(resource), kind: resource.kind, metadata, status };
    return this.#patch(`${this.#paths.of(ref)}/status`, body);
  }

  async scale(ref: ObjectRef, replicas: number): Promise<void> {
    const path = `${this.#paths.of(ref)}/scale`;
    const query = { fieldManager: this.#applyQuery.fieldManager };
    const body = { spec: { replicas } };
    await this.#write({ method: 'PATCH', path, query, body, contentType: MERGE });
  }

  async delete(ref: ObjectRef, options: { readonly uid?: string } = {}): Promise<void> {
    const path = this.#paths.of(ref);
    const preconditions = options.uid === undefined ? {} : { preconditions: { uid: options.uid } };
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      ...preconditions,
    };
    this.#memo.forget(path);
    try {
      await this.#write({ method: 'DELETE', path, body });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
    }
  }

  #write(request: KubeRequest): Promise<unknown> {
    const { mayWrite } = this.#options;
    return this.#http.json(mayWrite === undefined ? request : { ...request, mayStart: mayWrite });
  }

  async #patch(path: string, body: object): Promise<KubeObject> {
    const query = this.#applyQuery;
    try {
      return trim(await this.#write({ method: 'PATCH', path, query, body, contentType: APPLY }));
    } catch (error) {
      // The server answers 500 for fields that are not in the schema, but a retry never helps.
      const unknownField = error instanceof StoreError && error.message.includes('typed patch object');
      throw unknownField ? new StoreError('invalid', error.message, { status: 500, cause: error }) : error;
    }
  }
}

interface ListPage {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly unknown[] | null;
}

function selector({ labelSelector, fieldSelector }: ListOptions): Record<string, string> {
  return { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) };
}

function eventOf(path: string, line: string): WatchEvent {
  let event: { readonly type: string; readonly object: unknown };
  try {
    event = JSON.parse(line) as typeof event;
  } catch (cause) {
    throw new StoreError('unavailable', `watch ${path}: an event is not JSON`, { cause });
  }
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event.type, object: trim(event.object) };
    case 'BOOKMARK': {
      const { resourceVersion } = (event.object as KubeObject).metadata;
      return { type: 'BOOKMARK', resourceVersion: resourceVersion ?? '' };
    }
    case 'ERROR': {
      const { code = 500, message = '' } = event.object as { code?: number; message?: string };
      throw errorOf({ method: 'GET', path }, code, message);
    }
    default:
      throw new StoreError('unavailable', `watch ${path}: unknown event type ${event.type}`);
  }
}

/** Drops managedFields: half of an object, and never read. */
function trim(answer: unknown): KubeObject {
  const object = answer as { metadata?: { managedFields?: unknown } };
  if (object.metadata !== undefined) delete object.metadata.managedFields;
  return answer as KubeObject;
}

/** Items in lists of built-in kinds have no kind. */
function typed(resource: Resource, item: KubeObject): KubeObject {
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  return { ...item, apiVersion, kind: resource.kind };
}

/** The object to send: only fields of the caller, none that the server sets. */
function rendering(object: KubeObject): KubeObject {
  const { name, namespace, uid, labels, annotations, ownerReferences, finalizers } = object.metadata;
  const { status: _, ...rest } = object as KubeObject & { readonly status?: unknown };
  const metadata = { name, namespace, uid, labels, annotations, ownerReferences, finalizers };
  return JSON.parse(JSON.stringify({ ...rest, metadata })) as KubeObject;
}

function sameButStatus(before: KubeObject, after: KubeObject): boolean {
  if (before.metadata.resourceVersion === after.metadata.resourceVersion) return true;
  const content = (object: KubeObject) => {
    const { status: _, metadata, ...rest } = object as KubeObject & { readonly status?: unknown };
    return { ...rest, metadata: { ...metadata, resourceVersion: '' } };
  };
  return isDeepStrictEqual(content(before), content(after));
}
