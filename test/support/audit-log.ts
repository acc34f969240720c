/** What was asked of a kube-apiserver, and by whom, in the server's own words: its audit log. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One request. */
export interface AuditedCall {
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  /** With its subresource: `ocppclusters/status`. Empty: discovery and health. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status of the answer. */
  readonly code: number;
  /** ms since 1970 */
  readonly askedAt: number;
  /** The same; of a watch: when it began to answer. */
  readonly answeredAt: number;
}

interface AuditEvent {
  readonly auditID: string;
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

const policyOf = (users: readonly string[] | undefined) => ({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: users === undefined ? [{ level: 'Metadata' }] : [{ level: 'Metadata', users }, { level: 'None' }],
});

export interface AuditLog extends Disposable {
  /** For startApiServer. */
  readonly flags: readonly string[];
  /** Requests for objects and lists. */
  callsOf(user: string): AuditedCall[];
  /** All requests that came at `from` (ms since 1970) or later, watches by their beginning. */
  since(from: number): AuditedCall[];
}

/** @param users all where left out */
export function createAuditLog(users?: readonly string[]): AuditLog {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-audit-'));
  const [policy, log] = [join(folder, 'policy.json'), join(folder, 'audit.log')];
  writeFileSync(policy, JSON.stringify(policyOf(users)));
  return {
    // Blocking: what was answered stands in the log.
    flags: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, '--audit-log-mode=blocking'],
    callsOf: (user) => callsIn(log).filter((call) => call.user === user && call.resource !== ''),
    since: (from) => callsIn(log).filter(({ askedAt }) => askedAt >= from),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function callsIn(file: string): AuditedCall[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const events = lines.map((line) => JSON.parse(line) as AuditEvent);
  // A watch is written down when it begins and when it ends.
  const first = new Map(events.toReversed().map((event) => [event.auditID, event]));
  return events.filter((event) => first.get(event.auditID) === event).map(callOf);
}

function callOf({ user, verb, objectRef = {}, responseStatus, ...times }: AuditEvent): AuditedCall {
  const { apiGroup: group = '', resource = '', subresource, namespace = '', name = '' } = objectRef;
  return {
    user: user.username,
    verb,
    group,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    code: responseStatus?.code ?? 0,
    askedAt: Date.parse(times.requestReceivedTimestamp),
    answeredAt: Date.parse(times.stageTimestamp),
  };
}
