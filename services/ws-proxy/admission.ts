/**
 * Who may connect, as a pure function of the handshake, the settings and two facts: how many stations
 * are here, and how many came lately.
 *
 * The order is that of the cost: what a full or flooded proxy refuses must be cheap to refuse.
 */
import { ENV } from '../contract.ts';
import { type Protocol, PROTOCOLS } from '../ocpp/frame.ts';
import { identityOf } from '../ocpp/identity.ts';
import { negotiate } from '../ocpp/subprotocol.ts';
import type { Clock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import { type Admit, retryAfterSeconds } from '../transport/websocket/admission.ts';
import { Flapping } from './flapping.ts';
import { TokenBucket } from './token-bucket.ts';

export interface AdmissionSettings {
  readonly protocols: readonly Protocol[];
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
  const later = (status: 429 | 503, reason: string, least = 0) =>
    ({
      kind: 'refuse',
      refusal: { status, reason, retryAfterSeconds: least + retryAfterSeconds(random) },
    }) as const;
  return (request) => {
    if (!rate.take(clock.now())) return later(429, 'too many stations are connecting, try again later');
    if (request.sessions >= settings.maxSessions) return later(503, 'this server is full');
    const protocol = negotiate(request.subprotocols, settings.protocols);
    const result = identityOf(request.url, request.path, protocol);
    if (!result.ok) {
      return { kind: 'refuse', refusal: { status: result.status, reason: result.reason } };
    }
    if (protocol === undefined) return { kind: 'accept-and-close' };
    const seconds = flapping.connect(result.identity, clock.now());
    if (seconds > 0) return later(429, 'this station connects too often, try again later', seconds);
    return { kind: 'accept', stationId: result.identity, protocol };
  };
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
