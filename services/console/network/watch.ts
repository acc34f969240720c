/** What the page has polled: kept while other pages are open, so that the charts go on. */
import { signal } from '@preact/signals';
import { api, read } from '../api/client.ts';
import { type History, NO_HISTORY, withPoll } from './history.ts';
import type { Recent, Status, StoredHistory, Webhook } from './status.ts';

/** Polls that are kept, for figures that have to last. */
const RECENT = 5;

export interface Watched {
  /** The last polls; the newest last. */
  readonly recent: Recent;
  readonly polled: History;
  /** Of the first poll, ms since 1970. */
  readonly openedAt?: number;
}

export const watched = signal<Watched>({ recent: [], polled: NO_HISTORY });

/** @throws ApiProblem */
export async function readStatus(over: AbortSignal): Promise<Status> {
  const status = await read(api.GET('/v1/status', { signal: over }));
  const { recent, polled, openedAt = Date.now() } = watched.peek();
  const at = Math.round(Date.now() / 1000);
  watched.value = {
    recent: [...recent, status].slice(-RECENT),
    polled: withPoll(polled, at, status),
    openedAt,
  };
  return status;
}

/** @throws ApiProblem */
export async function readWebhooks(over: AbortSignal): Promise<readonly Webhook[]> {
  return (await read(api.GET('/v1/webhooks', { signal: over }))).items;
}

/** @throws ApiProblem */
export async function readHistory(over: AbortSignal): Promise<StoredHistory> {
  return read(api.GET('/v1/history', { signal: over }));
}
