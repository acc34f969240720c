/**
 * The admission rules, as a function of the handshake, the settings and the number of connected stations. The cheapest
 * checks come first, so that a full proxy refuses at little cost. What is accepted may still have to wait: see handshake-line.ts.
 */
import { ENV } from '../contract.ts';
import { type Protocol, PROTOCOLS } from '../ocpp/frame.ts';
import { identityOf } from '../ocpp/identity.ts';
import { namesAny, negotiate } from '../ocpp/subprotocol.ts';
import type { Clock } from '../runtime/clock.ts';
import { ConfigError } from '../runtime/config.ts';
import { type Admit, type Refusal, type RefusalCode, retryAfterSeconds, spreadOf } from './handshake.ts';
import { type ReconnectLimits, ReconnectRate } from './rates/rates.ts';

/** Characters of the station's subprotocol list that are logged. */
const LONGEST_NAMES = 100;

export interface AdmissionSettings {
  readonly protocols: readonly Protocol[];
  /** OCPP version of stations that name no subprotocol; without it their connections are closed. */
  readonly defaultProtocol?: Protocol;
  /** Read each time, as it may change. */
  readonly maxSessions: number;
  /** Of one identity; read each time, as it may change. */
  readonly reconnects?: ReconnectLimits;
}

export function createAdmission(settings: AdmissionSettings, clock: Clock): Admit {
  const reconnects = new ReconnectRate(() => settings.reconnects);
  const later = (url: string, status: 429 | 503, code: RefusalCode, reason: string, least = 0) => {
    const after = least + retryAfterSeconds(spreadOf(url));
    return { kind: 'refuse', refusal: { status, code, reason, retryAfterSeconds: after } } as const;
  };
  const unnamed = (protocols: readonly Protocol[]) =>
    protocols.find((one) => one === settings.defaultProtocol);
  return (request) => {
    const { subprotocols, url, path, sessions, protocols = settings.protocols, isTest = false } = request;
    const { listener } = request;
    if (!isTest && sessions >= settings.maxSessions)
      return later(url, 503, 'sessions', 'this server is full');
    if (!isTest && listener !== undefined && listener.sessions >= (listener.maxSessions ?? Infinity))
      return later(url, 503, 'listener-sessions', 'this listener is full');
    const isUnnamed = !namesAny(subprotocols);
    const protocol = isUnnamed ? unnamed(protocols) : negotiate(subprotocols, protocols);
    const result = identityOf(url, path, protocol);
    if (!result.ok) {
      const { status, reason } = result;
      return { kind: 'refuse', refusal: { status, code: status === 404 ? 'path' : 'identity', reason } };
    }
    if (protocol === undefined) return { kind: 'accept-and-close', refusal: noSubprotocol(subprotocols) };
    const { identity } = result;
    const pace = () => {
      const seconds = reconnects.connect(identity, clock.now(), {
        burst: listener?.reconnectBurst,
        perMinute: listener?.reconnectsPerMinute,
      });
      if (seconds === 0) return undefined;
      return later(url, 429, 'flapping', 'this station connects too often, retry later', seconds).refusal;
    };
    const accepted = {
      kind: 'accept',
      stationId: identity,
      protocol,
      ...(isUnnamed && { isUnnamed }),
    } as const;
    return isTest ? accepted : { ...accepted, pace };
  };
}

/** The handshake is completed, then the connection is closed. */
function noSubprotocol(subprotocols: string | undefined): Refusal {
  if (!namesAny(subprotocols)) {
    const reason = `the station names no subprotocol; ${ENV.defaultProtocol} sets a version for such stations`;
    return { status: 101, code: 'no-subprotocol', reason };
  }
  const named = (subprotocols ?? '').slice(0, LONGEST_NAMES);
  return { status: 101, code: 'unknown-subprotocol', reason: `no common subprotocol: ${named}` };
}

/** @throws ConfigError for an unknown subprotocol */
export function readProtocols(names: readonly string[]): Protocol[] {
  return names.map((name) => {
    const protocol = PROTOCOLS.find((known) => known === name);
    if (protocol === undefined) {
      const known = PROTOCOLS.join(', ');
      throw new ConfigError(`${ENV.protocols}: "${name}" is not a known subprotocol; known are ${known}`);
    }
    return protocol;
  });
}

/**
 * OCPP version of stations that name no subprotocol; undefined for ''.
 * @throws ConfigError when it is not among the accepted subprotocols
 */
export function readDefaultProtocol(name: string, protocols: readonly string[]): Protocol | undefined {
  const protocol = PROTOCOLS.find((known) => known === name && protocols.includes(known));
  if (name === '' || protocol !== undefined) return protocol;
  throw new ConfigError(
    `${ENV.defaultProtocol}: "${name}" is not an accepted subprotocol; accepted are ${protocols.join(', ')}`,
  );
}
