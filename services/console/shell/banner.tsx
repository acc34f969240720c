/** Says that the connection is dead. It disappears by itself. */
import { lost } from '../api/connection.ts';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';

export function Banner() {
  const { value } = lost;
  return (
    <div class="banner" role="status" aria-live="polite">
      {value !== undefined && TEXTS.connection.lost(when(value.since), TEXTS.connection[value.why])}
    </div>
  );
}
