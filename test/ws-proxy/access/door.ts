/** A ws-proxy over a real Redis whose listeners demand credentials, and stations that present them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { PasswordHasher } from '../../../services/access/password-hash.ts';
import { freePort } from '../../support/free-port.ts';
import { type Environment, type Program, startProgram } from '../../support/program.ts';
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { RawStation } from '../raw-station.ts';

const KEY = '0123456789abcdef0123456789abcdef';
export const hasher = new PasswordHasher(Buffer.from(KEY));

export interface Door extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly commands: Redis;
  readonly proxy: Program;
  /** By security profile. */
  readonly ports: ReadonlyMap<number, number>;
  /** Of this door; the proxy reads settings from `settings/`. */
  readonly folder: string;
  /** A file of the settings folder, which the proxy applies within a second or two. */
  setting(name: string, value: string): Promise<void>;
  /** Writes an entry of the register. */
  register(identity: string, entry: object): Promise<void>;
}

/** @param profiles a plain TCP listener for each, whatever the profile: 2 and 3 as behind a balancer */
export async function openDoor(env: Environment = {}, profiles: readonly (0 | 1)[] = [1]): Promise<Door> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const folder = await mkdtemp(join(tmpdir(), 'door-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const keyFile = join(folder, 'key');
  const settings = await mkdtemp(join(folder, 'settings-'));
  await writeFile(keyFile, KEY);
  const ports = new Map<number, number>();
  for (const profile of profiles) ports.set(profile, await freePort());
  const listeners = [...ports].map(([securityProfile, port]) => ({ port, path: '/ocpp', securityProfile }));
  const proxy = stack.use(
    await startProgram('ws-proxy', {
      REDIS_ADDR: redis.addr,
      OCPP_LISTENERS: JSON.stringify(listeners),
      OCPP_STATION_SOURCE: 'register',
      OCPP_PASSWORD_KEY_FILE: keyFile,
      OCPP_SETTINGS_FOLDER: settings,
      OCPP_DRAIN_PROPAGATION: '0s',
      ...env,
    }),
  );
  const commands = new Redis(redis.port, redis.host);
  stack.defer(() => commands.disconnect());
  const all = stack.move();
  return {
    redis,
    commands,
    proxy,
    ports,
    folder,
    setting: (name, value) => writeFile(join(settings, name), value),
    register: async (identity, entry) => {
      await commands.hset('ocpp:stations', identity, JSON.stringify(entry));
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

export const basic = (identity: string, password: string | Buffer) =>
  `Authorization: Basic ${Buffer.concat([Buffer.from(`${identity}:`), Buffer.from(password)]).toString('base64')}`;

const PROTOCOL = 'Sec-WebSocket-Protocol: ocpp1.6';

/** Knocks once. The station stays connected if it got in. */
export const knock = (port: number | undefined, identity: string, ...headers: readonly string[]) =>
  RawStation.open(port ?? 0, `/ocpp/${encodeURIComponent(identity)}`, [PROTOCOL, ...headers]);

/** The status of a handshake whose connection ends here. */
export async function statusOf(
  port: number | undefined,
  identity: string,
  ...headers: readonly string[]
): Promise<number> {
  const { station, answer } = await knock(port, identity, ...headers);
  await station[Symbol.asyncDispose]();
  return answer.status;
}
