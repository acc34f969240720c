/** Commands for the Redis of a run, whose address and password are its own: look into it, and add a token that may charge. */
import { PORT } from '../../../services/contract.ts';
import { defaultedSpec } from '../../api/defaults.ts';
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import { LOGIN } from '../../render/redis-access.ts';
import { belongsTo, componentOf, containerPort, isReady, type Pod } from '../kinds.ts';
import { podVolume } from '../kubelet/pod.ts';

const EXAMPLE = `04A2B3C4 '{"status":"Accepted"}'`;

/**
 * `redis-cli` with address and password; undefined while the Redis is not ready, or is not one of this run.
 * @param folder of the run
 */
export function redisCommand(cluster: OcppCluster, pods: readonly Pod[], folder: string): string | undefined {
  const pod = pods.find((one) => belongsTo(one, cluster) && componentOf(one) === 'redis' && isReady(one));
  const host = pod?.status?.podIP;
  if (pod === undefined || host === undefined) return undefined;
  const { database, embedded } = defaultedSpec(cluster).redis;
  const hasTls = embedded?.tls !== undefined;
  const port = containerPort(pod.spec, 'redis') ?? PORT.redis;
  const password = pod.spec.volumes?.some(({ name }) => name === LOGIN)
    ? [`REDISCLI_AUTH="$(cat ${podVolume(folder, pod, LOGIN)}/password)"`]
    : [];
  return [
    ...password,
    `redis-cli ${hasTls ? '--tls --insecure ' : ''}-h ${host}`,
    ...(port === PORT.redis ? [] : [`-p ${port}`]),
    ...(database === 0 ? [] : [`-n ${database}`]),
  ].join(' ');
}

/** Adds a token to the list. @param redis as redisCommand() returns it */
export const tokenCommand = (cluster: OcppCluster, redis: string): string =>
  `${redis} HSET '${tokensKey(cluster)}' ${EXAMPLE}`;

export function tokensKey(cluster: OcppCluster): string {
  const { channelPrefix, stateKeyPrefix } = defaultedSpec(cluster).redis;
  return `${stateKeyPrefix || channelPrefix}:tokens`;
}
