/**
 * The least that a front door costs on Node.js: `node:http` or `node:https` with `ws`, and the check of a security profile written straight
 * down. It keeps no profile, limits nothing, and accepts a wrong password in a measurable time.
 *
 * PORT says where; PROFILE is the security profile. For 1 to 3 it reads the entry of the station with one HGET (REDIS_PORT). For 1 and 2
 * it compares the HMAC of the Basic password (KEY). For 3 OpenSSL ends connections without a trusted certificate, and its CN is
 * the identity. TLS_CERTIFICATE, TLS_KEY and CLIENT_CA are PEM. SESSION=1 also stores where the station is connected, as every back end
 * of several processes must: a number of the connection, then what a ws-proxy writes in one script, here in one transaction.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';

const { PORT, PROFILE, REDIS_PORT, KEY = '', TLS_CERTIFICATE, TLS_KEY, CLIENT_CA, SESSION } = process.env;
const profile = Number(PROFILE);
const redis = profile === 0 && SESSION === undefined ? undefined : new Redis(Number(REDIS_PORT), '127.0.0.1');

const identityOf = ({ url = '' }: IncomingMessage) => decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));

async function isAccepted(request: IncomingMessage): Promise<boolean> {
  if (redis === undefined || profile === 0) return true;
  const { headers, socket } = request;
  const identity = identityOf(request);
  const text = await redis.hget('ocpp:stations', identity);
  if (text === null) return false;
  const entry = JSON.parse(text) as { readonly password?: string; readonly blocked?: boolean };
  if (entry.blocked === true) return false;
  if (profile === 3) return (socket as TLSSocket).getPeerCertificate().subject.CN === identity;
  const [scheme, value = ''] = (headers.authorization ?? '').split(' ');
  const given = Buffer.from(value, 'base64');
  const user = Buffer.from(`${identity}:`);
  if (scheme !== 'Basic' || !given.subarray(0, user.length).equals(user)) return false;
  const hash = createHmac('sha256', KEY).update(`${identity}\n`).update(given.subarray(user.length));
  const presented = Buffer.from(`$hmac-sha256$${hash.digest('base64url')}`);
  const stored = Buffer.from(entry.password ?? '');
  return stored.length === presented.length && timingSafeEqual(stored, presented);
}

async function openSession(request: IncomingMessage): Promise<void> {
  if (redis === undefined || SESSION === undefined) return;
  const identity = identityOf(request);
  const connection = await redis.incr('bare:connections');
  const now = new Date().toISOString();
  const fields = {
    identity,
    connection,
    server: String(process.pid),
    connectedAt: now,
    address: '127.0.0.1',
  };
  await redis
    .multi()
    .hset(`bare:session:${identity}`, fields)
    .sadd('bare:active', identity)
    .sadd(`bare:sessions:${process.pid}`, identity)
    .publish('bare:connect', JSON.stringify(fields))
    .exec();
}

const server =
  profile < 2
    ? createServer()
    : createSecureServer({
        cert: TLS_CERTIFICATE,
        key: TLS_KEY,
        ...(profile === 3 && { ca: CLIENT_CA, requestCert: true, rejectUnauthorized: true }),
      });
const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  clientTracking: false,
  handleProtocols: (offered) => [...offered][0] ?? false,
});
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => undefined);
  const open = (isGood: boolean) => {
    if (!isGood) return void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    return sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => undefined);
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
    });
  };
  isAccepted(request)
    .then(async (isGood) => {
      if (isGood) await openSession(request);
      return isGood;
    })
    .then(open, () => open(false));
});
server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 });
