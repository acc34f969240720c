/** What was asked of a kube-apiserver, and by whom, in the server's own words: its audit log. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One request for an object or a list. */
export interface AuditedCall {
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  /** With its subresource: `ocppclusters/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status of the answer. */
  readonly code: number;
}

interface AuditEvent {
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
}

const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata' }],
};

export interface AuditLog extends Disposable {
  /** For startApiServer. */
  readonly flags: readonly string[];
  callsOf(user: string): AuditedCall[];
}

export function createAuditLog(): AuditLog {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-audit-'));
  const [policy, log] = [join(folder, 'policy.json'), join(folder, 'audit.log')];
  writeFileSync(policy, JSON.stringify(POLICY));
  return {
    // Blocking: what was answered stands in the log.
    flags: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, '--audit-log-mode=blocking'],
    callsOf: (user) =>
      readFileSync(log, 'utf8')
        .split('\n')
        .flatMap(callIn)
        .filter((call) => call.user === user),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Discovery and health have no objectRef. */
function callIn(line: string): AuditedCall[] {
  if (line === '') return [];
  const { user, verb, objectRef, responseStatus } = JSON.parse(line) as AuditEvent;
  if (objectRef?.resource === undefined) return [];
  const { apiGroup: group = '', resource, subresource, namespace = '', name = '' } = objectRef;
  return [
    {
      user: user.username,
      verb,
      group,
      resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      namespace,
      name,
      code: responseStatus?.code ?? 0,
    },
  ];
}
