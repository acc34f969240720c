/** What the calls in the API server's audit log are: its metrics do not tell who asked, and a program's own count measures nothing. */
import type { AuditedCall } from '../../support/audit-log.ts';

export const isWrite = ({ verb }: AuditedCall): boolean => !['get', 'list', 'watch'].includes(verb);
export const isLease = ({ resource }: AuditedCall): boolean => resource === 'leases';

/** `patch deployments 400, create events 200`, most first. */
export function summary(calls: readonly AuditedCall[], most = 8): string {
  const counts = new Map<string, number>();
  for (const { verb, resource } of calls) {
    const what = `${verb} ${resource || 'what is served'}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a).slice(0, most);
  return sorted.map(([what, count]) => `${what} ${count}`).join(', ');
}
