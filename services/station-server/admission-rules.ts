/**
 * Who may connect, as a pure function of the handshake, the settings and two facts: how many stations
 * are here, and how many came lately.
 *
 * The order is that of the cost: what a full or flooded proxy refuses must be cheap to refuse.
 */
import { ENV } from '../contract.ts';
import { type Protocol, PROTOCOLS } from '../ocpp/frame.ts';
import { identityOf } from '../ocpp/identity.ts';
import { namesAny, negotiate } from '../ocpp/subprotocol.ts';
import type { Clock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import { type Admit, type Refusal, type RefusalCode, retryAfterSeconds } from './admission.ts';
import { Flapping } from './flapping.ts';
import { TokenBucket } from './token-bucket.ts';

/** Of the subprotocols that a station names, in a log. */
const LONGEST_NAMES = 100;

export interface AdmissionSettings {
  readonly protocols: readonly Protocol[];
  /** The version of stations that name no subprotocol; left out: they are closed. */
  readonly defaultProtocol?: Protocol;
  readonly maxSessions: number;
  /** Handshakes admitted per second; a second's worth at once. */
  readonly connectsPerSecond: number;
}

export function createAdmission(
  settings: AdmissionSettings,
  clock: Clock,
  random: () => number = Math.random,
): Admit {
  const rate = new TokenBucket(settings.connectsPerSecond, clock.now());
  const flapping = new Flapping();
  const later = (status: 429 | 503, code: RefusalCode, reason: string, least = 0) =>
    ({
      kind: 'refuse',
      refusal: { status, code, reason, retryAfterSeconds: least + retryAfterSeconds(random) },
    }) as const;
  return (request) => {
    const { subprotocols, url, path, sessions } = request;
    if (!rate.take(clock.now()))
      return later(429, 'connect-rate', 'too many stations are connecting, try again later');
    if (sessions >= settings.maxSessions) return later(503, 'sessions', 'this server is full');
    const isUnnamed = !namesAny(subprotocols);
    const protocol = isUnnamed ? settings.defaultProtocol : negotiate(subprotocols, settings.protocols);
    const result = identityOf(url, path, protocol);
    if (!result.ok) {
      const { status, reason } = result;
      return { kind: 'refuse', refusal: { status, code: status === 404 ? 'path' : 'identity', reason } };
    }
    if (protocol === undefined) return { kind: 'accept-and-close', refusal: noSubprotocol(subprotocols) };
    const seconds = flapping.connect(result.identity, clock.now());
    if (seconds > 0)
      return later(429, 'flapping', 'this station connects too often, try again later', seconds);
    return { kind: 'accept', stationId: result.identity, protocol, ...(isUnnamed && { isUnnamed }) };
  };
}

/** Of a handshake that is completed, then closed. */
function noSubprotocol(subprotocols: string | undefined): Refusal {
  if (!namesAny(subprotocols)) {
    const reason = `no subprotocol is named; ${ENV.defaultProtocol} gives such stations a version`;
    return { status: 101, code: 'no-subprotocol', reason };
  }
  const named = (subprotocols ?? '').slice(0, LONGEST_NAMES);
  return { status: 101, code: 'unknown-subprotocol', reason: `no subprotocol in common: ${named}` };
}

/** @throws ConfigError when a name is no subprotocol that this program speaks */
export function readProtocols(names: readonly string[]): Protocol[] {
  return names.map((name) => {
    const protocol = PROTOCOLS.find((known) => known === name);
    if (protocol === undefined) {
      const known = PROTOCOLS.join(', ');
      throw new ConfigError(`${ENV.protocols}: "${name}" is no subprotocol spoken here; there are ${known}`);
    }
    return protocol;
  });
}

/**
 * The version of stations that name no subprotocol; undefined for ''.
 * @throws ConfigError when it is none of the subprotocols that are accepted
 */
export function readDefaultProtocol(name: string, protocols: readonly Protocol[]): Protocol | undefined {
  const protocol = protocols.find((accepted) => accepted === name);
  if (name === '' || protocol !== undefined) return protocol;
  throw new ConfigError(
    `${ENV.defaultProtocol}: "${name}" is no subprotocol accepted here; there are ${protocols.join(', ')}`,
  );
}
