/** Add-ons that the spec requires and the Kubernetes cluster does not have, as problems to report. Pure. */
import type { DefaultedSpec, OcppClusterStatus } from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import type { Resource } from '../kube/object-store.ts';
import { CERTIFICATES, HTTP_ROUTES, SCALED_OBJECTS } from '../render/resources.ts';
import type { Problem } from '../status/conditions.ts';

/** Discovery answers within seconds after the start; until then nothing is reported. */
const KNOWN_AFTER_MS = 10_000;

/** @param forMs time since the first pass of this process over the cluster */
export function addOnProblems(
  spec: DefaultedSpec,
  caches: Pick<Caches, 'serves'>,
  before: OcppClusterStatus | undefined,
  forMs: number,
): Problem[] {
  // A new leader keeps the finding of the last one, so that a change of leader does not look like a recovery.
  const known = before?.conditions?.some(({ reason }) => reason === 'AddOnMissing') === true;
  if (!known && forMs < KNOWN_AFTER_MS) return [];
  return missingAddOns(spec, (resource) => caches.serves(resource)).map((message) => ({
    reason: 'AddOnMissing',
    message,
  }));
}

/** Messages with the remedy. Monitoring is optional: its default, Auto, uses the kinds that exist. */
export function missingAddOns(
  { proxy, processor, listeners, redis }: Pick<DefaultedSpec, 'proxy' | 'processor' | 'listeners' | 'redis'>,
  serves: (resource: Resource) => boolean,
): string[] {
  const missing: string[] = [];
  if (proxy.gateway !== undefined && !serves(HTTP_ROUTES))
    missing.push(
      `spec.proxy.gateway needs ${notServed(HTTP_ROUTES)}: ` +
        'stations cannot connect through the Gateway. Install the Gateway API, or remove spec.proxy.gateway',
    );
  if (processor.autoscaling.mode === 'KEDA' && !serves(SCALED_OBJECTS))
    missing.push(
      `spec.processor.autoscaling.mode KEDA needs ${notServed(SCALED_OBJECTS)}: ` +
        'the number of processors stays. Install KEDA 2.17 or later, or set another mode',
    );
  const issued = listeners.filter(({ tls }) => tls?.issuerRef !== undefined).map(({ name }) => name);
  if (issued.length > 0 && !serves(CERTIFICATES))
    missing.push(
      `tls.issuerRef of ${issued.join(', ')} needs ${notServed(CERTIFICATES)}: ` +
        'the ws-proxies wait for a certificate. Install cert-manager, or set tls.secretName',
    );
  if (redis.embedded?.tls?.issuerRef !== undefined && !serves(CERTIFICATES))
    missing.push(
      `spec.redis.embedded.tls.issuerRef needs ${notServed(CERTIFICATES)}: ` +
        'Redis waits for a certificate. Install cert-manager, or set tls.secretName',
    );
  return missing;
}

const notServed = ({ group, version, kind }: Resource) =>
  `the kind ${kind}, but the API server does not serve ${group}/${version} or the operator may not list it`;
