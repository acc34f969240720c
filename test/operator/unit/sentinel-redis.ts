/** An external Redis that sets every field of `spec.redis.external`. */
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';

export const SENTINEL_REDIS: NonNullable<NonNullable<OcppClusterSpec['redis']>['external']> = {
  mode: 'Sentinel',
  addresses: ['a:26379', 'b:26379'],
  credentialsSecretName: 'redis-login',
  tls: {
    caSecretName: 'authority',
    clientCertificateSecretName: 'ours',
    serverName: 'redis.example.com',
  },
  sentinel: { masterName: 'main', credentialsSecretName: 'sentinels', tls: false },
};
