/**
 * A password that changes through OCPP, with the real programs: a station on a listener with Basic authentication gets a new password
 * by the client, reconnects with it, and its former one is no longer accepted.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import test from 'ava';
import { WebSocket } from 'ws';
import { PasswordHasher } from '../../../services/access/password-hash.ts';
import { connect } from '../../../services/client/connect.ts';
import { ENV } from '../../../services/contract.ts';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { freePort } from '../../support/free-port.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

const KEY = 'the key of the stored passwords';
const OLD = 'former-password-of-CP-1';
const hasher = new PasswordHasher(Buffer.from(KEY));

interface Connected {
  readonly socket: WebSocket;
  /** The password that the station got. */
  readonly given: Promise<string>;
}

/** Rejects with the status of a refused handshake. */
function station(url: string, protocol: Protocol, password: Buffer | string): Promise<Connected> {
  const credentials = Buffer.concat([Buffer.from('CP-1:'), Buffer.from(password)]).toString('base64');
  const headers = { authorization: `Basic ${credentials}` };
  const socket = new WebSocket(`${url}/CP-1`, [protocol], { headers });
  const given = new Promise<string>((resolve) => {
    socket.on('message', (data: Buffer) => {
      const [, id, , payload] = JSON.parse(String(data)) as [number, string, string, Given];
      const [item] = payload.setVariableData ?? [];
      const result = {
        setVariableResult: [{ ...item, attributeValue: undefined, attributeStatus: 'Accepted' }],
      };
      socket.send(JSON.stringify([3, id, item === undefined ? { status: 'Accepted' } : result]));
      resolve(item?.attributeValue ?? payload.value ?? '');
    });
  });
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve({ socket, given }));
    socket.on('error', reject);
  });
}

interface Given {
  readonly value?: string;
  readonly setVariableData?: readonly { readonly attributeValue: string }[];
}

const closed = (socket: WebSocket) =>
  new Promise((resolve) => {
    socket.on('close', resolve);
    socket.close();
  });

test('the station uses the new password, and only then the former one is refused', async (t) => {
  const files = await mkdtemp(join(tmpdir(), 'passwords-'));
  const keyFile = join(files, 'key');
  await writeFile(keyFile, `${KEY}\n`);
  await using server = await startRedis();
  const port = await freePort();
  const listener = { name: 'basic', port, path: '/ocpp', securityProfile: 1 };
  const env = {
    REDIS_ADDR: server.addr,
    [ENV.listeners]: JSON.stringify([listener]),
    [ENV.stationSource]: 'register',
    [ENV.passwordKeyFile]: keyFile,
  };
  await using proxy = await startProgram('ws-proxy', env);
  await using processor = await startProgram('processor', { REDIS_ADDR: server.addr });
  const redis = new Redis(server.port, server.host);
  const entry = async () => JSON.parse((await redis.hget('ocpp:stations', 'CP-1')) ?? '') as object;
  const url = `ws://127.0.0.1:${port}/ocpp`;
  await using client = await connect(`redis://${server.addr}`, { passwordKey: KEY });
  const spellings: readonly (readonly [Protocol, (password: string) => Buffer])[] = [
    ['ocpp2.0.1', (password) => Buffer.from(password)],
    ['ocpp1.6', (password) => Buffer.from(password.toLowerCase())],
    ['ocpp1.6', (password) => Buffer.from(password, 'hex')],
  ];
  for (const [protocol, spell] of spellings) {
    const former = { password: hasher.hash('CP-1', OLD) };
    await redis.hset('ocpp:stations', 'CP-1', JSON.stringify(former));
    const first = await station(url, protocol, OLD);
    const { result } = await client.changePassword({ stationId: 'CP-1' });
    t.is(result, 'applied');
    const password = await first.given;
    const stored = hasher.hash('CP-1', password);
    t.deepEqual(await entry(), { ...former, nextPassword: stored });
    await closed(first.socket);
    const again = await station(url, protocol, OLD);
    await closed(again.socket);
    const second = await station(url, protocol, spell(password));
    await until(
      async () => (await redis.hget('ocpp:stations', 'CP-1')) === JSON.stringify({ password: stored }),
      'the promotion',
    );
    await closed(second.socket);
    await t.throwsAsync(station(url, protocol, OLD), { message: /401/ });
    const kept = await redis.hvals((await redis.keys('ocpp:call:*'))[0] ?? '');
    t.false(kept.join(' ').includes(password), 'the record of the call does not keep it');
    await redis.del(await redis.keys('ocpp:call:*'));
    for (const { log } of [proxy, processor]) t.false(log.includes(password) || log.includes(OLD));
  }
  redis.disconnect();
  await rm(files, { recursive: true });
});
