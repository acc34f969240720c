/**
 * The only import of @kubernetes/client-node. Of it we use what it does well, finding the cluster and
 * the credentials (kubeconfig, in-cluster, exec plugins, token files that rotate); requests go over
 * KubeHttp, as the library's own calls drop unknown fields and its watches end for good after one error.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { type Endpoint, KubeHttp, type KubeHttpOptions } from './http.ts';

export interface KubeClient {
  readonly http: KubeHttp;
  /** URL of the API server, for logs. */
  readonly server: string;
  /** Namespace of the current context (in a cluster: of this Pod). */
  readonly namespace: string;
}

/**
 * Connects as kubectl would: the given kubeconfig file, or KUBECONFIG, ~/.kube/config, the Pod's
 * ServiceAccount. No request is made yet.
 * @throws Error when there is no cluster in any of them
 */
export function connectKube(kubeconfig?: string, options: KubeHttpOptions = {}): KubeClient {
  let config = load(kubeconfig);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) {
    throw new Error('no Kubernetes cluster: set KUBECONFIG, or run in a Pod with a ServiceAccount token');
  }
  const viaProxy = config.getCurrentCluster()?.proxyUrl !== undefined;
  const endpoint: Endpoint = {
    server,
    async authenticate(request) {
      await config.applyToHTTPSOptions(request);
      // The library's agent does not keep connections, nor notice new client certificates.
      if (!viaProxy) delete request.agent;
    },
    renew() {
      // The library keeps a token for a minute, and what a kubeconfig says for good.
      try {
        const fresh = load(kubeconfig);
        // Without its file the library knows a cluster all the same, at localhost.
        if (fresh.getCurrentCluster()?.server === server) config = fresh;
      } catch {
        // Just being written: with the old ones until it is there.
      }
    },
  };
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  return { http: new KubeHttp(endpoint, options), server, namespace };
}

function load(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  return config;
}
