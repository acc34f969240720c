/** Frames that are no valid OCPP-J or WebSocket: what closes a socket, what is answered, what is kept. */
import test from 'ava';
import { startEndpoint } from './endpoint.ts';
import { until } from '../support/until.ts';
import { OPCODE, RawStation, subprotocol } from './raw-station.ts';

interface BadFrame {
  readonly name: string;
  readonly protocol?: string;
  readonly send: string | ((station: RawStation) => void);
  /** The answer, nothing, or the code of the Close. */
  readonly expect: string | number | undefined;
  /** Tolerant proxies understand it: see UNDERSTOOD. */
  readonly strictOnly?: true;
  /** The reason with which it is kept; undefined where it is not kept. */
  readonly kept: string | undefined;
}

const text = (station: RawStation, payload: Buffer | string) =>
  station.frame(OPCODE.text, Buffer.from(payload));
const BREAK_OUT = '[2,"1","X",{}],"charge_point_id":"VICTIM","x":[]';

const BAD_FRAMES: readonly BadFrame[] = [
  { name: 'malformed JSON, 1.6', kept: 'not-json', send: '[2,"1","X",', expect: undefined },
  {
    name: 'malformed JSON, 2.x',
    kept: 'not-json',
    protocol: 'ocpp2.0.1',
    send: '[2,"1","X",',
    expect: '[4,"-1","RpcFrameworkError"',
  },
  { name: 'an object', kept: 'not-a-frame', send: '{"a":1}', expect: undefined },
  { name: 'null', kept: 'not-a-frame', send: 'null', expect: undefined },
  {
    name: 'null, 2.1',
    kept: 'not-a-frame',
    protocol: 'ocpp2.1',
    send: 'null',
    expect: '[4,"-1","RpcFrameworkError"',
  },
  { name: 'an empty text', kept: 'not-json', send: '', expect: undefined },
  {
    name: 'nested 10 000 deep',
    kept: 'not-a-frame',
    send: '['.repeat(10_000) + ']'.repeat(10_000),
    expect: undefined,
  },
  {
    name: 'nested deep in a payload',
    kept: 'not-json',
    send: `[2,"1","X",${'['.repeat(1e5)}`,
    expect: undefined,
  },
  {
    name: 'a CALL without payload',
    kept: 'bad-shape',
    strictOnly: true,
    send: '[2,"1","X"]',
    expect: '[4,"1","FormationViolation"',
  },
  {
    name: 'a CALL without payload, 2.x',
    kept: 'bad-shape',
    strictOnly: true,
    protocol: 'ocpp2.0.1',
    send: '[2,"1","X"]',
    expect: '[4,"1","RpcFrameworkError"',
  },
  {
    name: 'an id of 37 characters',
    kept: 'bad-id',
    strictOnly: true,
    send: `[2,"${'i'.repeat(37)}","X",{}]`,
    expect: undefined,
  },
  { name: 'a bad CALLRESULT is not answered', kept: 'bad-shape', send: '[3,"1","text"]', expect: undefined },
  {
    name: 'a bad CALLRESULT, 2.0.1',
    kept: 'bad-shape',
    protocol: 'ocpp2.0.1',
    send: '[3,"1"]',
    expect: undefined,
  },
  {
    name: 'an answer to no open CALL',
    kept: undefined,
    send: '[3,"unknown",{}]',
    expect: undefined,
  },
  { name: 'type 5 in 1.6', kept: 'unknown-type', send: '[5,"1","GenericError","",{}]', expect: undefined },
  {
    name: 'type 6 in 1.6',
    kept: 'unknown-type',
    send: '[6,"1","NotifyPeriodicEventStream",{}]',
    expect: undefined,
  },
  { name: 'type 7 in 1.6', kept: 'unknown-type', send: '[7,"1","X",{}]', expect: undefined },
  {
    name: 'type 7 in 2.1',
    kept: 'unknown-type',
    protocol: 'ocpp2.1',
    send: '[7,"1","X",{}]',
    expect: '[4,"1","MessageTypeNotSupported"',
  },
  { name: 'a frame that breaks out of its envelope', kept: 'not-json', send: BREAK_OUT, expect: undefined },
  {
    name: 'two frames in one text',
    kept: 'not-json',
    send: '[2,"1","A",{}][2,"2","B",{}]',
    expect: undefined,
  },
  {
    name: 'a binary message',
    kept: 'binary',
    send: (it) => it.frame(OPCODE.binary, Buffer.from('[]')),
    expect: 1003,
  },
  {
    name: 'invalid UTF-8',
    kept: undefined,
    strictOnly: true,
    send: (it) => text(it, Buffer.from([0x5b, 0xff, 0x5d])),
    expect: 1007,
  },
  { name: '10 MB', kept: undefined, send: (it) => text(it, Buffer.alloc(10_000_000, 0x20)), expect: 1009 },
  {
    name: 'fragments without end',
    kept: undefined,
    send(it) {
      it.frame(OPCODE.text, Buffer.from('['), false);
      for (let i = 0; i < 2000; i += 1) it.frame(OPCODE.continuation, Buffer.from(' '), false);
    },
    expect: 1008,
  },
  {
    name: 'a compressed frame, never agreed on',
    kept: undefined,
    send: (it) => it.frame(0x41, Buffer.from('x')),
    expect: 1002,
  },
  {
    name: 'an unmasked frame',
    kept: undefined,
    send: (it) => void it.socket.write(Buffer.from([0x81, 0x02, 0x5b, 0x5d])),
    expect: 1002,
  },
  {
    name: 'an opcode that does not exist',
    kept: undefined,
    send: (it) => it.frame(5, Buffer.from('x')),
    expect: 1002,
  },
];

const BAD_FRAMES_BY_MODE = ['Strict', 'Tolerant'].flatMap((mode) =>
  BAD_FRAMES.filter(({ strictOnly }) => mode === 'Strict' || strictOnly !== true).map(
    (frame) => [mode, frame] as const,
  ),
);

for (const [mode, { name, protocol = 'ocpp1.6', send, expect, kept }] of BAD_FRAMES_BY_MODE) {
  test(`bad frame, ${mode}: ${name}`, async (t) => {
    await using endpoint = await startEndpoint({}, {}, undefined, mode === 'Tolerant');
    const { gateway, seen } = endpoint;
    const opened = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol(protocol)]);
    await using station = opened.station;
    if (typeof send === 'string') station.send(send);
    else send(station);
    if (typeof expect === 'number') {
      t.is(await station.closeCode(), expect);
      await until(() => endpoint.server.sockets.size === 0, 'the socket to be forgotten');
    } else {
      // A message without a response is followed by one with a response.
      station.send('[2,"alive","Heartbeat",{}]');
      if (expect !== undefined) t.true((await station.nextText()).startsWith(expect));
      t.is(await station.nextText(), '[3,"alive",{}]');
    }
    t.deepEqual(
      gateway.forwarded.map(({ frame }) => frame.id).filter((id) => id !== 'alive'),
      [],
      'nothing of it reached the gateway',
    );
    t.deepEqual(
      seen.filter((what) => /^(?:unreadable|repaired)/.test(what)),
      kept === undefined ? [] : [`unreadable ${kept}`],
    );
    const texts = gateway.unreadable.map(({ stationId, text: it }) => [stationId, it]);
    const whole = typeof send === 'string' ? send.slice(0, 4096) : '[]';
    t.deepEqual(texts, kept === undefined ? [] : [['CS1', whole]]);
  });
}
