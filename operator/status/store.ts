/** The data in Redis: whether they are the same as before, and which Pods may not use them. Pure. */
import type { DefaultedSpec, OcppCluster, StoreStatus } from '../api/ocpp-cluster.ts';
import { idOf, namesOf, type Observed } from '../observe/observe.ts';
import type { StoreReading } from '../scaling/demand.ts';
import type { Problem } from './conditions.ts';

/**
 * Its value is the identity of the data that are in Redis now, so that an annotation that was left behind never accepts
 * a later loss.
 */
export const ACKNOWLEDGE_DATA_LOSS = 'ocpp.dev/acknowledge-data-loss';

/** With the end of the certificate of Redis. It stays while no processor tells, and goes with the TLS of the spec. */
export function withCertificate(
  store: StoreStatus | undefined,
  before: StoreStatus | undefined,
  expires: number | undefined,
  { redis }: Pick<DefaultedSpec, 'redis'>,
): StoreStatus | undefined {
  if (store === undefined || (redis.embedded?.tls ?? redis.external?.tls) === undefined) return store;
  const at =
    expires === undefined
      ? before?.certificateNotAfter
      : `${new Date(expires * 1000).toISOString().slice(0, 19)}Z`;
  return at === undefined ? store : { ...store, certificateNotAfter: at };
}

/** A missing reading changes nothing. @param now RFC 3339 */
export function storeStatusOf(
  before: StoreStatus | undefined,
  reading: number | undefined,
  { metadata }: OcppCluster,
  now: string,
): StoreStatus | undefined {
  if (before === undefined) return reading === undefined ? undefined : { identity: reading };
  const found = reading ?? before.lost?.identity ?? before.identity;
  const accepted = metadata.annotations?.[ACKNOWLEDGE_DATA_LOSS] === String(found);
  if (found === before.identity || accepted) return { identity: found };
  const since = before.lost?.identity === found ? before.lost.since : now;
  return { identity: before.identity, lost: { identity: found, since } };
}

export function storeProblems(
  { metadata: { name, namespace = 'default' } }: OcppCluster,
  store: StoreStatus | undefined,
  reading: StoreReading | undefined,
  { pods }: Observed,
): readonly Problem[] {
  const named = (uids: readonly string[] = []) => namesOf(pods.filter((pod) => uids.includes(idOf(pod))));
  const [refused, taken] = [named(reading?.loginRefused), named(reading?.prefixTaken)];
  return [
    ...(store?.lost === undefined ? [] : [dataLost(store, `-n ${namespace} annotate ocpp ${name}`)]),
    ...problem(
      'PrefixTaken',
      taken,
      'the Redis prefix belongs to another cluster, which /readyz and the log of the Pod name. Give each cluster its own prefix, database or Redis',
    ),
    ...problem(
      'LoginRefused',
      refused,
      'Redis refuses the password. After a change of the Secret this passes within two minutes; otherwise compare both',
    ),
  ];
}

const problem = (reason: 'PrefixTaken' | 'LoginRefused', pods: string, message: string): Problem[] =>
  pods === '' ? [] : [{ reason, message: `${pods}: ${message}` }];

const dataLost = ({ identity, lost }: StoreStatus, annotate: string): Problem => ({
  reason: 'DataLost',
  message:
    `since ${lost?.since} Redis has other data than before (${lost?.identity} instead of ${identity}): open transactions, tokens and ` +
    'registrations are lost. Restore a backup (docs/operations.md), or accept the loss: ' +
    `kubectl ${annotate} --overwrite ${ACKNOWLEDGE_DATA_LOSS}=${lost?.identity}`,
});
