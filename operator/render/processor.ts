/** The processors: a Deployment whose size is the scaler's decision and nobody else's. */
import type { V1DeploymentSpec } from '@kubernetes/client-node';
import { DEFAULT, ENV, PROGRAM } from '../../services/contract.ts';
import type { DefaultedProcessor } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { disruptionBudget } from './disruption-budget.ts';
import { podTemplate } from './pod.ts';
import { ADMIN_PORT, NONROOT, probes, programEnv, unlessDefault, type Variable } from './program.ts';
import { redisVolumes } from './redis-access.ts';
import { DEPLOYMENTS } from './resources.ts';
import { selectorLabels, type View, workload } from './render-input.ts';

const RESOURCES = { requests: { cpu: '100m', memory: '192Mi' }, limits: { memory: '512Mi' } };
/** For handing back what is unfinished and ending, s. */
const MARGIN_SECONDS = 15;

export function processorDeployment(view: View): KubeObject {
  const { processor } = view.spec;
  const { volumes, volumeMounts } = redisVolumes(view);
  const container = {
    image: processor.image === '' ? view.image : processor.image,
    args: [PROGRAM.processor],
    env: [
      ...programEnv(view, RESOURCES, processor.podTemplate),
      ...handlerEnv(processor),
      // Nobody waits longer for an answer than the call's time-out.
      { name: ENV.stopGrace, value: `${processor.callTimeoutSeconds}s` },
    ],
    ports: [ADMIN_PORT],
    ...(volumeMounts.length > 0 && { volumeMounts }),
    ...probes(view),
  };
  const graceSeconds = processor.callTimeoutSeconds + MARGIN_SECONDS;
  const deployment = {
    replicas: view.processorReplicas,
    revisionHistoryLimit: 3,
    ...(view.holdRollouts === true && { paused: true }),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
    selector: { matchLabels: selectorLabels(view.cluster, 'processor') },
    template: podTemplate(
      view,
      'processor',
      { user: NONROOT, graceSeconds, resources: RESOURCES, container, volumes },
      processor.podTemplate,
    ),
  } satisfies V1DeploymentSpec;
  return workload(view, DEPLOYMENTS, 'processor', deployment);
}

/** What the handlers are configured by. */
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

/** By the least number that there can be, so that scaling does not make and remove it all the time. */
export function processorDisruptionBudget(view: View): KubeObject[] {
  const { autoscaling } = view.spec.processor;
  const least = autoscaling.mode === 'Off' ? view.processorReplicas : autoscaling.minReplicas;
  return least > 1 ? [disruptionBudget(view, 'processor')] : [];
}
