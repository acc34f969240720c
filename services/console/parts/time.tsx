/** A time, and how long ago that was: both, as the one is for a log and the other for a head. */
import { signal } from '@preact/signals';
import { TEXTS } from '../texts.ts';
import { duration, when } from './format.ts';

/** How long ago is seen to change; ms. */
const EVERY = 10_000;

const now = signal(Date.now());
setInterval(() => void (now.value = Date.now()), EVERY);

/** @param at ISO 8601, or ms since 1970; any other text is shown as it is */
export function Time({
  at,
  isShort = false,
}: {
  readonly at: string | number | undefined;
  readonly isShort?: boolean;
}) {
  if (at === undefined || at === '') return <>{TEXTS.unknown}</>;
  const ms = typeof at === 'number' ? at : Date.parse(at);
  if (Number.isNaN(ms)) return <>{at}</>;
  const iso = new Date(ms).toISOString();
  return (
    <time dateTime={iso} title={iso} class="time">
      {when(ms)}
      {!isShort && <span class="quiet"> · {TEXTS.station.ago(ago(Math.max(0, now.value - ms) / 1000))}</span>}
    </time>
  );
}

/** In steps that are worth a look. */
function ago(seconds: number): string {
  return duration(seconds < 60 ? Math.floor(seconds / 10) * 10 || 1 : Math.floor(seconds / 60) * 60);
}
