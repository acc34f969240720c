/**
 * What a cluster runs: image, image of the embedded Redis, and the render revision of its Pod templates. Chosen once
 * and kept in the status, so that an upgrade of the operator moves no station; a change of spec.image chooses
 * anew, and so does every upgrade with spec.upgrade Auto. Pure.
 */
import type { DefaultedSpec, OcppClusterStatus } from '../api/ocpp-cluster.ts';
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

/** What the workloads of a cluster have: where its status does not tell, it is no new one all the same. */
export interface Running {
  readonly image?: string;
  readonly redisImage?: string;
  readonly renderRevision?: number;
  /** Of the embedded Redis; null: it has no password. Left out: there is no Redis yet. */
  readonly redisPasswordSecret?: string | null;
}

export function chooseRelease(
  { image, upgrade }: Pick<DefaultedSpec, 'image' | 'upgrade'>,
  status: OcppClusterStatus | undefined,
  own: OwnImages,
  running: Running = {},
): Release {
  const imageRequested = `${image.repository}:${image.tag}`;
  const asked = (status?.imageRequested ?? imageRequested) !== imageRequested;
  const known = status?.image ?? (running.image && chooseImage(image, running.image));
  if (known === undefined || asked || upgrade === 'Auto') {
    const chosen = chooseImage(image, own.image);
    return { imageRequested, image: chosen, redisImage: own.redisImage, renderRevision: RENDER_REVISION };
  }
  // Clusters of release 0.1.0 have no word of it, neither in their status nor in their objects.
  const found = (status?.image === undefined ? running.renderRevision : status.renderRevision) ?? 1;
  return {
    imageRequested,
    image: known,
    redisImage: status?.redis?.image ?? running.redisImage ?? own.redisImage,
    renderRevision: Math.min(RENDER_REVISION, Math.max(OLDEST_RENDER_REVISION, found)),
    ...(found > RENDER_REVISION && { unknownRevision: found }),
  };
}

function chooseImage({ repository, tag }: DefaultedSpec['image'], own: string): string {
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
