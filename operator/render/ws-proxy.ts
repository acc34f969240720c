/** The ws-proxy: the Deployment that holds the sockets of the stations. */
import { applyDefaults } from '../api/defaults.ts';
import type { DefaultedSpec } from '../api/ocpp-cluster.ts';
import { fieldSchema } from '../api/schema.ts';
import type { V1DeploymentSpec, V1EnvVar, V1PodTemplateSpec } from '@kubernetes/client-node';
import { createHash } from 'node:crypto';
import { DEFAULT, ENV, PATH, PORT, PROGRAM } from '../../services/contract.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { authenticationSettings, proxyAccess } from './front-door/authentication.ts';
import { listenerLimits, listenersEnv, usesFrontDoor } from './front-door/listeners.ts';
import { podTemplate } from './pod.ts';
import {
  ADMIN_PORT,
  hasLiveSettings,
  NONROOT,
  probes,
  programEnv,
  programMounts,
  settingsMap,
  unlessDefault,
  type Variable,
} from './program.ts';
import { DEPLOYMENTS } from './resources.ts';
import { type StationPort, stationPorts } from './station-ports.ts';
import { TEMPLATE_ANNOTATION } from './revision.ts';
import { samplingSettings } from './tracing.ts';
import { selectorLabels, setLabels, type RenderInput, workload } from './render-input.ts';

const RESOURCES = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } };
const NO_LIMITS = '{}';
/** Halves the memory of an idle station (15.9 to 8.3 kB, over 10 000 of them) at the same CPU per message. */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=8';
/** Time until endpoints and load balancers stop routing to a terminating Pod, s. */
const PROPAGATION_SECONDS = 5;
/** Time to close the remaining sockets and exit, s. */
const MARGIN_SECONDS = 20;

/**
 * One proxy set. With the strategy Rolling, a new Pod of it is ready before an old one terminates; with BlueGreen its template
 * never changes.
 */
export function proxyDeployment(input: RenderInput): KubeObject[] {
  const { proxySet } = input;
  if (proxySet === 'none') return [];
  const matchLabels = { ...selectorLabels(input.cluster, 'ws-proxy'), ...setLabels(input, 'ws-proxy') };
  const spec = {
    replicas: input.proxyReplicas ?? input.spec.proxy.replicas,
    revisionHistoryLimit: 3,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    selector: { matchLabels },
    template: proxyTemplate(input),
  } satisfies V1DeploymentSpec;
  if (proxySet === undefined) return [workload(input, DEPLOYMENTS, 'ws-proxy', spec)];
  const annotations = { [TEMPLATE_ANNOTATION]: proxySet.template };
  const object = workload(input, DEPLOYMENTS, 'ws-proxy', spec, annotations);
  return [{ ...object, metadata: { ...object.metadata, name: proxySet.name } }];
}

/** Identifies what the Pods of a set run; the set's own label is no part of it. */
export function proxyTemplateHash(input: RenderInput): string {
  const { proxySet: _, ...rest } = input;
  return createHash('sha256')
    .update(canonical(proxyTemplate(rest)))
    .digest('hex')
    .slice(0, 10);
}

/** JSON with sorted keys: the order of labels in a manifest is no change. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

export function proxyTemplate(input: RenderInput): V1PodTemplateSpec {
  const { spec } = input;
  const { proxy } = spec;
  const mounts = programMounts(input, 'ws-proxy', proxyAccess(input));
  const { volumes, volumeMounts } = mounts;
  const graceSeconds = proxyGraceSeconds(input);
  // Sorted by port: reordering the list of listeners replaces no Pod.
  const sockets = stationPorts(spec).sort((a, b) => a.containerPort - b.containerPort);
  const [first] = sockets;
  const container = {
    image: input.image,
    args: [PROGRAM.wsProxy],
    env: [
      ...programEnv(input, RESOURCES, proxy.podTemplate, [SMALL_YOUNG_GENERATION]),
      { name: ENV.stationPort, value: String(PORT.stations) },
      { name: ENV.stationPath, value: first?.path ?? PATH.stations },
      ...furtherListeners(spec, sockets),
      { name: ENV.protocols, value: spec.protocols.join(',') },
      ...(hasLiveSettings(input) ? drainEnv(graceSeconds) : limitsEnv(spec)),
      ...unlessDefault(ENV.defaultProtocol, proxy.defaultProtocol, undefined),
      ...mounts.env,
    ],
    ...mounts.container,
    ports: [...sockets.map(({ name, containerPort }) => ({ name, containerPort })), ADMIN_PORT],
    ...(volumeMounts.length > 0 && { volumeMounts }),
    ...probes(input),
  };
  return podTemplate(
    input,
    'ws-proxy',
    { user: NONROOT, graceSeconds, resources: RESOURCES, container, volumes },
    proxy.podTemplate,
  );
}

const PROPAGATION = { name: ENV.drainPropagation, value: `${PROPAGATION_SECONDS}s` };

/** A changed deadline reaches Pods whose grace period is from before the change. */
const drainEnv = (graceSeconds: number): Variable[] => [
  PROPAGATION,
  { name: ENV.drainLimit, value: `${graceSeconds - PROPAGATION_SECONDS - MARGIN_SECONDS}s` },
];

/** Before revision 3. */
function limitsEnv(spec: DefaultedSpec): Variable[] {
  const { proxy } = spec;
  const { connectionsPerSecond, bootsPerSecond } = proxy.admission;
  return [
    { name: ENV.maxSessions, value: String(proxy.maxSessionsPerPod) },
    PROPAGATION,
    { name: ENV.drainRate, value: String(proxy.drain.ratePerSecond) },
    { name: ENV.drainDeadline, value: `${proxy.drain.deadlineSeconds}s` },
    ...unlessDefault(ENV.drainTransactions, proxy.drain.transactions, 'Close', 'wait'),
    ...unlessDefault(ENV.connectRate, connectionsPerSecond, DEFAULT.connectRate),
    ...unlessDefault(ENV.maxMessageBytes, proxy.maxMessageBytes, DEFAULT.maxMessageBytes),
    ...unlessDefault(ENV.bootRate, bootsPerSecond, undefined),
    ...unlessDefault(ENV.recordShare, proxy.recorder.share, 0),
    ...changedLimits(proxy),
    ...unlessDefault(ENV.listenerLimits, listenerLimits(spec), NO_LIMITS),
    ...unlessDefault(ENV.logLevel, proxy.logLevel, DEFAULT.logLevel),
    ...authenticationSettings(spec),
    ...samplingSettings(spec),
  ];
}

/** Those of one client, and whom a proxy believes about it. */
function clientLimits({ limits, trustedNetworks = [] }: DefaultedSpec['proxy']): Variable[] {
  return [
    { name: ENV.handshakeTimeout, value: `${limits.handshakeSeconds}s` },
    { name: ENV.maxHeaderBytes, value: String(limits.headerBytes) },
    { name: ENV.maxHandshakesPerAddress, value: String(limits.handshakesPerAddress) },
    { name: ENV.maxConnectionsPerAddress, value: String(limits.connectionsPerAddress) },
    { name: ENV.messagesPerSecond, value: String(limits.messagesPerSecondOfStation) },
    { name: ENV.messagesPerSecondOfAll, value: String(limits.messagesPerSecondOfPod) },
    { name: ENV.maxSendBufferBytes, value: String(limits.sendBufferBytes) },
    { name: ENV.reconnectBurst, value: String(limits.reconnectBurst) },
    { name: ENV.reconnectsPerMinute, value: String(limits.reconnectsPerMinute) },
    { name: ENV.trustedNetworks, value: trustedNetworks.join(',') },
  ];
}

/** Those that are not the default, which is where the spec leaves them out. */
function changedLimits(proxy: DefaultedSpec['proxy']): Variable[] {
  const limits = applyDefaults({}, fieldSchema('spec', 'proxy', 'limits')) as typeof proxy.limits;
  const defaults = new Map(
    clientLimits({ ...proxy, limits, trustedNetworks: [] }).map((one) => [one.name, one.value]),
  );
  return clientLimits(proxy).filter(({ name, value }) => value !== defaults.get(name));
}

export function proxySettings(input: RenderInput): KubeObject[] {
  const { proxy, processor } = input.spec;
  const { connectionsPerSecond, bootsPerSecond } = proxy.admission;
  const variables = [
    { name: ENV.logLevel, value: proxy.logLevel },
    { name: ENV.validation, value: processor.validation },
    { name: ENV.maxSessions, value: String(proxy.maxSessionsPerPod) },
    { name: ENV.maxMessageBytes, value: String(proxy.maxMessageBytes) },
    { name: ENV.connectRate, value: String(connectionsPerSecond) },
    { name: ENV.bootRate, value: String(bootsPerSecond ?? 0) },
    { name: ENV.recordShare, value: String(proxy.recorder.share) },
    { name: ENV.drainRate, value: String(proxy.drain.ratePerSecond) },
    { name: ENV.drainDeadline, value: `${proxy.drain.deadlineSeconds}s` },
    { name: ENV.drainTransactions, value: proxy.drain.transactions.toLowerCase() },
    ...authenticationSettings(input.spec),
    ...clientLimits(proxy),
    ...samplingSettings(input.spec),
    // Without the front door there are none. With it they are always named: a Pod began with the variable of its time.
    ...(usesFrontDoor(input.spec) ? [{ name: ENV.listenerLimits, value: listenerLimits(input.spec) }] : []),
  ];
  return settingsMap(input, 'ws-proxy', variables, proxy.podTemplate);
}

/** Plain ones beside the first in the list that images of all releases read; otherwise all of them as JSON. */
function furtherListeners(spec: DefaultedSpec, [, ...further]: readonly StationPort[]): V1EnvVar[] {
  if (usesFrontDoor(spec)) return [listenersEnv(spec)];
  const value = further.map(({ containerPort, path }) => `${containerPort}${path}`).join(',');
  return value === '' ? [] : [{ name: ENV.listeners, value }];
}

/** A Pod that has drained ends at once, so a longer grace period costs nothing. The first is what cluster autoscalers wait for; s. */
const GRACE_STEPS = [600, 1200, 2400, 3600] as const;

/**
 * Time for a full Pod to drain all its stations at the configured rate, or until its deadline if that is later; s. In steps
 * where the rate can change without a restart, as the grace period of a Pod cannot.
 */
export function proxyGraceSeconds(input: Pick<RenderInput, 'spec' | 'renderRevision'>): number {
  const { proxy, processor } = input.spec;
  const { ratePerSecond, deadlineSeconds } = proxy.drain;
  const paced = Math.ceil(proxy.maxSessionsPerPod / ratePerSecond) + processor.callTimeoutSeconds;
  const needed = PROPAGATION_SECONDS + Math.max(deadlineSeconds, paced) + MARGIN_SECONDS;
  return hasLiveSettings(input) ? (GRACE_STEPS.find((step) => step >= needed) ?? needed) : needed;
}
