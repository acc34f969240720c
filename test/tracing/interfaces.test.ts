/** Which spans the two halves begin, and how each of them ends, on sockets and deliveries of the real transport. */
import test from 'ava';
import { readTraceContext } from '../../services/runtime/tracing/tracing.ts';
import { createCallTracing } from '../../services/runtime/tracing/call-tracing.ts';
import { createDeliveryTracing } from '../../services/runtime/tracing/delivery-tracing.ts';
import { readHeaders, startTracing } from '../../services/runtime/tracing/start-tracing.ts';
import { TransportError } from '../../services/transport/errors.ts';
import { EnvelopeWriter, readRequest, replayedEntry } from '../../services/transport/redis/queue/envelope.ts';
import type { Outcome } from '../../services/transport/transport.ts';
import { PEER_LIMITS } from '../../services/ocpp/peer.ts';
import { memoryLog } from '../support/memory-log.ts';
import { until } from '../support/until.ts';
import { startEndpoint } from '../ws-proxy/endpoint.ts';
import { RawStation } from '../ws-proxy/raw-station.ts';
import { memorySpans, type RecordedSpan } from './memory-spans.ts';

const PARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const CALL = { stationId: 'CP-1', protocol: 'ocpp1.6', action: 'Heartbeat', messageId: '1' };
const short = ({ name, error, ended, events }: RecordedSpan) =>
  [name, error ?? 'good', ended, ...events].join(' ');

test('without an endpoint there is nothing that traces', async (t) => {
  const config = {
    traceEndpoint: '',
    traceHeadersFile: '',
    podName: 'p',
    channelPrefix: 'ocpp',
    clusterId: '',
  };
  t.is(await startTracing({ program: 'ws-proxy', config, log: memoryLog() }), undefined);
});

test('the share of the CALLs is sampled, as it is at that moment', (t) => {
  const { start, spans } = memorySpans();
  let share = 0;
  let drawn = 0;
  const tracing = createCallTracing({ start, queue: 'q', share: () => share, random: () => drawn });
  t.is(tracing.begin(CALL), undefined, 'not even the smallest number');
  share = 0.25;
  drawn = 0.24;
  t.truthy(tracing.begin(CALL));
  drawn = 0.25;
  t.is(tracing.begin(CALL), undefined);
  share = 1;
  drawn = 1 - Number.EPSILON;
  t.truthy(tracing.begin(CALL));
  t.is(spans.length, 2);
});

test('a text that looks like no action is not shown, and a long id is cut', (t) => {
  const { start, spans } = memorySpans();
  const tracing = createCallTracing({ start, queue: 'q', share: () => 1 });
  tracing.begin({ ...CALL, action: 'tag 04AB', messageId: 'x'.repeat(200) });
  t.is(spans[0]?.name, 'unknown');
  t.like(spans[0]?.attributes, { 'ocpp.action': 'unknown', 'messaging.message.id': 'x'.repeat(64) });
});

test('the spans of a socket: of the open CALL and of those that it holds, to their response, error, time-out or close', async (t) => {
  const { start, spans } = memorySpans();
  const tracing = createCallTracing({ start, queue: 'q', share: () => 1 });
  const peer = { ...PEER_LIMITS, callTimeout: 300 };
  await using endpoint = await startEndpoint({ peer, pingIntervalMs: 100 }, { tracing });
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  for (const action of ['First', 'Second', 'Third', 'Fourth', 'Fifth'])
    station.send(`[2,"${action}","${action}",{}]`);
  await until(() => spans.length === 6, 'five CALLs, of which one is forwarded');
  gateway.answer('CS1', 'Second');
  t.is(spans[0]?.ended, 0, 'a response to another CALL');
  gateway.answer('CS1', 'First');
  t.is(await station.nextText(), '[3,"First",{}]');
  gateway.sinks
    .get('CS1')
    ?.deliver({ type: 4, messageId: 'Second', text: '[4,"Second","InternalError","",{}]' });
  t.regex(await station.nextText(), /^\[4,"Second"/);
  await until(() => gateway.forwarded.length === 4, 'the third to time out');
  station.socket.destroy();
  await until(() => endpoint.seen.some((one) => one.startsWith('closed')), 'the close');
  const roots = spans.filter(({ parent }) => parent === undefined);
  t.deepEqual(roots.map(short), [
    'First good 1',
    'Second callerror 1',
    'Third timeout 1',
    'Fourth closed 1',
    'Fifth closed 1',
  ]);
  const sent = spans.filter(({ parent }) => parent !== undefined);
  t.deepEqual(
    sent.map(short),
    Array.from({ length: 4 }, () => 'send q good 1'),
  );
  t.deepEqual(
    sent.map(({ parent }) => parent?.slice(-19, -3)),
    roots.slice(0, 4).map(({ id }) => id),
  );
  t.deepEqual(
    gateway.forwarded.map(({ traceparent }) => traceparent?.slice(-19, -3)),
    sent.map(({ id }) => id),
    'the queue gets the context of the span of sending',
  );
});

const frame = { type: 2, id: '1', action: 'Heartbeat', payload: {} } as const;
const INCOMING = { frame, text: '[2,"1","Heartbeat",{}]', receivedAt: 1000, sequence: 3 };

test('an envelope that is not sampled is byte for byte what it was; one that is has two more fields at its end', (t) => {
  const writer = new EnvelopeWriter('CP-1', 'proxy-1', 7, 'ocpp1.6');
  const plain =
    '{"charge_point_id":"CP-1","message_type":2,"message_id":"1","action":"Heartbeat","payload":[2,"1","Heartbeat",{}],"timestamp":"1970-01-01T00:00:01.000Z","ws_server_id":"proxy-1","connection":7,"protocol":"ocpp1.6","sequence":3}';
  t.is(writer.write(INCOMING), plain);
  const before = Date.now();
  const traced = writer.write({ ...INCOMING, traceparent: PARENT });
  t.true(traced.startsWith(`${plain.slice(0, -1)},"traceparent":"${PARENT}","queued":`));
  const read = readRequest(traced);
  t.true(read.ok);
  if (!read.ok) return;
  t.is(read.request.trace?.traceparent, PARENT);
  t.true(Math.abs((read.request.trace?.queuedAt ?? 0) - before) < 1000);
  const replayed = readRequest(replayedEntry(traced, '1-1'));
  t.true(replayed.ok && replayed.request.trace === undefined, 'the trace of a dead letter has ended');
});

test('a payload cannot forge a trace, and neither can another traceparent', (t) => {
  const text = `[2,"1","Heartbeat",{"traceparent":"${PARENT}","queued":1}]`;
  const writer = new EnvelopeWriter('CP-1', 'proxy-1', 7, 'ocpp1.6');
  const read = readRequest(writer.write({ ...INCOMING, text }));
  t.true(read.ok && read.request.trace === undefined);
  const bad = [
    undefined,
    7,
    '',
    PARENT.replace(/01$/, '00'),
    PARENT.replace(/^00/, '01'),
    PARENT.replace('a', 'A'),
    `${PARENT}-x`,
    PARENT.replaceAll('a', '0'),
    PARENT.replaceAll('b', '0'),
  ];
  for (const one of bad) t.is(readTraceContext(one, 1), undefined, String(one));
  t.deepEqual(readTraceContext(PARENT, 'soon'), { traceparent: PARENT, queuedAt: Number.NaN });
});

const NOTHING: Outcome = { writes: [], events: [] };
const delivery = {
  stationId: 'CP-1',
  protocol: 'ocpp1.6',
  frame,
  deliveryCount: 1,
  trace: { traceparent: PARENT, queuedAt: 1 },
};

test('a delivery without a context has no spans', (t) => {
  const { start, spans } = memorySpans();
  const { trace: _, ...rest } = delivery;
  t.is(createDeliveryTracing(start, 'q').claimed(rest), undefined);
  t.is(spans.length, 0);
});

test('the spans of a delivery, by what becomes of it; none ends twice', (t) => {
  const cases: readonly (readonly [outcome: Outcome | Error, end: string, ...spans: string[]])[] = [
    [{ ...NOTHING, answer: { kind: 'result', payload: {} } }, 'acknowledged', 'good', 'good'],
    [
      { ...NOTHING, answer: { kind: 'error', code: 'NotSupported', description: 'tag 04AB' } },
      'acknowledged',
      'NotSupported',
      'good',
    ],
    [{ ...NOTHING, deadLetter: 'tag 04AB' }, 'dead-letter', 'handler-failed', 'dead-letter'],
    [{ ...NOTHING, failure: 'tag 04AB' }, 'handed-over', 'handler-failed', 'handed-over'],
    [new TypeError('tag 04AB'), 'requeued', 'TypeError', 'requeued'],
    [new TransportError('store-unavailable', 'tag 04AB'), 'lost', 'store-unavailable', 'lost'],
  ];
  for (const [outcome, end, process, settle] of cases) {
    const { start, spans } = memorySpans();
    const trace = createDeliveryTracing(start, 'q').claimed({ ...delivery, deliveryCount: 2 });
    if (outcome instanceof Error) trace?.failed(outcome);
    else trace?.handled(outcome);
    for (let i = 0; i < 2; i += 1) {
      if (end === 'acknowledged') trace?.acknowledged();
      else trace?.unsettled(end as 'requeued');
      trace?.unsettled('lost');
    }
    const last = end === 'acknowledged' ? '' : ` ${end}`;
    t.deepEqual(spans.map(short), [
      'receive q good 1 redelivered',
      `process Heartbeat ${process} 1`,
      `settle q ${settle} 1${last}`,
    ]);
    t.true(spans.every(({ parent }) => parent === PARENT));
    t.notRegex(JSON.stringify(spans), /04AB/);
  }
});

test('a delivery that is handled again, as its record was not as expected, has no second span of its handling', (t) => {
  const done: Outcome = { ...NOTHING, answer: { kind: 'result', payload: {} } };
  for (const [second, end, events] of [
    [done, undefined, 'handled-again'],
    [new TypeError('tag 04AB'), 'requeued', 'TypeError requeued'],
  ] as const) {
    const { start, spans } = memorySpans();
    const trace = createDeliveryTracing(start, 'q').claimed(delivery);
    trace?.handled(done);
    if (second instanceof Error) trace?.failed(second);
    else trace?.handled(second);
    if (end === undefined) trace?.acknowledged();
    else trace?.unsettled(end);
    const [receive, process] = ['receive q good 1', 'process Heartbeat good 1'];
    t.deepEqual(spans.map(short), [receive, process, `settle q ${end ?? 'good'} 1 ${events}`]);
    t.notRegex(JSON.stringify(spans), /04AB/);
  }
});

test('the clock of the proxy may be ahead, or say nothing: no span ends before it begins', (t) => {
  for (const queuedAt of [Date.now() + 60_000, Number.NaN]) {
    const { start, spans } = memorySpans();
    createDeliveryTracing(start, 'q').claimed({ ...delivery, trace: { traceparent: PARENT, queuedAt } });
    t.is(spans[0]?.at, spans[0]?.endedAt);
  }
});

test('headers for the collector; a line that is none is named, and not repeated', (t) => {
  t.deepEqual(readHeaders('Authorization: Bearer a:b==\r\n\nX-Tenant:7'), {
    Authorization: 'Bearer a:b==',
    'X-Tenant': '7',
  });
  const error = t.throws(() => readHeaders('A: b\nsecret'));
  t.is(error.message, 'line 2 of the headers for the collector is no header, as in Name: value');
});
