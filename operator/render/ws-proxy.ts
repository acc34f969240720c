/** The ws-proxy: the Deployment that holds the stations' sockets. */
import type { V1DeploymentSpec } from '@kubernetes/client-node';
import { DEFAULT, ENV, PATH, PORT, PROGRAM } from '../../services/contract.ts';
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { disruptionBudget } from './disruption-budget.ts';
import { podTemplate } from './pod.ts';
import { ADMIN_PORT, NONROOT, probes, programEnv, unlessDefault } from './program.ts';
import { redisVolumes } from './redis-access.ts';
import { DEPLOYMENTS } from './resources.ts';
import { type StationPort, stationPorts } from './station-ports.ts';
import { selectorLabels, type View, workload } from './render-input.ts';

const RESOURCES = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } };
/** Halves the memory of an idle station (15.9 to 8.3 kB, over 10 000 of them) at the same CPU per message. */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=8';
/** How long endpoints and load balancers take to learn that a Pod goes, s. */
const PROPAGATION_SECONDS = 5;
/** For closing what is left and ending, s. */
const MARGIN_SECONDS = 20;

/** A new Pod is ready before an old one is told to go. Those that go give up their stations at the same time, each at its pace. */
export function proxyDeployment(view: View): KubeObject {
  const { spec } = view;
  const { proxy } = spec;
  const { connectionsPerSecond, bootsPerSecond } = proxy.admission;
  const { volumes, volumeMounts } = redisVolumes(view);
  // In the order of the sockets, whatever that of the list is: it is no reason to replace Pods.
  const sockets = stationPorts(spec).sort((a, b) => a.containerPort - b.containerPort);
  const [first, ...further] = sockets;
  const container = {
    image: view.image,
    args: [PROGRAM.wsProxy],
    env: [
      ...programEnv(view, RESOURCES, proxy.podTemplate, [SMALL_YOUNG_GENERATION]),
      { name: ENV.stationPort, value: String(PORT.stations) },
      { name: ENV.stationPath, value: first?.path ?? PATH.stations },
      ...(further.length > 0 ? [{ name: ENV.listeners, value: listenersText(further) }] : []),
      { name: ENV.protocols, value: spec.protocols.join(',') },
      { name: ENV.maxSessions, value: String(proxy.maxSessionsPerPod) },
      { name: ENV.drainPropagation, value: `${PROPAGATION_SECONDS}s` },
      { name: ENV.drainRate, value: String(proxy.drain.ratePerSecond) },
      { name: ENV.drainDeadline, value: `${proxy.drain.deadlineSeconds}s` },
      ...unlessDefault(ENV.drainTransactions, proxy.drain.transactions, 'Close', 'wait'),
      ...unlessDefault(ENV.connectRate, connectionsPerSecond, DEFAULT.connectRate),
      ...unlessDefault(ENV.maxMessageBytes, proxy.maxMessageBytes, DEFAULT.maxMessageBytes),
      ...unlessDefault(ENV.bootRate, bootsPerSecond, undefined),
      ...unlessDefault(ENV.defaultProtocol, proxy.defaultProtocol, undefined),
    ],
    ports: [...sockets.map(({ name, containerPort }) => ({ name, containerPort })), ADMIN_PORT],
    ...(volumeMounts.length > 0 && { volumeMounts }),
    ...probes(view),
  };
  const graceSeconds = proxyGraceSeconds(spec);
  const deployment = {
    replicas: view.proxyReplicas ?? proxy.replicas,
    revisionHistoryLimit: 3,
    ...(view.holdRollouts === true && { paused: true }),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    selector: { matchLabels: selectorLabels(view.cluster, 'ws-proxy') },
    template: podTemplate(
      view,
      'ws-proxy',
      { user: NONROOT, graceSeconds, resources: RESOURCES, container, volumes },
      proxy.podTemplate,
    ),
  } satisfies V1DeploymentSpec;
  return workload(view, DEPLOYMENTS, 'ws-proxy', deployment);
}

/** As readListeners() of the ws-proxy takes it. */
const listenersText = (sockets: readonly StationPort[]) =>
  sockets.map(({ containerPort, path }) => `${containerPort}${path}`).join(',');

/** Time for a full Pod to give up every station at its pace, or until its deadline if that is later; s. */
export function proxyGraceSeconds({ proxy, processor }: DefaultedSpec): number {
  const { ratePerSecond, deadlineSeconds } = proxy.drain;
  const paced = Math.ceil(proxy.maxSessionsPerPod / ratePerSecond) + processor.callTimeoutSeconds;
  return PROPAGATION_SECONDS + Math.max(deadlineSeconds, paced) + MARGIN_SECONDS;
}

/**
 * With one Pod there is nothing for a budget to keep: it lets the only one go. By the least number that there can
 * be, so that scaling does not make and remove it all the time.
 */
export function proxyDisruptionBudget(view: View): KubeObject[] {
  const { autoscaling, replicas } = view.spec.proxy;
  return (autoscaling?.minReplicas ?? replicas) > 1 ? [disruptionBudget(view, 'ws-proxy')] : [];
}
