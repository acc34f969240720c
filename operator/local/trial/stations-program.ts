/** The stations program of this repository as a child process: it writes entries of stations and hashes their passwords. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { ENV, PORT, PROGRAM } from '../../../services/contract.ts';
import { defaultedSpec } from '../../api/defaults.ts';
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import { LOGIN, redisHost } from '../../render/redis-access.ts';
import { belongsTo, componentOf, containerPort, isReady, type Pod } from '../kinds.ts';
import { podVolume } from '../kubelet/pod.ts';
import { sourceOf } from '../programs.ts';

type Variables = Readonly<Record<string, string>>;

/** The variables that lead to the register of a cluster; undefined while its Redis is not ready, or is not one of this run. */
export function registerVariables(
  cluster: OcppCluster,
  pods: readonly Pod[],
  folder: string,
  passwordKeyFile: string,
): Variables | undefined {
  const pod = pods.find((one) => belongsTo(one, cluster) && componentOf(one) === 'redis' && isReady(one));
  const host = pod?.status?.podIP;
  if (pod === undefined || host === undefined) return undefined;
  const spec = defaultedSpec(cluster);
  const { database, channelPrefix, stateKeyPrefix } = spec.redis;
  const hasLogin = pod.spec.volumes?.some(({ name }) => name === LOGIN) === true;
  return {
    [ENV.redisAddr]: `${host}:${containerPort(pod.spec, 'redis') ?? PORT.redis}`,
    ...(hasLogin && { [ENV.redisPasswordFile]: `${podVolume(folder, pod, LOGIN)}/password` }),
    ...(database !== 0 && { [ENV.redisDb]: String(database) }),
    ...(channelPrefix !== 'ocpp' && { [ENV.channelPrefix]: channelPrefix }),
    ...(stateKeyPrefix !== '' && { [ENV.stateKeyPrefix]: stateKeyPrefix }),
    ...(spec.redis.embedded?.tls !== undefined && {
      [ENV.redisTls]: 'true',
      [ENV.redisTlsCaFile]: `${podVolume(folder, pod, 'redis-tls')}/ca.crt`,
      [ENV.redisTlsServerName]: redisHost(cluster),
    }),
    [ENV.passwordKeyFile]: passwordKeyFile,
  };
}

/** As a command for a shell. */
export const stationsCommand = (variables: Variables, args: string): string =>
  `${Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')} npm run --silent stations -- ${args}`;

/** @returns its output @throws Error with what it says */
export async function runStations(
  args: readonly string[],
  variables: Variables,
  input: string,
): Promise<string> {
  const child = spawn(process.execPath, [sourceOf(PROGRAM.stations), ...args], {
    env: { ...variables },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {
    // It ended before it read everything; its status says why.
  });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, output, problem] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(problem.trim());
  return output;
}
