/** Opens a socket to a Redis server, plain or TLS. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Address, RedisTls } from './settings.ts';

/** @throws the error of the network or the TLS handshake, or an error after `timeoutMs` */
export function openSocket(at: Address, tls: RedisTls | undefined, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = tls === undefined ? connect(at) : connectTls({ ...at, ...tlsOptions(tls) });
    const late = setTimeout(() => {
      socket.destroy(new Error(`${at.host}:${at.port} does not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(late));
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
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
