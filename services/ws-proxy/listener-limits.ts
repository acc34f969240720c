/** The limits of single listeners, as JSON by the name of the listener: `{"lab":{"reconnectBurst":1000}}`. */
import { ENV } from '../contract.ts';
import { ConfigError, jsonOf } from '../runtime/config.ts';
import type { ListenerLimits } from '../station-server/limits.ts';

export type LimitsByListener = Readonly<Record<string, ListenerLimits>>;

interface Field {
  readonly limit: keyof ListenerLimits;
  readonly least: number;
  readonly most: number;
  /** Of the limit, in units of the field. */
  readonly factor?: number;
}

/** By the names of `limits` of a listener in an OcppCluster, with the ranges of its CRD. */
const FIELDS: Readonly<Record<string, Field>> = {
  sessions: { limit: 'maxSessions', least: 1, most: 200_000 },
  messageBytes: { limit: 'maxMessageBytes', least: 65_536, most: 1_048_576 },
  handshakeSeconds: { limit: 'handshakeTimeoutMs', least: 1, most: 600, factor: 1000 },
  headerBytes: { limit: 'maxHeaderBytes', least: 1024, most: 65_536 },
  handshakesPerAddress: { limit: 'maxHandshakesPerAddress', least: 0, most: 1_000_000 },
  connectionsPerAddress: { limit: 'maxConnectionsPerAddress', least: 0, most: 1_000_000 },
  messagesPerSecondOfStation: { limit: 'messagesPerSecond', least: 1, most: 100_000 },
  sendBufferBytes: { limit: 'maxUnreadBytes', least: 65_536, most: 67_108_864 },
  reconnectBurst: { limit: 'reconnectBurst', least: 1, most: 100_000 },
  reconnectsPerMinute: { limit: 'reconnectsPerMinute', least: 1, most: 1_000_000 },
};

/** A listener that does not exist is no mistake: during a rollout, the settings are those of Pods with other listeners too. */
export function readLimitsByListener(value: unknown): LimitsByListener {
  return Object.fromEntries(
    Object.entries(objectOf(value, 'it')).map(([listener, fields]) => {
      const limits = Object.entries(objectOf(fields, listener));
      return [listener, Object.fromEntries(limits.map(([name, one]) => readField(listener, name, one)))];
    }),
  );
}

function readField(listener: string, name: string, value: unknown): [keyof ListenerLimits, number] {
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  if (field === undefined) {
    throw new ConfigError(
      `${listener}: there is no limit ${name}; there are ${Object.keys(FIELDS).join(', ')}`,
    );
  }
  const { limit, least, most, factor = 1 } = field;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most)
    return [limit, value * factor];
  throw new ConfigError(`${listener}: ${name} must be a whole number from ${least} to ${most}`);
}

function objectOf(value: unknown, what: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new ConfigError(`${what} must be a JSON object`);
}

const NONE: LimitsByListener = {};
const NO_LIMITS: ListenerLimits = {};

/** A listener may be called `constructor`. */
export const limitsOfListener = (limits: LimitsByListener, name: string): ListenerLimits =>
  (Object.hasOwn(limits, name) ? limits[name] : undefined) ?? NO_LIMITS;

export const listenerLimitsSetting = {
  doc: 'Limits of single listeners, as JSON by their names: {"lab":{"sessions":200,"reconnectBurst":1000}}. What is omitted is as for all listeners: docs/bounds.md. Only listeners that are given as JSON have names.',
  format: jsonOf('limits of listeners', readLimitsByListener),
  default: NONE,
  env: ENV.listenerLimits,
  live: true,
} as const;
