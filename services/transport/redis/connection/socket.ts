/** Opens a socket to a Redis server, plain or TLS. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, TLSSocket } from 'node:tls';
import type { Address, RedisTls } from './settings.ts';

const READ_BYTES = 65_536;

/** @throws the error of the network or the TLS handshake, or an error after `timeoutMs` */
export function openSocket(at: Address, tls: RedisTls | undefined, timeoutMs: number): Promise<Socket> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const callback = (size: number): boolean => {
    // A copy, as a reader keeps what is not whole yet.
    socket.emit('data', Buffer.from(buffer.subarray(0, size)));
    return true;
  };
  const options = { ...at, onread: { buffer, callback } };
  const socket: Socket =
    tls === undefined ? connect(options) : connectTls({ ...options, ...tlsOptions(tls) });
  return opened(socket, at, timeoutMs);
}

/** When the certificate that the server shows expires, valid or not; ms since 1970. @throws as openSocket does */
export async function readCertificateExpiry(at: Address, tls: RedisTls, timeoutMs: number): Promise<number> {
  // Nothing is sent or believed: an expired certificate is to be reported, too.
  const socket = connectTls({ ...at, ...tlsOptions(tls), rejectUnauthorized: false });
  await opened(socket, at, timeoutMs);
  const { valid_to: expires } = socket.getPeerCertificate();
  socket.destroy();
  return Date.parse(expires);
}

function opened<S extends Socket>(socket: S, at: Address, timeoutMs: number): Promise<S> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      socket.destroy(new Error(`${at.host}:${at.port} does not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(late));
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      clearTimeout(late);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function tlsOptions({ caFile, certFile, keyFile, serverName }: RedisTls): ConnectionOptions {
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}
