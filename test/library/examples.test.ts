/** The examples run as printed in the docs, and together use every export of the package. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { newClientWithTransport } from '../../services/library/client.ts';
import { GatewayClientTransport } from '../../services/transport/gateway-client.ts';
import { createGateway } from '../../services/library/transport-factory.ts';
import { MemoryServerState } from '../../services/transport/pending-requests.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/redis-server.ts';
import { Script } from '../support/script.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** A program of examples/. */
class Example extends Script {
  constructor(file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
    super(join(ROOT, 'examples'), file, args, env);
  }
}

test('a central system and a station in one process', async (t) => {
  await using example = new Example('monolith.ts');
  t.is(await example.end(), 0, example.output);
  await example.says(/boot: \{\s+kind: 'confirmed'/, /reset: .*status: 'Scheduled'/);
});

test('a broadcast reports the result of each station', async (t) => {
  await using example = new Example('broadcast.ts');
  t.is(await example.end(), 0, example.output);
  await example.says(/CP-1 \{\s+kind: 'answered'/, /CP-3 .*offline/, /bad-call false .*\/all is not known/);
});

test('a server and a station on one Redis send requests to each other', async (t) => {
  await using redis = await startRedis();
  await using server = new Example('redis-server.ts', [redis.addr, 'CP-1']);
  await server.says(/serving/);
  await using client = new Example('redis-client.ts', [redis.addr]);
  await client.says(/boot: \{\s+kind: 'confirmed'/, /data: .*'hello'/, /asked to reset: Soft/);
  await server.says(/connected: CP-1/, /reset: CP-1 .*status: 'Accepted'/);
  t.is(await client.end('SIGTERM'), 0, client.output);
  t.is(await server.end('SIGINT'), 0, server.output);
});

test('a server without a station argument sends no request to stations that connect', async (t) => {
  await using redis = await startRedis();
  await using server = new Example('redis-server.ts', [redis.addr]);
  await server.says(/serving/);
  await using client = new Example('redis-client.ts', [redis.addr]);
  // Requests caused by the connection would arrive before these responses.
  await client.says(/data: .*'hello'/);
  await server.says(/connected: CP-1/);
  t.notRegex(server.output + client.output, /reset/);
});

test('a processor with custom handlers uses them beside the built-in ones', async (t) => {
  await using redis = await startRedis();
  await using processor = new Example('own-handlers/processor.ts', [], {
    REDIS_ADDR: redis.addr,
    OCPP_ADMIN_PORT: String(await freePort()),
    POD_IP: '127.0.0.1',
  });
  await processor.says(/processing messages/);
  const settings = { addr: redis.addr, db: 0, clientTimeoutMs: 5000 };
  await using gateway = createGateway({
    kind: 'redis',
    redis: settings,
    channelPrefix: 'ocpp',
    name: 'proxy',
  });
  await gateway.start();
  await using station = newClientWithTransport(
    new GatewayClientTransport({ gateway, stationId: 'CP-1', protocol: 'ocpp1.6' }),
    'ocpp1.6',
    new MemoryServerState().clientState('CP-1'),
  );
  await station.start();
  const boot = { chargePointVendor: 'Acme', chargePointModel: 'DC-9' };
  t.like(await station.sendRequest('BootNotification', boot), {
    response: { status: 'Accepted', interval: 30 },
  });
  const tilt = { vendorId: 'com.acme', messageId: 'tilt', data: '3' };
  t.like(await station.sendRequest('DataTransfer', tilt), {
    response: { status: 'Accepted', data: 'noted: 3' },
  });
  t.like(await station.sendRequest('DataTransfer', { vendorId: 'com.other' }), {
    response: { status: 'UnknownVendorId' },
  });
  t.like(await station.sendRequest('Authorize', { idTag: 'tag' }), { kind: 'confirmed' });
  t.is(await processor.end('SIGTERM'), 0, processor.output);
});

test('every code block of the docs is part of the example that it names', (t) => {
  const blocks = ['docs/library.md', 'docs/add-a-transport.md'].flatMap((page) =>
    [...read(page).matchAll(/```ts\n\/\/ (\S+)\n([^]*?)```/g)].map(([, file, code]) => ({ file, code })),
  );
  t.is(blocks.length, 3);
  for (const { file, code } of blocks) t.true(read(file ?? '').includes(code ?? ''), file);
});

test('every export has a row in docs/library.md and is used in an example', (t) => {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, string> };
  const examples = globSync('examples/**/*.ts', { cwd: ROOT }).map(read).join('\n');
  const page = read('docs/library.md');
  t.true(Object.keys(exports).length > 10);
  for (const name of Object.keys(exports)) {
    const [start = ''] = name.slice(2).split('*');
    t.true(examples.includes(`'ocpp-cluster/${start}`), `${name} in an example`);
    t.regex(page, new RegExp(`\`(ocpp-cluster|…)/${start}`), `${name} in docs/library.md`);
  }
});
