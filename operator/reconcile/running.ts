/** What the workloads of a cluster run, read back from them. Pure. */
import { LOGIN } from '../render/redis-access.ts';
import { REVISION_ANNOTATION } from '../render/revision.ts';
import type { Observed } from './observe.ts';
import type { Running } from './release.ts';
import type { Workload } from './workloads.ts';

const imageOf = (workload: Workload | undefined) => workload?.spec?.template?.spec?.containers?.[0]?.image;

export function runningOf({ proxy, redis }: Observed): Running {
  const [image, redisImage] = [imageOf(proxy), imageOf(redis)];
  const revision = Number(proxy?.metadata.annotations?.[REVISION_ANNOTATION]);
  const login = redis?.spec?.template?.spec?.volumes?.find(({ name }) => name === LOGIN);
  return {
    ...(image !== undefined && { image }),
    ...(redisImage !== undefined && { redisImage }),
    ...(Number.isInteger(revision) && { renderRevision: revision }),
    ...(redis !== undefined && { redisPasswordSecret: login?.secret?.secretName ?? null }),
  };
}
