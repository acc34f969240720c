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
