/** The front doors that are compared: those of a ws-proxy, one listener for each security profile, and those of bare servers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { PasswordHasher } from '../../../services/access/password-hash.ts';
import { STATIONS } from '../../../services/access/station-entry.ts';
import { ENV, PATH } from '../../../services/contract.ts';
import { certificateFolder, serverCertificate, testAuthority, tlsFiles } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { ENVIRONMENT, PROXY_ARGS, servePeer } from '../servers.ts';

export type Profile = 0 | 1 | 2 | 3;
/** `session`: a bare server that also stores where a station is connected. */
export type Who = 'bare' | 'session' | 'ours';

export interface Door {
  readonly port: number;
  /** Of the server, and of its Redis. */
  readonly pid: number;
  readonly redis: number;
}

export interface Doors extends AsyncDisposable {
  readonly door: (who: Who, profile: Profile) => Door;
}

const KEY = '0123456789abcdef0123456789abcdef';

export const identityOf = (profile: Profile, number: number) => `BENCH${profile}-${number}`;
export const PASSWORD = 'correct horse battery st';

export interface DoorOptions {
  readonly who: readonly Who[];
  readonly profiles: readonly Profile[];
  /** Stations in the register, of each profile. */
  readonly stations: number;
  /** Folder for V8's CPU profiles of the proxies. */
  readonly profileFolder?: string | undefined;
  /** Another checkout whose ws-proxy is measured. */
  readonly root?: string | undefined;
}

/** Each door is a process of its own. */
export async function openDoors(options: DoorOptions): Promise<Doors> {
  const { who, profiles, stations, profileFolder, root } = options;
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const folder = await mkdtemp(join(tmpdir(), 'doors-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, KEY);
  const own = await serverCertificate();
  const { certificate: clientCa } = await testAuthority();
  const server = stack.use(await certificateFolder(tlsFiles(own)));
  const ca = stack.use(await certificateFolder({ 'ca.crt': clientCa }));
  await register(redis.port, profiles, stations);
  const tlsOf = (profile: Profile) => ({
    certificateFolders: [server.path],
    ...(profile === 3 && { clientCaFolder: ca.path }),
  });
  const cpuProfile = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
  const secured = (port: number, securityProfile: Profile) => ({
    [ENV.listeners]: JSON.stringify([
      {
        port,
        path: PATH.stations,
        securityProfile,
        ...(securityProfile > 1 && { tls: tlsOf(securityProfile) }),
      },
    ]),
    [ENV.stationSource]: 'register',
    [ENV.passwordKeyFile]: keyFile,
  });
  const ours = async (profile: Profile): Promise<Door> => {
    const port = await freePort();
    const env = {
      ...ENVIRONMENT,
      // The same identities connect in each round.
      [ENV.reconnectBurst]: '1000000',
      [ENV.redisAddr]: redis.addr,
      ...(profile > 0 && secured(port, profile)),
    };
    const args = [...PROXY_ARGS, ...cpuProfile];
    const program = stack.use(await startProgram('ws-proxy', env, args, root));
    return { port: profile > 0 ? port : program.stationPort, pid: program.pid, redis: redis.pid };
  };
  const bare = async (profile: Profile, withSession: boolean): Promise<Door> => {
    const env = {
      ...(withSession && { SESSION: '1' }),
      PROFILE: String(profile),
      REDIS_PORT: String(redis.port),
      KEY,
      TLS_CERTIFICATE: own.certificate,
      TLS_KEY: own.key,
      CLIENT_CA: clientCa,
    };
    const { endpoints, parts } = stack.use(await servePeer('bare-door', env, PROXY_ARGS));
    const port = Number(new URL(endpoints[0] ?? '').port);
    return { port, pid: parts['bare-door']?.[0] ?? 0, redis: redis.pid };
  };
  const doors = new Map<string, Door>();
  for (const profile of profiles) {
    for (const one of who)
      doors.set(
        `${one} ${profile}`,
        await (one === 'ours' ? ours(profile) : bare(profile, one === 'session')),
      );
  }
  const held = stack.move();
  return {
    door(one, profile) {
      const door = doors.get(`${one} ${profile}`);
      if (door === undefined) throw new Error(`there is no door of profile ${profile}`);
      return door;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function register(port: number, profiles: readonly Profile[], stations: number): Promise<void> {
  const hasher = new PasswordHasher(Buffer.from(KEY));
  const redis = new Redis(port, '127.0.0.1');
  try {
    for (const profile of profiles) {
      for (let number = 0; number < stations; number++) {
        const identity = identityOf(profile, number);
        const entry = profile === 3 ? { profile } : { profile, password: hasher.hash(identity, PASSWORD) };
        await redis.hset(`ocpp:${STATIONS}`, identity, JSON.stringify(entry));
      }
    }
  } finally {
    redis.disconnect();
  }
}
