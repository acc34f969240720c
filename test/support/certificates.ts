/** A certificate authority of a test's own, and a certificate for 127.0.0.1 and localhost that it signed. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Certificates extends AsyncDisposable {
  /** PEM files */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const run = promisify(execFile);

export async function makeCertificates(): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'certificates-'));
  const openssl = (...args: string[]) =>
    run('openssl', args, { cwd: dir }).catch((cause: Error) => {
      throw new Error('no certificates without openssl; install it, e.g. apt-get install openssl', { cause });
    });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...ec,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
  );
  await openssl('req', ...ec, '-keyout', 'redis.key', '-out', 'redis.csr', '-subj', '/CN=redis.test');
  await writeFile(join(dir, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:redis.test\n');
  const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  await openssl(
    'x509',
    '-req',
    '-in',
    'redis.csr',
    ...signer,
    '-out',
    'redis.crt',
    '-days',
    '2',
    '-extfile',
    'names',
  );
  return {
    ca: join(dir, 'ca.crt'),
    cert: join(dir, 'redis.crt'),
    key: join(dir, 'redis.key'),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}
