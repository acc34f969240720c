import type { PreparedCall } from '../../prepared-call.ts';
import { CALLS_QUEUED, OUTCOME_SECONDS } from '../../station-call.ts';
import { EVENTS_KEPT } from '../../stored-state.ts';
import type { RedisConnection, RedisSettings } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';

const script = loadScript<string[]>(new URL('./make-call.lua', import.meta.url));

export interface MakeCall {
  readonly call: PreparedCall;
  /** Channel that gets the message id when the call ends. */
  readonly channel: string;
  readonly redis: RedisSettings;
}

/** @returns the call's state, reason and answer; `conflict` when its id belongs to another frame */
export function makeCall(
  connection: RedisConnection,
  keys: Keys,
  { call, channel, redis }: MakeCall,
): Promise<string[]> {
  const { stationId, action, messageId, text, ttlMs, timeoutMs, priority, queueable } = call;
  const names = [keys.call(messageId), keys.calls(stationId), keys.session(stationId), keys.callDeadlines];
  const what = [keys.prefix, messageId, escapeKey(stationId), stationId, action, text, ttlMs, timeoutMs];
  const rules = [priority, queueable ? '1' : '0', channel, CALLS_QUEUED, OUTCOME_SECONDS];
  const pending = redis.useDistributedState
    ? [keys.pending(stationId), redis.db + 1, redis.stateTtlMs ?? 0, redis.db]
    : ['', 0, 0, 0];
  const rest = [call.protocol ?? '', call.announce ?? '', EVENTS_KEPT];
  return script(connection, [...names, keys.callOrder], [...what, ...rules, ...pending, ...rest]);
}
