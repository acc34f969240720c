/** Whether the cluster survives the loss of a node without an interruption. From the spec alone, not measured. Pure. */
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import { conditionFalse, type ConditionValue, conditionTrue } from './conditions.ts';

export function highlyAvailable({ proxy, processor, redis }: DefaultedSpec): ConditionValue {
  const { autoscaling, replicas } = processor;
  const processors =
    autoscaling.mode === 'Off' ? (replicas ?? autoscaling.minReplicas) : autoscaling.minReplicas;
  const single: [reason: string, message: string][] = [];
  if (redis.embedded !== undefined) {
    single.push([
      'SingleRedisPod',
      'the embedded Redis is one Pod: while it moves to another node, stations stay connected but get no answers; use redis.external with mode Sentinel or Cluster to avoid this',
    ]);
  }
  if ((proxy.autoscaling?.minReplicas ?? proxy.replicas) < 2) {
    single.push([
      'SingleProxy',
      `there ${proxy.autoscaling === undefined ? 'is' : 'may be'} only one ws-proxy: if its node fails, all stations lose their connection; set ` +
        `proxy.${proxy.autoscaling === undefined ? 'replicas' : 'autoscaling.minReplicas'} to 2 or more`,
    ]);
  }
  if (processors < 2) {
    const field = autoscaling.mode === 'Off' ? 'replicas' : 'autoscaling.minReplicas';
    single.push([
      'SingleProcessor',
      `there may be only one processor: if its node fails, stations wait until it runs on another node; set processor.${field} to 2 or more`,
    ]);
  }
  const [first] = single;
  if (first !== undefined) return conditionFalse(first[0], single.map(([, message]) => message).join('; '));
  if (redis.external?.mode === undefined || redis.external.mode === 'Standalone') {
    const address = redis.external?.addresses.join(', ') ?? '';
    const message = `the operator cannot tell whether the Redis at ${address} survives the loss of a node`;
    return { status: 'Unknown', reason: 'StandaloneRedis', message };
  }
  return conditionTrue('NoSinglePod', 'no part of this cluster depends on a single node');
}
