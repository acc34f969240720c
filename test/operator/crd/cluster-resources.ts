/** OcppClusters as they are sent to an API server. */
import type { OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import type { ApiConnection } from '../../support/api-server.ts';

export const CLUSTERS = '/apis/ocpp.dev/v1alpha1/namespaces/default/ocppclusters';

export const cluster = (spec: object, name = 'city'): OcppCluster => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name },
  spec,
});

/** @throws StoreError with the API server's words; nothing is kept with `dryRun` */
export const create = (api: ApiConnection, body: object, dryRun = true) =>
  api.http.json({
    method: 'POST',
    path: CLUSTERS,
    query: { fieldValidation: 'Strict', ...(dryRun && { dryRun: 'All' }) },
    body,
  }) as Promise<OcppCluster>;
