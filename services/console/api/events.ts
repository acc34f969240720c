/** The one stream of events of this tab: pages listen to it, and the last events are kept for those that open later. */
import { signal } from '@preact/signals';
import type { Schemas } from './client.ts';
import { followStream, type StreamEvent } from './event-stream.ts';

export type NetworkEvent = Schemas['NetworkEvent'];

export interface EventListener {
  onEvents(events: readonly NetworkEvent[]): void;
  /** Events were missed: what was read before may be out of date. */
  onGap?(): void;
}

/** Events that are kept. */
const KEPT = 1000;

const listeners = new Set<EventListener>();

/** The newest first; at most 1000, since the page was opened. */
export const recentEvents = signal<readonly NetworkEvent[]>([]);

/** Ids of events before which others were lost: the API no longer had them when the stream was resumed. */
export const afterLoss = signal<ReadonlySet<string>>(new Set());

/** @returns ends it */
export function listen(listener: EventListener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Until the signal aborts. */
export function followEvents(signal: AbortSignal): Promise<void> {
  return followStream({
    path: '/v1/events/stream',
    onEvents: deliver,
    onOpen: (isAgain) => isAgain && reportGap(),
    signal,
  });
}

/**
 * A stream that was opened again resumes where it was. It is a gap nevertheless for what was read meanwhile and failed, so lists are
 * read again.
 */
function reportGap(): void {
  for (const listener of listeners) listener.onGap?.();
}

function deliver(streamed: readonly StreamEvent[]): void {
  if (streamed.some(({ event }) => event === 'events-lost')) reportGap();
  noteLosses(streamed);
  const events = streamed
    .filter(({ event, data }) => event !== 'events-lost' && isEvent(data))
    .map(({ data }) => data as NetworkEvent);
  if (events.length === 0) return;
  recentEvents.value = [...events.toReversed(), ...recentEvents.value].slice(0, KEPT);
  for (const listener of listeners) listener.onEvents(events);
}

let isLost = false;

function noteLosses(streamed: readonly StreamEvent[]): void {
  for (const { event, id } of streamed) {
    if (event === 'events-lost') isLost = true;
    else if (isLost) {
      afterLoss.value = new Set([...afterLoss.value, id].slice(-KEPT));
      isLost = false;
    }
  }
}

const isEvent = (data: unknown): boolean =>
  typeof data === 'object' && data !== null && 'type' in data && 'station' in data;
