/**
 * What `npm start` says of tokens: a warning where any token charges, and otherwise the command that adds one to the list.
 * The Redis of a run has an address and a password of its own, which nobody can know.
 */
import { defaultedSpec } from '../api/defaults.ts';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import { LOGIN } from '../render/redis-access.ts';
import { isReady, type Pod } from './kinds.ts';
import { podVolume } from './kubelet/pod.ts';
import { belongsTo } from './cli/state-line.ts';

const REDIS_PORT = 6379;
const EXAMPLE = `04A2B3C4 '{"status":"Accepted"}'`;

/** The lines about one cluster. `command` is there once its Redis runs. */
export function tokenLines(cluster: OcppCluster, redis: boolean, command?: string): string[] {
  const { processor, redis: settings } = defaultedSpec(cluster);
  const line = (label: string, text: string) => `  ${label.padEnd(22)}${text}`;
  if (processor.unknownTokens === 'Accept') {
    return [line('WARNING', 'any token charges, as spec.processor.unknownTokens is Accept')];
  }
  if (settings.external !== undefined) {
    return [line('tokens that charge', `those in the hash ${hashOf(cluster)} of your Redis`)];
  }
  if (!redis) {
    return [
      line('tokens that charge', 'none: without Redis there is no list; set spec.processor.unknownTokens'),
    ];
  }
  if (command === undefined)
    return [line('tokens that charge', 'those in the list; the command to add one follows')];
  return [line('tokens that charge', 'those in the list; to add one:'), `    ${command}`];
}

/**
 * Adds a token to the list of a cluster; undefined while its Redis is not ready, or is not one of this run.
 * @param folder of the run
 */
export function tokenCommand(cluster: OcppCluster, pods: readonly Pod[], folder: string): string | undefined {
  const pod = pods.find((one) => belongsTo(one, cluster) && portOf(one) !== undefined && isReady(one));
  const host = pod?.status?.podIP;
  if (pod === undefined || host === undefined) return undefined;
  const { database } = defaultedSpec(cluster).redis;
  const port = portOf(pod);
  const options = [
    `-h ${host}`,
    ...(port === REDIS_PORT ? [] : [`-p ${port}`]),
    ...(database === 0 ? [] : [`-n ${database}`]),
  ].join(' ');
  const password = pod.spec.volumes?.some(({ name }) => name === LOGIN)
    ? `REDISCLI_AUTH="$(cat ${podVolume(folder, pod, LOGIN)}/password)" `
    : '';
  return `${password}redis-cli ${options} HSET '${hashOf(cluster)}' ${EXAMPLE}`;
}

function hashOf(cluster: OcppCluster): string {
  const { channelPrefix, stateKeyPrefix } = defaultedSpec(cluster).redis;
  return `${stateKeyPrefix || channelPrefix}:tokens`;
}

/** Only the Pod of an embedded Redis has a port of this name. */
const portOf = ({ spec }: Pod) =>
  spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === 'redis')?.containerPort;
