/**
 * The only import of @kubernetes/client-node. The library finds the cluster and the credentials (kubeconfig, in-cluster,
 * exec plugins, rotating token files). Requests go through KubeHttp, as the library's own calls drop unknown fields and its
 * watches do not recover from an error.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { type Endpoint, KubeHttp, type KubeHttpOptions } from './http.ts';

export interface KubeClient {
  readonly http: KubeHttp;
  /** URL of the API server. */
  readonly server: string;
  /** Namespace of the current context (in a Pod: of the Pod). */
  readonly namespace: string;
}

/**
 * Finds the cluster as kubectl does: the given kubeconfig file, or KUBECONFIG, ~/.kube/config, the ServiceAccount of the
 * Pod. Makes no request yet.
 * @throws Error with one line about what is missing or wrong
 */
export function connectKube(kubeconfig?: string, options: KubeHttpOptions = {}): KubeClient {
  let config = firstLoad(kubeconfig);
  const { server, proxyUrl } = currentCluster(config);
  const viaProxy = proxyUrl !== undefined;
  const endpoint: Endpoint = {
    server,
    async authenticate(request) {
      await config.applyToHTTPSOptions(request);
      // The library's agent neither keeps connections nor notices new client certificates.
      if (!viaProxy) delete request.agent;
    },
    renew() {
      // The library caches a token for a minute, and the contents of a kubeconfig without a limit.
      try {
        const fresh = load(kubeconfig);
        // Without a kubeconfig the library falls back to a cluster at localhost.
        if (fresh.getCurrentCluster()?.server === server) config = fresh;
      } catch {
        // The file is being written: the old credentials stay until it is complete.
      }
    },
  };
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  return { http: new KubeHttp(endpoint, options), server, namespace };
}

const NOT_FOUND =
  'no Kubernetes cluster found. Looked for KUBECONFIG, ~/.kube/config and the ServiceAccount of a Pod. ' +
  'Set KUBECONFIG to a kubeconfig file, or run the operator in a Pod (npm start needs no Kubernetes)';

/** What the library assumes when it finds neither a kubeconfig nor a ServiceAccount. */
const FALLBACK = { context: 'loaded-context', server: 'http://localhost:8080' };

function firstLoad(kubeconfig: string | undefined): KubeConfig {
  try {
    return load(kubeconfig);
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Error(`cannot read the kubeconfig: ${why.replace(/:$/, '')}`, { cause: error });
  }
}

function currentCluster(config: KubeConfig) {
  const cluster = config.getCurrentCluster();
  const context = config.getCurrentContext();
  if (context === FALLBACK.context && cluster?.server === FALLBACK.server) throw new Error(NOT_FOUND);
  if (cluster?.server === undefined) {
    throw new Error(
      `the current context of the kubeconfig (${context || 'none'}) names no cluster; choose one: kubectl config use-context`,
    );
  }
  if (!URL.canParse(cluster.server)) {
    throw new Error(`the server of the kubeconfig is not a URL: ${cluster.server}`);
  }
  return cluster;
}

function load(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  return config;
}
