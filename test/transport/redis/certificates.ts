/**
 * A certificate authority of a test's own, and a certificate that it signed, for server and client alike. Made here, as
 * Node signs but writes no X.509 (RFC 5280), and a machine need not have openssl.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificates extends AsyncDisposable {
  /** PEM files */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @param names DNS names of the certificate; it is for 127.0.0.1 too unless that is left out */
export async function makeCertificates(
  names = ['localhost'],
  addresses = ['127.0.0.1'],
): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'certificates-'));
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const put = async (name: string, text: string) => {
    await writeFile(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  const isAuthority = extension('551d13', der(SEQUENCE, der(BOOLEAN, Buffer.from([255]))));
  const alternatives = [
    ...names.map((name) => der(0x82, Buffer.from(name))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  const isFor = extension('551d11', der(SEQUENCE, ...alternatives));
  return {
    ca: await put('ca.crt', certificate('test CA', authority.publicKey, authority.privateKey, isAuthority)),
    cert: await put('our.crt', certificate('test', ours.publicKey, authority.privateKey, isFor)),
    key: await put('our.key', String(ours.privateKey.export({ type: 'pkcs8', format: 'pem' }))),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

const [BOOLEAN, INTEGER, BITS, OCTETS, OID, UTF8, SEQUENCE, SET, UTC_TIME] = [1, 2, 3, 4, 6, 12, 48, 49, 23];
const ECDSA_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const DAY = 86_400_000;

/** Signed by "test CA", valid since yesterday, for a week. */
function certificate(subject: string, key: KeyObject, signer: KeyObject, extra: Buffer): string {
  const algorithm = der(SEQUENCE, oid(ECDSA_SHA256));
  const name = (text: string) =>
    der(SEQUENCE, der(SET, der(SEQUENCE, oid(COMMON_NAME), der(UTF8, Buffer.from(text)))));
  const facts = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name('test CA'),
    der(SEQUENCE, time(Date.now() - DAY), time(Date.now() + 7 * DAY)),
    name(subject),
    key.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, extra)),
  );
  const signature = der(BITS, Buffer.concat([Buffer.from([0]), sign('sha256', facts, signer)]));
  const lines =
    der(SEQUENCE, facts, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Critical. */
function extension(id: string, value: Buffer): Buffer {
  return der(SEQUENCE, oid(id), der(BOOLEAN, Buffer.from([255])), der(OCTETS, value));
}

function oid(hex: string): Buffer {
  return der(OID, Buffer.from(hex, 'hex'));
}

/** YYMMDDHHMMSSZ */
function time(at: number): Buffer {
  return der(
    UTC_TIME,
    Buffer.from(
      `${new Date(at)
        .toISOString()
        .replaceAll(/[-:T]|\..*/g, '')
        .slice(2)}Z`,
    ),
  );
}

/** Tag, length, value. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const size = value.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}
