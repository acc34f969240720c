/** The command of a broadcast, as the client takes it. */
import type { Broadcast } from '../../csms/commands/broadcast.ts';
import type { Protocol } from '../../ocpp/frame.ts';
import type { StoredBroadcast } from './store.ts';

/** Idempotency key of each command. */
export const keyOf = (id: string): string => `broadcast:${id}`;

/** The longest id: the key of a command has at most 255 characters. */
export const LONGEST_ID = 255 - keyOf('').length;

/** The options that a body may have. */
interface Options {
  readonly protocol?: Protocol;
  readonly priority?: number;
  readonly timeToLive?: number;
  readonly timeout?: number;
  readonly queueable?: boolean;
  readonly perSecond?: number;
  readonly atOnce?: number;
}

export function commandIn({ view, command }: StoredBroadcast): Omit<Broadcast, 'stations'> {
  const { action, payload, timeToLive, timeout, ...options } = command as StoredBroadcast['command'] &
    Options;
  return {
    ...options,
    action,
    payload,
    idempotencyKey: keyOf(view.id),
    ...(timeToLive !== undefined && { ttlMs: timeToLive * 1000 }),
    ...(timeout !== undefined && { timeoutMs: timeout * 1000 }),
  };
}
