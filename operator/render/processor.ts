/** The processors: a Deployment whose size only the scaler decides. */
import type { DefaultedProcessor } from '../api/ocpp-cluster.ts';
import type { V1DeploymentSpec } from '@kubernetes/client-node';
import { DEFAULT, ENV, PROGRAM } from '../../services/contract.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { adminMount } from './admin-access.ts';
import { podTemplate } from './pod.ts';
import {
  ADMIN_PORT,
  lastStationsSeconds,
  NONROOT,
  probes,
  programEnv,
  unlessDefault,
  type Variable,
} from './program.ts';
import { redisVolumes } from './redis-access.ts';
import { DEPLOYMENTS } from './resources.ts';
import { selectorLabels, type RenderInput, workload } from './render-input.ts';

const RESOURCES = { requests: { cpu: '100m', memory: '192Mi' }, limits: { memory: '512Mi' } };
/** Time to requeue unfinished work and exit, s. */
const MARGIN_SECONDS = 15;

export function processorDeployment(input: RenderInput): KubeObject {
  const { processor } = input.spec;
  const admin = adminMount(input);
  const redis = redisVolumes(input);
  const volumes = [...redis.volumes, ...admin.volumes];
  const volumeMounts = [...redis.volumeMounts, ...admin.volumeMounts];
  const lastSeconds = lastStationsSeconds(input);
  const container = {
    image: processor.image === '' ? input.image : processor.image,
    args: [PROGRAM.processor],
    env: [
      ...programEnv(input, RESOURCES, processor.podTemplate),
      ...admin.env,
      ...handlerEnv(processor),
      // No caller waits for an answer longer than the call timeout.
      { name: ENV.stopGrace, value: `${processor.callTimeoutSeconds}s` },
      ...(lastSeconds > 0 ? [{ name: ENV.lastStations, value: `${lastSeconds}s` }] : []),
    ],
    ports: [ADMIN_PORT],
    ...(volumeMounts.length > 0 && { volumeMounts }),
    ...probes(input),
  };
  const graceSeconds = lastSeconds + processor.callTimeoutSeconds + MARGIN_SECONDS;
  const deployment = {
    replicas: input.processorReplicas,
    revisionHistoryLimit: 3,
    ...(input.holdRollouts === true && { paused: true }),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    selector: { matchLabels: selectorLabels(input.cluster, 'processor') },
    template: podTemplate(
      input,
      'processor',
      { user: NONROOT, graceSeconds, resources: RESOURCES, container, volumes },
      processor.podTemplate,
    ),
  } satisfies V1DeploymentSpec;
  return workload(input, DEPLOYMENTS, 'processor', deployment);
}

/** Settings of the handlers. */
export function handlerEnv({ unknownTokens, transactions }: DefaultedProcessor): Variable[] {
  const { idempotencySeconds, reportAfterSeconds, abandonAfterSeconds, concurrent } = transactions;
  const seconds = (name: string, value: number, unlike: number) =>
    unlessDefault(name, value, unlike, `${value}s`);
  return [
    { name: ENV.unknownTokens, value: unknownTokens },
    ...seconds(ENV.transactionKeyTtl, idempotencySeconds, DEFAULT.transactionKeySeconds),
    ...seconds(ENV.transactionReportAfter, reportAfterSeconds, DEFAULT.transactionReportSeconds),
    ...seconds(ENV.transactionAbandonAfter, abandonAfterSeconds, DEFAULT.transactionAbandonSeconds),
    ...unlessDefault(ENV.concurrentTransactions, concurrent, DEFAULT.concurrentTransactions),
  ];
}
