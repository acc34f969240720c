/** One socket of a station: order, open CALLs, floods, takeovers, pings. */
import { connect } from 'node:net';
import test from 'ava';
import { startEndpoint } from './endpoint.ts';
import { until } from '../support/until.ts';
import { OPCODE, RawStation, subprotocol, V16 } from './raw-station.ts';

test('a frame reaches the gateway unchanged, with fragments joined', async (t) => {
  await using endpoint = await startEndpoint();
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  const written = ' [ 2 , "a\\u0031" , "Heartbeat" , { "n" : 1.0e2 } ]\n';
  station.frame(OPCODE.text, Buffer.from(written.slice(0, 7)), false);
  station.frame(OPCODE.ping, Buffer.from('amid'));
  station.frame(OPCODE.continuation, Buffer.from(written.slice(7, 8)), false);
  station.frame(OPCODE.continuation, Buffer.from(written.slice(8)));
  t.is(await station.nextText(), '[3,"a1",{}]');
  t.is(endpoint.gateway.forwarded[0]?.text, written);
});

test('a second CALL is held until the first has its response, then follows in order', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol('ocpp2.1')]);
  await using _ = station;
  for (const id of ['1', '2', '3']) station.send(`[2,"${id}","Authorize",{}]`);
  station.send('[6,"s","NotifyPeriodicEventStream",{}]');
  const ids = () => gateway.forwarded.map(({ frame, sequence }) => `${frame.id}:${sequence}`);
  await until(() => ids().includes('s:1'), 'the SEND, which waits for nothing');
  t.deepEqual(ids(), ['1:1', 's:1']);
  gateway.answer('CS1', '2');
  gateway.answer('CS1', '1');
  t.is(await station.nextText(), '[3,"1",{}]', 'an answer to a CALL that is not open is not written');
  gateway.answer('CS1', '2');
  t.is(await station.nextText(), '[3,"2",{}]');
  t.deepEqual(ids(), ['1:1', 's:1', '2:2', '3:3']);
});

test('a station that floods is paused, not answered with errors, and loses nothing', async (t) => {
  await using endpoint = await startEndpoint({ maxHeldBytes: 4096 });
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  const filler = 'x'.repeat(1000);
  const count = 300;
  for (let i = 0; i < count; i += 1) station.send(`[2,"${i}","MeterValues",{"x":"${filler}"}]`);
  for (let i = 0; i < count; i += 1) {
    await until(() => gateway.forwarded.length > i, `CALL ${i}`);
    gateway.answer('CS1', String(i));
    t.is(await station.nextText(), `[3,"${i}",{}]`);
  }
});

test('a CALL of the CSMS crosses one of the station; its response is forwarded, a second one is not', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  station.send('[2,"1","Authorize",{}]');
  await until(() => gateway.forwarded.length === 1, 'the CALL');
  gateway.sinks.get('CS1')?.deliver({ type: 2, messageId: 'c', text: '[2,"c","Reset",{}]' });
  t.is(await station.nextText(), '[2,"c","Reset",{}]');
  station.send('[3,"c",{"status":"Accepted"}]');
  station.send('[3,"c",{"status":"Rejected"}]');
  await until(() => endpoint.seen.includes('dropped unknown-answer'), 'the second answer');
  t.deepEqual(
    gateway.forwarded.map(({ text: it }) => it),
    ['[2,"1","Authorize",{}]', '[3,"c",{"status":"Accepted"}]'],
  );
});

test('an unanswered CALL expires after the call time-out, and the next one follows', async (t) => {
  const peer = { callTimeout: 100, maxHeld: 65_536, maxQueued: 16 };
  await using endpoint = await startEndpoint({ peer, pingIntervalMs: 200 });
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  station.send('[2,"1","Authorize",{}]');
  station.send('[2,"2","Authorize",{}]');
  await until(() => gateway.forwarded.length === 2, 'the second CALL');
  gateway.answer('CS1', '1');
  gateway.answer('CS1', '2');
  t.is(await station.nextText(), '[3,"2",{}]', 'the late answer is not written');
});

test('a half-open peer is dropped after missed pings, a live idle one is not', async (t) => {
  await using endpoint = await startEndpoint({ pingIntervalMs: 100 });
  const [living, dead] = await Promise.all([
    RawStation.open(endpoint.port, '/ocpp/living'),
    RawStation.open(endpoint.port, '/ocpp/dead'),
  ]);
  await using _living = living.station;
  await using _dead = dead.station;
  dead.station.alive = false;
  t.is(await dead.station.closeCode(), 1006);
  await until(() => endpoint.seen.includes('closed silent'), 'the socket to be cut');
  t.false(living.station.ended);
  living.station.send('[2,"1","Heartbeat",{}]');
  t.is(await living.station.nextText(), '[3,"1",{}]');
});

test('a station that reads nothing is disconnected before it costs memory', async (t) => {
  await using endpoint = await startEndpoint({ maxUnreadBytes: 64 * 1024 });
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol('ocpp2.1')]);
  await using _ = station;
  station.socket.pause();
  const sink = endpoint.gateway.sinks.get('CS1');
  const frame = `[6,"1","X",{"x":"${'x'.repeat(60_000)}"}]`;
  await until(() => {
    sink?.deliver({ type: 6, messageId: '1', text: frame });
    return endpoint.seen.includes('closed slow-reader');
  }, 'the socket to be cut');
  t.is(endpoint.server.sockets.size, 0);
});

test('a takeover closes the old socket, whose frames and Close have no effect', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const old = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using _old = old;
  old.alive = false;
  const young = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using _young = young;
  t.is(await old.closeCode(), 1012);
  old.send('[2,"late","Heartbeat",{}]');
  await until(() => endpoint.seen.includes('dropped revoked'), 'the frame of the old connection');
  old.socket.destroy();
  await until(() => gateway.ended.includes(1), 'the old connection to end');
  young.send('[2,"1","Heartbeat",{}]');
  t.is(await young.nextText(), '[3,"1",{}]');
  t.deepEqual(
    gateway.forwarded.map(({ frame, epoch }) => `${frame.id}:${epoch}`),
    ['1:2'],
  );
});

test('nothing of a station that is closed for access is heard, although it does not answer the Close', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  await using station = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  station.alive = false;
  station.send('[2,"1","Authorize",{}]');
  station.send('[2,"held","Authorize",{}]');
  await until(() => gateway.forwarded.length === 1, 'the first CALL');
  gateway.sinks.get('CS1')?.deliver({ type: 2, messageId: 'c', text: '[2,"c","Reset",{}]' });
  for (const socket of endpoint.server.sockets) socket.closeForAccess();
  t.is(await station.closeCode(), 1008);
  for (const text of ['[2,"late","StartTransaction",{}]', '[3,"c",{}]', 'no frame']) station.send(text);
  station.frame(OPCODE.binary, Buffer.from([0]));
  gateway.answer('CS1', '1');
  const dropped = () => endpoint.seen.filter((what) => what === 'dropped access').length;
  await until(() => dropped() === 5, 'all of them');
  t.deepEqual(
    gateway.forwarded.map(({ frame }) => frame.id),
    ['1'],
  );
  t.deepEqual(gateway.unreadable, []);
});

test('an old socket that is half open is terminated in time, and distinguished from a live one (case 1)', async (t) => {
  await using endpoint = await startEndpoint({ probeTimeoutMs: 100, pingIntervalMs: 400 });
  const open = async () => (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using halfOpen = await open();
  halfOpen.alive = false;
  await using living = await open();
  await until(() => endpoint.codes.length === 1, 'the half-open socket to be cut');
  await using _third = await open();
  await until(() => endpoint.codes.length === 2, 'the living one to say goodbye');
  t.deepEqual(endpoint.codes, [1006, 1012]);
  t.deepEqual(
    endpoint.seen.filter((what) => /^closed|^duplicate/.test(what)),
    ['closed replaced', 'duplicate CS1', 'closed replaced'],
  );
  t.is(await living.closeCode(), 1012);
});

test('frames that a station sends before its session is open are kept', async (t) => {
  await using endpoint = await startEndpoint();
  let open: () => void = () => undefined;
  endpoint.gateway.opening = new Promise((resolve) => {
    open = resolve;
  });
  await using station = await RawStation.connect(endpoint.port);
  const answer = station.handshake('/ocpp/CS1', V16);
  // A station that does not wait for the end of the handshake violates RFC 6455, and is still served.
  station.send('[2,"1","Heartbeat",{}]');
  await until(() => endpoint.server.size === 1, 'the handshake');
  open();
  t.is((await answer).status, 101);
  t.is(await station.nextText(), '[3,"1",{}]');
});

test('a peer that disconnects during its handshake leaves no session behind', async (t) => {
  await using endpoint = await startEndpoint();
  let open: () => void = () => undefined;
  endpoint.gateway.opening = new Promise((resolve) => {
    open = resolve;
  });
  const socket = connect(endpoint.port, '127.0.0.1');
  socket.write(
    'GET /ocpp/CS1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ' +
      'dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n',
  );
  await until(() => endpoint.server.size === 1, 'the handshake');
  socket.resetAndDestroy();
  await until(() => socket.closed, 'the reset');
  open();
  await until(() => endpoint.gateway.ended.length === 1, 'the session to end');
  await until(() => endpoint.server.size === 0, 'the socket to be forgotten');
  t.pass();
});
