/** What the Pods say of who the stations are, and of certificates: of listeners, of stations, of the internal authority. Pure. */
import { METRIC } from '../../services/contract.ts';
import type { CertificateReading, RefusedFiles, SecurityReading } from '../scaling/demand.ts';
import type { Sample } from './scrape.ts';

/**
 * @param staying the latest sample of each ws-proxy that stays; undefined for one without a recent sample
 * @param leaving those of draining ones
 * @param processors the latest recent sample of each processor
 */
export function securityReading(
  staying: readonly (Sample | undefined)[],
  leaving: readonly Sample[],
  processors: readonly Sample[] = [],
): SecurityReading | undefined {
  const heard = [...staying.filter((sample) => sample !== undefined), ...leaving];
  // Pods of earlier releases say nothing.
  const telling = heard.filter(({ values }) => values[METRIC.proxyUnproven] !== undefined);
  if (telling.length === 0) return undefined;
  const counted = [...staying, ...telling.filter((one) => leaving.includes(one))];
  const unproven = sum(counted.map((sample) => sample?.values[METRIC.proxyUnproven]));
  const stationsExpiring = sum(counted.map(expiringStations));
  const authorities = processors.flatMap(({ values }) => values[METRIC.authorityExpiry] ?? []);
  return {
    ...(unproven !== undefined && { unproven }),
    ...(stationsExpiring !== undefined && { stationsExpiring }),
    ...(authorities.length > 0 && { authorityExpires: Math.min(...authorities) }),
    certificates: earliest(telling),
    rejected: rejectedBy(telling),
    sourceFailing: telling
      .filter(({ values }) => values[METRIC.stationSourceFailing] === 1)
      .map(({ pod }) => pod),
  };
}

/** Undefined if one of them is not known. */
function sum(counts: readonly (number | undefined)[]): number | undefined {
  const known = counts.filter((count) => count !== undefined);
  return known.length === counts.length ? known.reduce((all, count) => all + count, 0) : undefined;
}

/** Within 7 days. */
const expiringStations = (sample: Sample | undefined) =>
  sample?.series?.[METRIC.stationCertificatesExpiring]?.find(({ labels }) => labels['within'] === '7d')
    ?.value;

/** Of each file of each listener: Pods may still have different ones. */
function earliest(samples: readonly Sample[]): CertificateReading[] {
  const first = new Map<string, CertificateReading>();
  for (const { labels, value: expires } of samples.flatMap(
    ({ series }) => series?.[METRIC.certificateExpiry] ?? [],
  )) {
    const { listener = '', what = 'certificate' } = labels;
    const key = JSON.stringify([listener, what]);
    const known = first.get(key);
    if (known === undefined || expires < known.expires) first.set(key, { listener, what, expires });
  }
  return [...first].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

/** One problem of each listener, the same one at each look: Pods may have read different files. */
function rejectedBy(samples: readonly Sample[]): RefusedFiles[] {
  const first = new Map<string, RefusedFiles>();
  for (const { labels } of samples.flatMap(({ series }) => series?.[METRIC.tlsRefusal] ?? [])) {
    const { listener = '', problem = '' } = labels;
    const known = first.get(listener);
    if (known === undefined || problem < known.problem) first.set(listener, { listener, problem });
  }
  return [...first.values()].sort((a, b) => (a.listener < b.listener ? -1 : 1));
}
