/** Whether the page reaches the API: what each request found, for the banner. Polls and streams go on, so it heals by itself. */
import { signal } from '@preact/signals';

export interface Lost {
  readonly since: Date;
  readonly why: 'apiAway' | 'storeAway' | 'slow';
}

export const lost = signal<Lost | undefined>(undefined);

export function sawFailure(why: Lost['why']): void {
  const { value } = lost;
  if (value?.why !== why) lost.value = { since: value?.since ?? new Date(), why };
}

export function sawAnswer(): void {
  if (lost.value !== undefined) lost.value = undefined;
}

const refused = new Set<object>();

/** Whether a stream of this tab is refused, as too many are open with the access token. */
export const isCrowded = signal(false);

/** @param stream any object that is its own */
export function noteCrowded(stream: object, isRefused: boolean): void {
  if (isRefused) refused.add(stream);
  else refused.delete(stream);
  isCrowded.value = refused.size > 0;
}
