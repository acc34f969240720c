/**
 * Certificates that expire soon, with the bounds of the alerts. The condition Secured has one reason: where a listener lets anyone be any
 * station, it does not say this. Pure.
 */
import { CONDITION_TEXTS } from '../condition-texts.ts';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import { conditionOf, type Finding, type Status } from './status.ts';

const DAY = 86_400_000;
/** Before the end; ms. Listeners must trust the successor of an authority first. */
const SOON = { file: 7 * DAY, authority: 30 * DAY };
const REASON = 'CertificateExpiring';

export function certificateFindings(status: Status, now: number): readonly Finding[] {
  if (conditionOf(status, 'Secured')?.reason === REASON) return [];
  const { security, store } = status.cluster?.status ?? {};
  const words = TEXTS.network.findings.certificates;
  const ends: readonly (readonly [name: string, at: string | undefined, soon: number])[] = [
    ...(security?.certificates ?? []).map(
      ({ listener, what, notAfter }) => [words.file(what, listener), notAfter, SOON.file] as const,
    ),
    [words.authority, security?.authorityNotAfter, SOON.authority],
    [words.redis, store?.certificateNotAfter, SOON.file],
  ];
  const found = ends.filter(([, at = '', soon]) => Date.parse(at) - now < soon);
  if (found.length === 0) return [];
  const hasEnded = found.some(([, at = '']) => Date.parse(at) <= now);
  const [title = '', step] = CONDITION_TEXTS['Secured']?.[REASON] ?? [];
  return [
    {
      key: 'certificates',
      severity: hasEnded ? 'bad' : 'warn',
      title,
      message: found.map(([name, at]) => words.ends(name, when(at))).join('; '),
      ...(step !== undefined && { step }),
    },
  ];
}
