/**
 * Which image a cluster runs. Chosen once and kept in the status, so that an upgrade of the operator
 * (another default) moves no station; a change of spec.image chooses anew. Pure.
 */
import type { OcppClusterStatus } from '../api/ocpp-cluster.ts';
import type { SettledSpec } from '../api/defaults.ts';

export interface ImageChoice {
  readonly image: string;
  readonly imageRequested: string;
}

/** @param fallback the operator's own, `repository:tag` */
export function chooseImage(
  { repository, tag }: SettledSpec['image'],
  status: OcppClusterStatus | undefined,
  fallback: string,
): ImageChoice {
  const imageRequested = `${repository}:${tag}`;
  if (status?.image !== undefined && (status.imageRequested ?? imageRequested) === imageRequested) {
    return { image: status.image, imageRequested };
  }
  if (repository === '' && tag === '') return { image: fallback, imageRequested };
  const [defaultRepository, defaultTag] = splitImage(fallback);
  return { image: `${repository || defaultRepository}:${tag || defaultTag}`, imageRequested };
}

/** A registry's port has a colon too; a digest (`name:tag@sha256:…`) belongs to the tag. */
function splitImage(image: string): readonly [string, string] {
  const [named = ''] = image.split('@');
  const colon = named.lastIndexOf(':');
  if (colon <= named.lastIndexOf('/')) return [named, 'latest'];
  return [image.slice(0, colon), image.slice(colon + 1)];
}
