/** The processors: a Deployment whose size only the scaler decides. */
import type { DefaultedProcessor } from '../api/ocpp-cluster.ts';
import type { V1DeploymentSpec } from '@kubernetes/client-node';
import { DEFAULT, ENV, PROGRAM } from '../../services/contract.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { processorAccess } from './front-door/authentication.ts';
import { decisionSettings } from './front-door/decisions.ts';
import { podTemplate } from './pod.ts';
import {
  ADMIN_PORT,
  hasLiveSettings,
  lastStationsSeconds,
  NONROOT,
  probes,
  programEnv,
  programMounts,
  settingsMap,
  unlessDefault,
  type Variable,
} from './program.ts';
import { DEPLOYMENTS } from './resources.ts';
import { hasBillSink, selectorLabels, type RenderInput, workload } from './render-input.ts';

const RESOURCES = { requests: { cpu: '100m', memory: '192Mi' }, limits: { memory: '512Mi' } };
/** Time to requeue unfinished work and exit, s. */
const MARGIN_SECONDS = 15;

/** Pods of one template are of one release: Kubernetes labels them so. */
const RELEASE = {
  name: ENV.release,
  valueFrom: { fieldRef: { fieldPath: "metadata.labels['pod-template-hash']" } },
};

export function processorDeployment(input: RenderInput): KubeObject {
  const { processor } = input.spec;
  const mounts = programMounts(input, 'processor', processorAccess(input));
  const { volumes, volumeMounts } = mounts;
  const lastSeconds = lastStationsSeconds(input);
  const container = {
    image: processor.image === '' ? input.image : processor.image,
    args: [PROGRAM.processor],
    env: [
      ...programEnv(input, RESOURCES, processor.podTemplate),
      ...mounts.env,
      ...(hasLiveSettings(input) ? [] : [...handlerEnv(processor), ...decisionSettings(input.spec)]),
      // No caller waits for an answer longer than the call timeout.
      { name: ENV.stopGrace, value: `${processor.callTimeoutSeconds}s` },
      ...(input.renderRevision >= 3 ? [RELEASE] : []),
      ...unlessDefault(ENV.concurrency, processor.concurrency, DEFAULT.concurrency),
      ...(lastSeconds > 0 ? [{ name: ENV.lastStations, value: `${lastSeconds}s` }] : []),
    ],
    ...mounts.container,
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

export function processorSettings(input: RenderInput): KubeObject[] {
  const { processor } = input.spec;
  const { logLevel, heartbeatSeconds, validation, unknownTokens, transactions } = processor;
  const { idempotencySeconds, reportAfterSeconds, abandonAfterSeconds, concurrent } = transactions;
  const variables = [
    { name: ENV.logLevel, value: logLevel },
    { name: ENV.heartbeatInterval, value: `${heartbeatSeconds}s` },
    { name: ENV.validation, value: validation },
    { name: ENV.unknownTokens, value: unknownTokens },
    { name: ENV.transactionKeyTtl, value: `${idempotencySeconds}s` },
    { name: ENV.transactionReportAfter, value: `${reportAfterSeconds}s` },
    { name: ENV.transactionAbandonAfter, value: `${abandonAfterSeconds}s` },
    { name: ENV.concurrentTransactions, value: concurrent },
    { name: ENV.billSink, value: String(hasBillSink(input)) },
    ...decisionSettings(input.spec),
  ];
  return settingsMap(input, 'processor', variables, processor.podTemplate);
}

/** Before revision 3. */
function handlerEnv({
  logLevel,
  heartbeatSeconds,
  unknownTokens,
  transactions,
}: DefaultedProcessor): Variable[] {
  const { idempotencySeconds, reportAfterSeconds, abandonAfterSeconds, concurrent } = transactions;
  const seconds = (name: string, value: number, unlike: number) =>
    unlessDefault(name, value, unlike, `${value}s`);
  return [
    { name: ENV.unknownTokens, value: unknownTokens },
    ...seconds(ENV.transactionKeyTtl, idempotencySeconds, DEFAULT.transactionKeySeconds),
    ...seconds(ENV.transactionReportAfter, reportAfterSeconds, DEFAULT.transactionReportSeconds),
    ...seconds(ENV.transactionAbandonAfter, abandonAfterSeconds, DEFAULT.transactionAbandonSeconds),
    ...unlessDefault(ENV.concurrentTransactions, concurrent, DEFAULT.concurrentTransactions),
    ...seconds(ENV.heartbeatInterval, heartbeatSeconds, DEFAULT.heartbeatSeconds),
    ...unlessDefault(ENV.logLevel, logLevel, DEFAULT.logLevel),
  ];
}
