/** Whether the network goes on without a pause when one node is lost. From the spec alone: a wish, not a measurement. Pure. */
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import { no, type Verdict, yes } from './verdict.ts';

export function highlyAvailable({ proxy, processor, redis }: DefaultedSpec): Verdict {
  const { autoscaling, replicas } = processor;
  const processors =
    autoscaling.mode === 'Off' ? (replicas ?? autoscaling.minReplicas) : autoscaling.minReplicas;
  const single: [reason: string, message: string][] = [];
  if (redis.embedded !== undefined) {
    single.push([
      'SingleRedisPod',
      'the embedded Redis is one Pod: while it moves to another node stations stay connected and wait; redis.external with mode Sentinel or Cluster has no such pause',
    ]);
  }
  if ((proxy.autoscaling?.minReplicas ?? proxy.replicas) < 2) {
    single.push([
      'SingleProxy',
      `there ${proxy.autoscaling === undefined ? 'is' : 'may be'} one ws-proxy: all stations go with its node; set ` +
        `proxy.${proxy.autoscaling === undefined ? 'replicas' : 'autoscaling.minReplicas'} to 2 or more`,
    ]);
  }
  if (processors < 2) {
    const field = autoscaling.mode === 'Off' ? 'replicas' : 'autoscaling.minReplicas';
    single.push([
      'SingleProcessor',
      `there may be one processor: stations wait while it is started elsewhere; set processor.${field} to 2 or more`,
    ]);
  }
  const [first] = single;
  if (first !== undefined) return no(first[0], single.map(([, message]) => message).join('; '));
  if (redis.external?.mode === undefined || redis.external.mode === 'Standalone') {
    const address = redis.external?.addresses.join(', ') ?? '';
    const message = `whether the Redis at ${address} outlives the loss of a node is not to be seen from here`;
    return { status: 'Unknown', reason: 'StandaloneRedis', message };
  }
  return yes('NoSinglePod', 'nothing of this cluster depends on one node');
}
