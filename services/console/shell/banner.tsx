/** Says that the connection is dead, or that the page is not live. It disappears by itself. */
import { isCrowded, lost } from '../api/connection.ts';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';

export function Banner() {
  const { value } = lost;
  const text =
    value !== undefined
      ? TEXTS.connection.lost(when(value.since), TEXTS.connection[value.why])
      : isCrowded.value && TEXTS.connection.crowded;
  return (
    <div class="banner" role="status" aria-live="polite">
      {text}
    </div>
  );
}
