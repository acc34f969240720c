/**
 * What a cluster runs: image, image of the embedded Redis, and the render revision of its Pod templates. Chosen once
 * and kept in the status, so that an upgrade of the operator moves no station; a change of spec.image chooses
 * anew, and so does every upgrade with spec.upgrade Auto. Pure.
 */
import type { SettledSpec } from '../api/defaults.ts';
import type { OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { OLDEST_RENDER_REVISION, RENDER_REVISION } from '../render/revision.ts';

/** What the operator gives to clusters that do not say. */
export interface OwnImages {
  /** `repository:tag` of ws-proxy and processor. */
  readonly image: string;
  readonly redisImage: string;
}

export interface Release extends OwnImages {
  /** `repository:tag` of spec.image as it was asked for. */
  readonly imageRequested: string;
  readonly renderRevision: number;
  /** The revision that a newer operator gave to this cluster and that this one cannot render. */
  readonly unknownRevision?: number;
}

/**
 * @param running images of the workloads as they are: clusters of release 0.1.0 have that of Redis not in their status, and one whose
 *   status was lost is no new one
 */
export function chooseRelease(
  { image, upgrade }: Pick<SettledSpec, 'image' | 'upgrade'>,
  status: OcppClusterStatus | undefined,
  own: OwnImages,
  running: Partial<OwnImages> = {},
): Release {
  const imageRequested = `${image.repository}:${image.tag}`;
  const asked = (status?.imageRequested ?? imageRequested) !== imageRequested;
  if (status?.image === undefined || asked || upgrade === 'Auto') {
    const kept = asked || upgrade === 'Auto' ? {} : running;
    const chosen = chooseImage(image, kept.image ?? own.image);
    const redisImage = kept.redisImage ?? own.redisImage;
    return { imageRequested, image: chosen, redisImage, renderRevision: RENDER_REVISION };
  }
  const found = status.renderRevision ?? 1;
  return {
    imageRequested,
    image: status.image,
    redisImage: status.redis?.image ?? running.redisImage ?? own.redisImage,
    renderRevision: Math.min(RENDER_REVISION, Math.max(OLDEST_RENDER_REVISION, found)),
    ...(found > RENDER_REVISION && { unknownRevision: found }),
  };
}

function chooseImage({ repository, tag }: SettledSpec['image'], own: string): string {
  if (repository === '' && tag === '') return own;
  const [ownRepository, ownTag] = splitImage(own);
  return `${repository || ownRepository}:${tag || ownTag}`;
}

/** A registry's port has a colon too; a digest (`name:tag@sha256:…`) belongs to the tag. */
function splitImage(image: string): readonly [string, string] {
  const [named = ''] = image.split('@');
  const colon = named.lastIndexOf(':');
  if (colon <= named.lastIndexOf('/')) return [named, 'latest'];
  return [image.slice(0, colon), image.slice(colon + 1)];
}
