/** A request to an API server, and its verb and resource as in the audit log. Pure. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Of the body; default: JSON. */
  readonly contentType?: string;
  /** For the complete response; default: 30 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called right before the request is sent; false cancels it. */
  readonly mayStart?: () => boolean;
}

export interface Call {
  /** get, list, watch, create, update, apply, delete. */
  readonly verb: string;
  /** Plural, with the subresource (`ocppclusters/status`), or `discovery`. */
  readonly resource: string;
}

const VERBS = { POST: 'create', PUT: 'update', PATCH: 'apply', DELETE: 'delete' } as const;

/** @param request its path is `/api/v1/…` or `/apis/GROUP/VERSION/…`, as built by ResourcePaths */
export function callOf({ method, path, query }: Pick<KubeRequest, 'method' | 'path' | 'query'>): Call {
  const [root, ...rest] = path.split('/').filter((part) => part !== '');
  const inVersion = rest.slice(root === 'api' ? 1 : 2);
  // namespaces/NAME alone is a Namespace object; with more segments it is a prefix.
  const place = inVersion[0] === 'namespaces' && inVersion.length > 2 ? inVersion.slice(2) : inVersion;
  const [plural = 'discovery', name, subresource] = place;
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  if (method !== 'GET') return { verb: VERBS[method], resource };
  if (query?.['watch'] === 'true') return { verb: 'watch', resource };
  return { verb: name === undefined && plural !== 'discovery' ? 'list' : 'get', resource };
}
