/** How to reach Redis: a server, a group watched by Sentinels, or a Cluster. Settings that cannot work are rejected here. */
import { TransportError } from '../../errors.ts';

export const REDIS_MODES = ['standalone', 'sentinel', 'cluster'] as const;
export type RedisMode = (typeof REDIS_MODES)[number];

/** Credentials for a server. A file overrides the text; it is read for every connection. */
export interface Login {
  /** ACL user; omitted: the default user. */
  readonly username?: string;
  readonly password?: string;
  readonly usernameFile?: string;
  readonly passwordFile?: string;
}

/** PEM files, read for every connection, so that a renewed certificate needs no restart. */
export interface RedisTls {
  /** Authorities that may have signed the server's certificate; omitted: those of the system. */
  readonly caFile?: string;
  /** Our own certificate, for a server that requires one. Both or neither. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The name in the server's certificate, where it differs from the host. */
  readonly serverName?: string;
}

export interface SentinelSettings extends Login {
  /** The name under which the Sentinels watch the primary. */
  readonly masterName: string;
  /** Whether to connect to the Sentinels over TLS; omitted: as to the server. */
  readonly tls?: boolean;
}

export interface RedisSettings extends Login {
  /** host:port of the server; of several Sentinels or nodes of the Cluster, comma-separated. */
  readonly addr: string;
  /** What `addr` names; omitted: the server itself. */
  readonly mode?: RedisMode;
  readonly sentinel?: SentinelSettings;
  readonly tls?: RedisTls;
  readonly db: number;
  /** How long Redis may be silent while a command is in flight, and a connection attempt may take; ms. */
  readonly clientTimeoutMs: number;
  /** Connections that one process opens at most; omitted: POOL_SIZE. */
  readonly poolSize?: number;
  /** How often a one-off operation is retried, and how long after; omitted: RETRY_ATTEMPTS, RETRY_DELAY_MS. */
  readonly retryAttempts?: number;
  readonly retryDelayMs?: number;
  /** Records open calls to stations in `pending:{id}` of the database after ours too, as ocpp-go does. */
  readonly useDistributedState?: boolean;
  /** How long that state is kept at least; ms. */
  readonly stateTtlMs?: number;
  /** With a Cluster: a key in the one slot that we use. The factory fills in the channel prefix. */
  readonly slotKey?: string;
}

export const POOL_SIZE = 10;
/** Commands, blocking commands, control events, outcomes of calls to stations. */
export const LEAST_POOL_SIZE = 4;
export const RETRY_ATTEMPTS = 3;
export const RETRY_DELAY_MS = 1000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port`; the port is optional. IPv6 addresses in brackets. */
export function parseAddr(addr: string, defaultPort = 6379): Address {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(addr);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65_535) {
    throw bad(`the Redis address "${addr}" is not host:port`);
  }
  return { host, port };
}

/** All addresses of `addr`, at least one. */
export function parseAddrs({ addr, mode }: RedisSettings): readonly [Address, ...Address[]] {
  const port = mode === 'sentinel' ? 26_379 : 6379;
  const [first = '', ...others] = addr.split(',').map((one) => one.trim());
  return [parseAddr(first, port), ...others.map((one) => parseAddr(one, port))];
}

/** The part of a key that Redis hashes: the text in its first braces, if there is any. */
export function hashTag(key: string): string | undefined {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : undefined;
}

/** @throws TransportError bad-settings for settings that cannot work */
export function checkSettings(settings: RedisSettings, channelPrefix: string, statePrefix: string): void {
  const { mode = 'standalone', sentinel, tls, poolSize = POOL_SIZE } = settings;
  const addresses = parseAddrs(settings);
  if (mode === 'standalone' && addresses.length > 1) {
    throw bad(`a standalone Redis has one address, not "${settings.addr}"; is it Sentinel or Cluster?`);
  }
  if (mode === 'sentinel' && (sentinel?.masterName ?? '') === '') {
    throw bad('Sentinels know a primary by name: give the master name');
  }
  if ((tls?.certFile === undefined) !== (tls?.keyFile === undefined)) {
    throw bad('a client certificate needs its file and the file of its key, both or neither');
  }
  if (poolSize < LEAST_POOL_SIZE) {
    throw bad(
      `a pool of ${poolSize} connections is too small: a process needs ${LEAST_POOL_SIZE}, for commands, blocking commands, control events and outcomes of calls`,
    );
  }
  if (mode === 'cluster') checkCluster(settings, channelPrefix, statePrefix);
}

function checkCluster(settings: RedisSettings, channelPrefix: string, statePrefix: string): void {
  const { db, useDistributedState = false } = settings;
  if (db !== 0) throw bad(`a Redis Cluster has database 0 only, not ${db}`);
  if (useDistributedState) {
    throw bad('distributed state needs the database after ours, and a Redis Cluster has one only');
  }
  const [ours, state] = [hashTag(channelPrefix), hashTag(statePrefix)];
  for (const [name, prefix, tag] of [
    ['channel prefix', channelPrefix, ours],
    ['state prefix', statePrefix, state],
  ]) {
    if (tag === undefined) {
      throw bad(`on a Redis Cluster the ${name} needs a hash tag, such as "{ocpp}"; it is "${prefix}"`);
    }
  }
  if (ours !== state) {
    throw bad(
      `on a Redis Cluster both prefixes need the same hash tag: "${channelPrefix}" and "${statePrefix}" differ`,
    );
  }
}

function bad(message: string): TransportError {
  return new TransportError('bad-settings', message);
}
