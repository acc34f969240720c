/**
 * The least that a processor behind Redis costs with the same libraries: it takes what waits, reads each CALL, and answers it. Nothing is
 * validated, and what it has taken is lost when it dies. With STORE=1 it also reads the record of the station and writes the reading to it, all of
 * a batch in one pipeline. REDIS_PORT says where Redis is; it listens on PORT to show that it is ready.
 */
import { createServer } from 'node:net';
import { Redis } from 'ioredis';

const MOST = 64;
const port = Number(process.env['REDIS_PORT']);
const stores = process.env['STORE'] === '1';
const redis = new Redis(port);
const reader = new Redis(port);

type Call = readonly [number, string, string, { readonly transactionId?: number }];
const ANSWERS: Readonly<Record<string, () => object>> = {
  Heartbeat: () => ({ currentTime: new Date().toISOString() }),
  StartTransaction: () => ({ transactionId: 1, idTagInfo: { status: 'Accepted' } }),
  MeterValues: () => ({}),
};

function answer(station: string, [, id, action]: Call): string {
  return `${station} ${JSON.stringify([3, id, ANSWERS[action]?.() ?? {}])}`;
}

createServer().listen(Number(process.env['PORT']), '127.0.0.1');
for (;;) {
  const [, requests = []] = (await reader.blmpop(0, 1, 'requests', 'RIGHT', 'COUNT', MOST)) ?? [];
  const calls = requests.map((request) => {
    const end = request.indexOf(' ');
    return { station: request.slice(0, end), call: JSON.parse(request.slice(end + 1)) as Call };
  });
  const responses = calls.map(({ station, call }) => answer(station, call));
  if (!stores) {
    void redis.lpush('responses', ...responses);
    continue;
  }
  const records = redis.pipeline();
  for (const { station } of calls) records.hmget(`record:${station}`, 'register', 'time');
  await records.exec();
  const writes = redis.multi();
  for (const { station, call } of calls)
    writes.hset(`record:${station}`, 'register', call[1], 'time', new Date().toISOString());
  writes.lpush('responses', ...responses);
  void writes.exec();
}
