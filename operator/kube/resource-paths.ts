/** URL paths of resources, and the resource of a kind (discovered once per group). */
import type { KubeHttp } from './http.ts';
import { type KubeObject, type ObjectRef, type Resource, StoreError } from './object-store.ts';

interface ResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

export class ResourcePaths {
  readonly #http: KubeHttp;
  /** Keyed by `apiVersion/kind`. Bounded by the kinds that the server serves in the used groups. */
  readonly #known = new Map<string, Resource>();

  constructor(http: KubeHttp) {
    this.#http = http;
  }

  apiVersion({ group, version }: Resource): string {
    return group === '' ? version : `${group}/${version}`;
  }

  collection(resource: Resource, namespace?: string): string {
    const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
    return `${base(this.apiVersion(resource))}${scope}/${resource.plural}`;
  }

  /** @throws StoreError `invalid` when the name, or the namespace of a namespaced kind, is missing */
  of({ resource, name, namespace }: ObjectRef): string {
    if (!name || (resource.namespaced && !namespace)) {
      const missing = name ? 'metadata.namespace' : 'metadata.name';
      throw new StoreError('invalid', `${resource.kind} ${name}: ${missing} is missing`);
    }
    return `${this.collection(resource, namespace)}/${segment(name)}`;
  }

  /** @throws StoreError `not-found` when the server does not serve the kind */
  async resourceOf({ apiVersion, kind }: KubeObject): Promise<Resource> {
    const key = `${apiVersion}/${kind}`;
    if (!this.#known.has(key)) {
      for (const one of await this.#discover(apiVersion)) this.#known.set(`${apiVersion}/${one.kind}`, one);
    }
    const found = this.#known.get(key);
    if (found !== undefined) return found;
    const message = `the API server does not serve ${kind} of ${apiVersion}; is its CRD installed?`;
    throw new StoreError('not-found', message, { status: 404 });
  }

  /** Asks the server each time. */
  async serves(resource: Resource): Promise<boolean> {
    try {
      const served = await this.#discover(this.apiVersion(resource));
      return served.some(({ plural, kind }) => plural === resource.plural && kind === resource.kind);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'not-found') return false;
      throw error;
    }
  }

  /** The resources of a group, without subresources. @throws StoreError `not-found` for an unknown group or version */
  async #discover(apiVersion: string): Promise<Resource[]> {
    const answer = await this.#http.json({ method: 'GET', path: base(apiVersion) });
    const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
    return (answer as ResourceList).resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, kind, namespaced }) => ({ group, version, kind, plural: name, namespaced }));
  }
}

const base = (apiVersion: string) =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

/** A name is one path segment: the rule of the API server for every kind of name. */
function segment(name: string): string {
  if (name !== '.' && name !== '..' && !/[/%]/.test(name)) return encodeURIComponent(name);
  throw new StoreError(
    'invalid',
    `"${name}" is not a valid object name: it must not be . or .. and must not contain / or %`,
  );
}
