/** What the ws-proxy Pods of one cluster reported on their admin ports, and the counts of the running rollout. */
import type { DrainReport, RolloutReport, SelfTestReport } from '../../services/contract.ts';
import type { Unsupported } from './proxy-set.ts';

/** By Pod id. A Pod that did not answer is missing. */
export interface PodReports {
  readonly reports: ReadonlyMap<string, DrainReport | Unsupported>;
  readonly selfTests: ReadonlyMap<string, SelfTestReport | Unsupported>;
  readonly counts?: RolloutReport | undefined;
}

export const NO_REPORTS: PodReports = { reports: new Map(), selfTests: new Map() };
