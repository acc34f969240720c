import test from 'ava';
import { faultAnswer } from '../../services/ocpp/errors.ts';
import { MessageType, type Protocol, PROTOCOLS } from '../../services/ocpp/frame.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import type { Admit } from '../../services/station-server/handshake.ts';
import { WebSocketClient } from '../../services/library/websocket-client.ts';
import { WebSocketTransport } from '../../services/library/websocket-transport.ts';
import { createAdmission } from '../../services/station-server/admission.ts';
import { transportConformance } from '../conformance/transport.ts';
import { until } from '../support/until.ts';
import { OPCODE, RawStation } from './raw-station.ts';

const nothing = () => undefined;

const rules = createAdmission({ protocols: PROTOCOLS, maxSessions: 10 }, systemClock);
/** The suite uses identities that OCPP does not permit: a transport must carry them. */
const admitAll: Admit = ({ url, subprotocols }) => ({
  kind: 'accept',
  stationId: decodeURIComponent(url.slice('/ocpp/'.length)),
  protocol: subprotocols as Protocol,
});

function createTransport(port = 0, admit: Admit = rules): WebSocketTransport {
  return new WebSocketTransport({
    host: '127.0.0.1',
    listeners: [{ port, path: '/ocpp' }],
    clock: systemClock,
    faultAnswer,
    transactionsAfter: (before) => before,
    admit,
    observer: {
      opened: nothing,
      closed: nothing,
      duplicate: () => undefined,
      refused: nothing,
      received: nothing,
      repaired: nothing,
      unreadable: nothing,
      forwarded: nothing,
      paused: nothing,
      dropped: nothing,
      error: nothing,
    },
  });
}

async function startTransport(port?: number): Promise<WebSocketTransport> {
  const transport = createTransport(port);
  transport.onMessage(async ({ stationId, protocol }) => ({
    answer: { kind: 'result', payload: { stationId, protocol } },
    writes: [],
    events: [],
  }));
  await transport.start();
  return transport;
}

function stationAt(port: number, stationId: string, ...protocols: Protocol[]): WebSocketClient {
  return new WebSocketClient({
    url: `ws://127.0.0.1:${port}/ocpp`,
    stationId,
    protocols,
    backOffMinimumMs: 20,
    backOffRandomMs: 20,
    backOffDoublings: 2,
  });
}

transportConformance(test.serial, 'websocket', async () => {
  const transport = createTransport(0, admitAll);
  const stations: WebSocketClient[] = [];
  return {
    transport,
    async connect(stationId, protocol, onMessage) {
      const station = stationAt(transport.port, stationId, protocol);
      if (onMessage !== undefined) station.onMessage(onMessage);
      await station.start();
      stations.push(station);
      return station;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(stations.map((station) => station.stop()));
      await transport.stop();
    },
  };
});

test('a station and its central system in one process, without Redis', async (t) => {
  await using transport = await startTransport();
  // A slash is fine in an identity of 1.6 only.
  const wrong = stationAt(transport.port, 'CS/1', 'ocpp2.0.1', 'ocpp1.6');
  await t.throwsAsync(wrong.start(), { code: 'not-connected', message: /400/ });
  await using station = stationAt(transport.port, 'CS/1', 'ocpp1.6');
  const texts: string[] = [];
  station.onMessage((text) => texts.push(text));
  await t.throwsAsync(station.write('[2,"1","X",{}]'), { code: 'not-connected' });
  await station.start();
  t.is(station.protocol, 'ocpp1.6');
  await station.write('[2,"1","X",{}]');
  await until(() => texts.length === 1, 'the answer');
  t.is(texts[0], '[3,"1",{"stationId":"CS/1","protocol":"ocpp1.6"}]');
  t.deepEqual(await transport.connectedClients(), ['CS/1']);
  await transport.write('CS/1', { type: 2, id: 'c', action: 'ClearCache', payload: {} });
  await until(() => texts.length === 2, 'the CALL');
  t.is(texts[1], '[2,"c","ClearCache",{}]');
  const gone: string[] = [];
  transport.onDisconnection(({ stationId }) => gone.push(stationId));
  await station.stop();
  await until(() => gone.length === 1, 'the disconnection');
  t.deepEqual(await transport.connectedClients(), []);
});

test('responses, answers to pings and the Close come between each other as whole frames', async (t) => {
  await using transport = createTransport();
  const long = 'x'.repeat(70_000);
  transport.onMessage(async ({ frame }) => {
    const payload = { long: frame.type === MessageType.Call && frame.id.endsWith('0') ? long : '' };
    return { answer: { kind: 'result', payload }, writes: [], events: [] };
  });
  await transport.start();
  const { station } = await RawStation.open(transport.port, '/ocpp/CS1');
  await using _ = station;
  const numbers = Array.from({ length: 60 }, (_none, i) => String(i));
  for (const i of numbers) {
    station.frame(OPCODE.ping, Buffer.from(i));
    station.send(`[2,"${i}","Heartbeat",{}]`);
  }
  const ids: unknown[] = [];
  for (const i of numbers) {
    const [type, id, payload] = JSON.parse(await station.nextText()) as [number, string, { long: string }];
    ids.push(id);
    t.deepEqual([type, payload.long.length], [3, i.endsWith('0') ? long.length : 0]);
  }
  t.deepEqual(ids, numbers);
  const pongs = station.frames.filter(({ opcode }) => opcode === OPCODE.pong);
  t.deepEqual(
    pongs.map(({ payload }) => String(payload)),
    numbers,
  );
  station.frame(OPCODE.close, Buffer.from([0x03, 0xe8]));
  t.is(await station.closeCode(), 1000);
});

test('a station reconnects by itself, and stops on stop()', async (t) => {
  const first = await startTransport();
  const { port } = first;
  await using station = stationAt(port, 'CS1', 'ocpp1.6');
  const seen: string[] = [];
  station.onDisconnection((reason) => seen.push(`left: ${reason.slice(0, 4)}`));
  station.onReconnection(() => seen.push('back'));
  station.onError((error) => seen.push(error.name));
  await station.start();
  await first.stop();
  await until(() => seen.includes('TransportError'), 'an attempt that fails');
  await using second = await startTransport(port);
  await until(() => seen.includes('back'), 'the reconnection');
  t.is(seen[0], 'left: 1012');
  t.true(station.isConnected());
  t.deepEqual(await second.connectedClients(), ['CS1']);
  await station.stop();
  await until(() => !station.isConnected(), 'the end');
  const before = seen.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.is(seen.length, before, 'no further attempt');
});
