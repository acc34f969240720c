/** A cluster with one listener for each security profile, and what a station needs to connect to each of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PasswordHasher } from '../../services/access/password-hash.ts';
import { ENV } from '../../services/contract.ts';
import { type Cluster, startCluster } from '../scenario/cluster.ts';
import {
  certificateFolder,
  clientCertificate,
  serverCertificate,
  testAuthority,
  tlsFiles,
} from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';

export const PROFILES = [0, 1, 2, 3] as const;
export type Profile = (typeof PROFILES)[number];

/** Where a station connects, and with what. Certificates and keys are PEM files. */
export interface Access {
  readonly url: string;
  readonly password?: string;
  /** Of the authority that issued the certificate of the server. */
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}

export interface SecuredCluster extends AsyncDisposable {
  readonly cluster: Cluster;
  /** @param authority that issued the certificate of the station */
  access(profile: Profile, identity: string, authority?: string): Promise<Access>;
}

const KEY = 'a key for the passwords of the tests';
const PATH = '/ocpp';
export const passwordOf = (identity: string): string => `password of ${identity}!`.padEnd(20, '!');

/** @param identities of the stations in the register */
export async function startSecuredCluster(identities: readonly string[]): Promise<SecuredCluster> {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'third-party-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  try {
    const authority = await testAuthority();
    const server = stack.use(await certificateFolder(tlsFiles(await serverCertificate())));
    const client = stack.use(await certificateFolder({ 'ca.crt': authority.certificate }));
    const ca = join(folder, 'ca.crt');
    await writeFile(ca, authority.certificate);
    const ports = await Promise.all(PROFILES.map(() => freePort()));
    const tls = { certificateFolders: [server.path] };
    const tlsOf = [undefined, undefined, tls, { ...tls, clientCaFolder: client.path }];
    const listeners = PROFILES.map((securityProfile) => ({
      name: `profile-${securityProfile}`,
      port: ports[securityProfile],
      path: PATH,
      securityProfile,
      tls: tlsOf[securityProfile],
    }));
    const env = { [ENV.listeners]: JSON.stringify(listeners), ...(await files(folder, identities)) };
    const cluster = stack.use(await startCluster(undefined, env));
    return {
      cluster,
      async access(profile, identity, issuer) {
        const scheme = profile < 2 ? 'ws' : 'wss';
        return {
          url: `${scheme}://localhost:${ports[profile]}${PATH}`,
          ...((profile === 1 || profile === 2) && { password: passwordOf(identity) }),
          ...(profile >= 2 && { ca }),
          ...(profile === 3 && (await certificateFiles(folder, identity, issuer))),
        };
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** The entries of the stations, as a mounted Secret has them. */
async function files(folder: string, identities: readonly string[]) {
  const hasher = new PasswordHasher(Buffer.from(KEY));
  const entries = identities.map(
    (identity) => [identity, { password: hasher.hash(identity, passwordOf(identity)) }] as const,
  );
  const stations = await mkdtemp(join(folder, 'stations-'));
  await writeFile(join(stations, 'stations.json'), JSON.stringify(Object.fromEntries(entries)));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, KEY);
  return {
    [ENV.stationSource]: 'files',
    [ENV.stationsFolder]: stations,
    [ENV.passwordKeyFile]: keyFile,
    [ENV.certificateOrganization]: 'ACME',
  };
}

async function certificateFiles(folder: string, identity: string, issuer?: string) {
  const { certificate, key } = await clientCertificate(identity, issuer);
  const names = {
    certificate: join(folder, `${identity}-${issuer}.crt`),
    key: join(folder, `${identity}-${issuer}.key`),
  };
  await writeFile(names.certificate, certificate);
  await writeFile(names.key, key);
  return names;
}
