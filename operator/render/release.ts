/**
 * What a cluster runs: its image, the image of the embedded Redis, and the render revision of its Pod templates. Chosen once
 * and kept in the status, so that an operator upgrade disconnects no station. A change of spec.image chooses again,
 * and with spec.upgrade Auto every operator upgrade does. Pure.
 */
import type { DefaultedSpec, OcppClusterStatus } from '../api/ocpp-cluster.ts';
import { OLDEST_RENDER_REVISION, RENDER_REVISION } from './revision.ts';

/** Defaults of the operator for clusters whose spec names no image. */
export interface OwnImages {
  /** `repository:tag` of ws-proxy and processor. */
  readonly image: string;
  readonly redisImage: string;
}

export interface Release extends OwnImages {
  /** `repository:tag` of spec.image as given; empty: it names neither. */
  readonly imageRequested: string;
  readonly renderRevision: number;
  /** The revision that a newer operator gave this cluster, if this operator cannot render it. */
  readonly unknownRevision?: number;
}

/** What the workloads of a cluster run. It identifies an existing cluster whose status was lost. */
export interface Running {
  readonly image?: string;
  readonly redisImage?: string;
  readonly renderRevision?: number;
  /** Of its programs: the uid of a cluster that was deleted without its objects, and created again, is another one. */
  readonly clusterId?: string;
  /** Secret with the token of its admin ports. */
  readonly adminSecret?: string;
  /** Of the embedded Redis; null: it has no password. Absent: there is no Redis yet. */
  readonly redisPasswordSecret?: string | null;
}

export function chooseRelease(
  { image, upgrade }: Pick<DefaultedSpec, 'image' | 'upgrade'>,
  status: OcppClusterStatus | undefined,
  own: OwnImages,
  running: Running = {},
): Release {
  const imageRequested = requested(image);
  // The status has an image and no request if there was none; earlier releases wrote `:` then.
  const before = (status?.imageRequested ?? '').replace(/^:$/, '');
  const changed = status?.image !== undefined && before !== imageRequested;
  const known = status?.image ?? (running.image && chooseImage(image, running.image));
  if (known === undefined || changed || upgrade === 'Auto') {
    const chosen = chooseImage(image, own.image);
    return { imageRequested, image: chosen, redisImage: own.redisImage, renderRevision: RENDER_REVISION };
  }
  // Release 0.1.0 wrote no revision, neither to the status nor to the objects.
  const found = (status?.image === undefined ? running.renderRevision : status.renderRevision) ?? 1;
  return {
    imageRequested,
    image: known,
    redisImage: status?.redis?.image ?? running.redisImage ?? own.redisImage,
    renderRevision: Math.min(RENDER_REVISION, Math.max(OLDEST_RENDER_REVISION, found)),
    ...(found > RENDER_REVISION && { unknownRevision: found }),
  };
}

const requested = ({ repository, tag }: DefaultedSpec['image']) =>
  repository === '' && tag === '' ? '' : `${repository}:${tag}`;

export function chooseImage({ repository, tag }: DefaultedSpec['image'], own: string): string {
  if (repository === '' && tag === '') return own;
  const [ownRepository, ownTag] = splitImage(own);
  return `${repository || ownRepository}:${tag || ownTag}`;
}

/** The port of a registry has a colon too; a digest (`name:tag@sha256:…`) belongs to the tag. */
function splitImage(image: string): readonly [string, string] {
  const [named = ''] = image.split('@');
  const colon = named.lastIndexOf(':');
  if (colon <= named.lastIndexOf('/')) return [named, 'latest'];
  return [image.slice(0, colon), image.slice(colon + 1)];
}
