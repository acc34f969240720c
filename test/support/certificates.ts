/**
 * Certificates for tests, issued by the authority of the product. Keys are slow to make, so the common ones are made once in each
 * process, and `certificateFolder` writes any of them as a Secret would be mounted.
 */
import { mkdtemp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Authority,
  createAuthority,
  type IssuedCertificate,
} from '../../services/certificates/authority.ts';
import type { KeyKind } from '../../services/certificates/keys.ts';

const made = new Map<string, Promise<unknown>>();

/** One per key and process. */
function once<T>(key: string, make: () => Promise<T>): Promise<T> {
  const known = (made.get(key) as Promise<T> | undefined) ?? make();
  made.set(key, known);
  return known;
}

/** The authority of this name; the same name gives the same one. */
export function testAuthority(name = 'Test CA'): Promise<Authority> {
  return once(`authority ${name}`, () => createAuthority(name));
}

/** For localhost and 127.0.0.1. */
export function serverCertificate(
  kind: KeyKind = 'ecdsa',
  authority = 'Test CA',
): Promise<IssuedCertificate> {
  return once(`server ${kind} ${authority}`, async () =>
    (await testAuthority(authority)).issueServerCertificate(['localhost', '127.0.0.1'], { kind }),
  );
}

/** For the station of this identity, with O=ACME. */
export function clientCertificate(identity: string, authority = 'Test CA'): Promise<IssuedCertificate> {
  return once(`client ${identity} ${authority}`, async () =>
    (await testAuthority(authority)).issueClientCertificate({ commonName: identity, organization: 'ACME' }),
  );
}

export interface CertificateFolder extends AsyncDisposable {
  readonly path: string;
  /** Replaces all files at once, as the kubelet does. */
  replace(files: Readonly<Record<string, string>>): Promise<void>;
}

/** The files of a mounted Secret: behind the link `..data`. */
export async function certificateFolder(files: Readonly<Record<string, string>>): Promise<CertificateFolder> {
  const path = await mkdtemp(join(tmpdir(), 'ocpp-certificates-'));
  let version = 0;
  const replace = async (next: Readonly<Record<string, string>>) => {
    const data = `..v${++version}`;
    await mkdir(join(path, data));
    for (const [name, text] of Object.entries(next)) {
      await writeFile(join(path, data, name), text);
      if (version === 1) await symlink(join('..data', name), join(path, name));
    }
    await symlink(data, join(path, '..next'));
    await rename(join(path, '..next'), join(path, '..data'));
    await rm(join(path, `..v${version - 1}`), { recursive: true, force: true });
  };
  await replace(files);
  return { path, replace, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The files of a Secret of type kubernetes.io/tls. */
export function tlsFiles({ certificate, key }: IssuedCertificate): { 'tls.crt': string; 'tls.key': string } {
  return { 'tls.crt': certificate, 'tls.key': key };
}
