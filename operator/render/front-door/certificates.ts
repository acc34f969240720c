/** A Certificate of cert-manager for each listener with an issuer, and for the embedded Redis. cert-manager writes and renews its Secret; the Pods follow that. */
import type { KubeObject } from '../../kube/object-store.ts';
import { redisCertificateName } from '../redis-access.ts';
import { type Component, nameOf, owned, type RenderInput } from '../render-input.ts';
import { CERTIFICATES } from '../resources.ts';
import { certificateName } from './listeners.ts';

/** Rendered while the API server serves the kind. */
export function listenerCertificates(input: RenderInput): KubeObject[] {
  if (input.serves?.(CERTIFICATES) !== true) return [];
  return input.spec.listeners.flatMap(({ name: listener, tls }) => {
    if (tls?.issuerRef === undefined) return [];
    const name = certificateName(input.cluster, listener);
    const spec = {
      secretName: name,
      issuerRef: tls.issuerRef,
      dnsNames: tls.dnsNames ?? serviceNames(input, 'ws-proxy'),
      // The suites of OCPP that are named TLS_RSA need key encipherment.
      usages: ['digital signature', 'key encipherment', 'server auth'],
    };
    const object = owned(input, CERTIFICATES, 'ws-proxy', { spec });
    return [{ ...object, metadata: { ...object.metadata, name } }];
  });
}

export function redisCertificate(input: RenderInput): KubeObject[] {
  const { tls } = input.spec.redis.embedded ?? {};
  if (input.serves?.(CERTIFICATES) !== true || tls?.issuerRef === undefined) return [];
  const name = redisCertificateName(input.cluster);
  const spec = {
    secretName: name,
    issuerRef: tls.issuerRef,
    dnsNames: serviceNames(input, 'redis'),
    usages: ['digital signature', 'key encipherment', 'server auth'],
  };
  const object = owned(input, CERTIFICATES, 'redis', { spec });
  return [{ ...object, metadata: { ...object.metadata, name } }];
}

/** How Pods of the same Kubernetes cluster name the Service. */
function serviceNames({ cluster, namespace }: RenderInput, component: Component): string[] {
  const service = `${nameOf(cluster, component)}.${namespace}`;
  return [`${service}.svc`, service, `${service}.svc.cluster.local`];
}
