/** What is wrong, in plain words: the worst first. From the conditions of the OcppCluster and from figures. Pure. */
import { CONDITION_TEXTS } from '../condition-texts.ts';
import { TEXTS } from '../texts.ts';
import { certificateFindings } from './certificates.ts';
import { figureFindings } from './figures.ts';
import {
  type Condition,
  conditionOf,
  type Finding,
  type Recent,
  runningRollout,
  SEVERITIES,
  type Severity,
  type Status,
  type Webhook,
} from './status.ts';

const GOOD_WHEN_FALSE: ReadonlySet<string> = new Set(['Progressing', 'Degraded', 'Draining']);

const BAD: ReadonlySet<string> = new Set([
  'NoProxyReady',
  'RedisNotReady',
  'NoProcessorReady',
  'NotReady',
  'NotConnected',
  'LoginRefused',
  'DataLost',
  'VolumeTerminating',
  'StationSourceFailing',
]);
const BUSY: ReadonlySet<string> = new Set([
  'Starting',
  'RollingOut',
  'Updating',
  'WaitingForPods',
  'ScalingIn',
  'Rebalancing',
  'WaitingForStations',
  'BeingReplaced',
  'GivingUpStations',
  'AutoscalerStarting',
  'AutoscalerMissing',
]);
const NOTES: ReadonlySet<string> = new Set(['PlainListener', 'ReportOnly', 'UnknownStationsAccepted']);

/** @returns the worst first; the order is the same while nothing changes */
export function findingsOf(
  recent: Recent,
  webhooks: readonly Webhook[] = [],
  now = Date.now(),
): readonly Finding[] {
  const status = recent.at(-1);
  if (status === undefined) return [];
  const all = [
    ...conditionFindings(status),
    ...problemOfCluster(status),
    ...figureFindings(recent, webhooks, now),
    ...certificateFindings(status, now),
  ].map((one) => withNames(one, status));
  return SEVERITIES.flatMap((severity) => all.filter((one) => one.severity === severity));
}

function conditionFindings(status: Status): readonly Finding[] {
  const conditions = (status.cluster?.status.conditions ?? []).filter((one) => !isRepeated(one, status));
  return conditions.flatMap((one) => findingOf(one, status) ?? []);
}

function findingOf(condition: Condition, status: Status): Finding | undefined {
  const { type, reason, message, lastTransitionTime: since } = condition;
  // Degraded repeats the reasons of Available.
  const text = CONDITION_TEXTS[type]?.[reason] ?? CONDITION_TEXTS['Available']?.[reason];
  const isKnown = text !== undefined && condition.status !== 'Unknown';
  if (isKnown ? text[1] === undefined : isGood(condition)) return undefined;
  const [title, step] = isKnown
    ? text
    : [TEXTS.network.unknownReason(type, reason), TEXTS.network.unknownStep];
  return {
    key: `${type}/${reason}`,
    severity: severityOf(condition),
    title,
    // The card of the rollout has it.
    ...(!(reason === 'RollingOut' && runningRollout(status) !== undefined) && { message }),
    since,
    ...(step !== undefined && { step }),
  };
}

/** For a reason that this page does not know. */
const isGood = ({ type, status }: Condition): boolean =>
  status === (GOOD_WHEN_FALSE.has(type) ? 'False' : 'True');

function severityOf({ type, status, reason }: Condition): Severity {
  if (status === 'Unknown') return 'warn';
  if (BAD.has(reason)) return 'bad';
  if (BUSY.has(reason)) return 'busy';
  return type === 'HighlyAvailable' || NOTES.has(reason) ? 'note' : 'warn';
}

/** Another condition says the same with more words. */
function isRepeated({ type, status: value, reason }: Condition, status: Status): boolean {
  const reasonOf = (name: string) => conditionOf(status, name)?.reason;
  if (type === 'Degraded') return value === 'True' && reason === reasonOf('Available');
  if (type === 'RedisReady') return reason === 'LoginRefused' && reasonOf('Degraded') === reason;
  const progress = reasonOf('Progressing') ?? '';
  if (type === 'Draining') return reason === 'GivingUpStations' && BUSY.has(progress);
  return type === 'Secured' && reason === 'RollingOut' && progress === reason;
}

/** In the commands of its step. */
function withNames(finding: Finding, { cluster }: Status): Finding {
  const { namespace = 'default', name } = cluster ?? { namespace: 'NAMESPACE', name: 'NAME' };
  const names: Readonly<Record<string, string>> = { namespace, name };
  const step = finding.step?.replaceAll(/\{(\w+)\}/g, (found, key: string) => names[key] ?? found);
  return { ...finding, ...(step !== undefined && { step }) };
}

function problemOfCluster({ clusterProblem }: Status): readonly Finding[] {
  if (clusterProblem === undefined) return [];
  const { title, step } = TEXTS.network.kubernetesAway;
  return [{ key: 'kubernetes', severity: 'warn', title, message: clusterProblem, step }];
}
