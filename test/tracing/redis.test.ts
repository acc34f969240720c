/** The spans of deliveries that are not acknowledged, by the transport on a real Redis. */
import { Redis } from 'ioredis';
import test from 'ava';
import { createDeliveryTracing } from '../../services/runtime/tracing/delivery-tracing.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { EnvelopeWriter } from '../../services/transport/redis/queue/envelope.ts';
import { RedisTransport } from '../../services/transport/redis/redis-transport.ts';
import type { MessageHandler } from '../../services/transport/transport.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { memorySpans } from './memory-spans.ts';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const NOTHING = { writes: [], events: [] };
const keys = new Keys('ocpp');

/** One sampled CALL and one that is not, for a processor with this handler. @returns the spans of the first */
async function spansOf(handler: MessageHandler, settled: number): Promise<string[]> {
  await using server = await startRedis();
  const redis = new Redis(server.port, server.host);
  const { start, spans } = memorySpans();
  const settings = { addr: server.addr, db: 0, clientTimeoutMs: 10_000 };
  const tracing = createDeliveryTracing(start, keys.requests);
  await using transport = new RedisTransport({ redis: settings, keys, name: 'p', tracing });
  transport.onMessage(handler);
  transport.onError(() => undefined);
  await transport.start();
  const writer = new EnvelopeWriter('CP-1', 'proxy', 0, 'ocpp1.6');
  for (const [id, traced] of [
    ['1', { traceparent: PARENT }],
    ['2', {}],
  ] as const) {
    const frame = { type: 2, id, action: 'Heartbeat', payload: {} } as const;
    const text = `[2,"${id}","Heartbeat",{}]`;
    await redis.lpush(
      keys.requests,
      writer.write({ frame, text, receivedAt: Date.now(), sequence: 1, ...traced }),
    );
  }
  const isSettled = ({ name, ended }: (typeof spans)[number]) => name.startsWith('settle') && ended === 1;
  await until(() => spans.filter(isSettled).length === settled, 'the spans');
  redis.disconnect();
  return spans.map(({ name, error, attributes }) =>
    [name.split(' ')[0], attributes['ocpp.delivery.count'], error].join(' ').trim(),
  );
}

test('what a handler cannot handle is a dead letter, with an error in its trace', async (t) => {
  const spans = await spansOf(async () => ({ ...NOTHING, deadLetter: 'no' }), 1);
  t.deepEqual(spans, ['receive 1', 'process 1 handler-failed', 'settle 1 dead-letter']);
});

test('a handler that throws: the trace has each delivery, and the dead letter after the fifth', async (t) => {
  const spans = await spansOf(() => Promise.reject(new TypeError('no')), 5);
  t.deepEqual(
    spans,
    [1, 2, 3, 4, 5].flatMap((count) => [
      `receive ${count}`,
      `process ${count} TypeError`,
      `settle ${count} ${count === 5 ? 'dead-letter' : 'requeued'}`,
    ]),
  );
});

test('an outcome that cannot be stored is a dead letter, too', async (t) => {
  const writes = [{ kind: 'set', key: 'k', fields: { a: 7 } }] as never;
  const spans = await spansOf(async () => ({ ...NOTHING, writes }), 1);
  t.deepEqual(spans, ['receive 1', 'process 1', 'settle 1 dead-letter']);
});
