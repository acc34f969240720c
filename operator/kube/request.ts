/** A request to an API server, and how its audit log names it: verb and resource. Pure. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Of the body; JSON where left out. */
  readonly contentType?: string;
  /** For the whole answer; 30 s where left out. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Asked at the last moment before the request leaves: false, and it does not. */
  readonly mayStart?: () => boolean;
}

export interface Call {
  /** get, list, watch, create, update, apply, delete. */
  readonly verb: string;
  /** Plural, with the subresource (`ocppclusters/status`), or `discovery`. */
  readonly resource: string;
}

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'apply', DELETE: 'delete' } as const;

/** @param request its path is `/api/v1/…` or `/apis/GROUP/VERSION/…`, as ResourcePaths makes them */
export function callOf({ method, path, query }: Pick<KubeRequest, 'method' | 'path' | 'query'>): Call {
  const [root, ...rest] = path.split('/').filter((part) => part !== '');
  const inVersion = rest.slice(root === 'api' ? 1 : 2);
  // namespaces/NAME alone is a namespace, with more it says where something is.
  const place = inVersion[0] === 'namespaces' && inVersion.length > 2 ? inVersion.slice(2) : inVersion;
  const [plural = 'discovery', name, subresource] = place;
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  if (method !== 'GET') return { verb: VERBS[method], resource };
  if (query?.['watch'] === 'true') return { verb: 'watch', resource };
  return { verb: name === undefined && plural !== 'discovery' ? 'list' : 'get', resource };
}
