/** The commands of docs/event-webhooks.md do what it says, on an API program with a webhook and a receiver; so does its bridge. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { Receiver, SECRET } from '../api/webhooks/receiver.ts';
import { tokenFile } from '../api/cluster.ts';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { blocksOf, commandsOf, read, ROOT, runAll } from './page-commands.ts';

test('each command succeeds and prints what the page says; the bridge goes on at its cursor', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'event-webhooks-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'billing'), SECRET);
  await writeFile(join(folder, 'the-admin'), tokenFile('admin', 'admin'));
  await writeFile(join(folder, 'token'), 'admin');
  await using redis = await startRedis();
  const store = new Redis(redis.port, redis.host);
  t.teardown(() => store.disconnect());
  const add = (n: number) =>
    store.xadd('ocpp:events', '*', 'type', 'noted', 'stationId', 'CP-1', 'n', `${n}`);
  await add(1);
  await using receiver = await new Receiver().listen();
  await using api = await startProgram('api', {
    REDIS_ADDR: redis.addr,
    OCPP_API_TOKENS_FOLDER: folder,
    OCPP_API_WEBHOOK_SECRETS_FOLDER: folder,
    OCPP_API_WEBHOOKS: JSON.stringify([{ name: 'billing', url: `http://127.0.0.1:${receiver.port}/` }]),
  });
  const commands = blocksOf(read('docs/event-webhooks.md'), 'sh')
    .flatMap(commandsOf)
    .map(({ text, prints }) => ({
      text: text.replaceAll('http://127.0.0.1:8080', api.apiUrl).replaceAll('examples/', `${ROOT}/examples/`),
      prints,
    }));
  t.true(commands.filter(({ prints }) => prints !== '').length >= 5);
  const run = async (some: typeof commands) => {
    for (const [index, { status, output }] of (await runAll(some, folder, '')).entries()) {
      const { text = '', prints = '' } = some[index] ?? {};
      t.is(status, '0', `${text}\n${output}`);
      t.true(output.includes(prints), `${text}\nprints no ${prints}:\n${output}`);
    }
  };
  await run(commands);
  t.is(receiver.accepted[0]?.type, 'ocpp.test');
  t.deepEqual(receiver.faults, []);
  await add(2);
  await run(commands.filter(({ text }) => /API=|bridge|out\.jsonl/.test(text)));
  const lines = readFileSync(join(folder, 'out.jsonl'), 'utf8').trim().split('\n');
  const published = lines.map((line) => JSON.parse(line) as { key: string; event: { data: { n: string } } });
  t.deepEqual(
    published.map(({ key, event }) => `${key} ${event.data.n}`),
    ['CP-1 1', 'CP-1 2'],
  );
});
