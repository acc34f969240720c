/** Almost valid frames that a tolerant proxy understands, and the facts that go with each frame. */
import test from 'ava';
import { startEndpoint } from './endpoint.ts';
import { until } from '../support/until.ts';
import { OPCODE, RawStation, subprotocol } from './raw-station.ts';

interface Understood {
  readonly name: string;
  readonly protocol?: string;
  readonly send: string | Buffer;
  /** What reaches the gateway. */
  readonly text: string;
  readonly answer: string;
  readonly kinds: readonly string[];
}

const LONG_ID = 'i'.repeat(43);

const UNDERSTOOD: readonly Understood[] = [
  {
    name: 'an id that is a number',
    send: '[2, 17 ,"Heartbeat",{"a":12345678901234567890}]',
    text: '[2,"17","Heartbeat",{"a":12345678901234567890}]',
    answer: '[3,17,{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an id that no JavaScript number holds',
    send: '[2,98765432109876543210,"Heartbeat",{}]',
    text: '[2,"98765432109876543210","Heartbeat",{}]',
    answer: '[3,98765432109876543210,{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an id that is null',
    send: '[2,null,"Heartbeat",{}]',
    text: '[2,"null","Heartbeat",{}]',
    answer: '[3,null,{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an empty id',
    send: '[2,"","Heartbeat",{}]',
    text: String.raw`[2,"\"\"","Heartbeat",{}]`,
    answer: '[3,"",{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an id of 43 characters',
    send: `[2,"${LONG_ID}","Heartbeat", {}]`,
    text: `[2,"${LONG_ID}","Heartbeat", {}]`,
    answer: `[3,"${LONG_ID}",{}]`,
    kinds: ['message-id-length'],
  },
  {
    name: 'a payload that is null',
    send: '[2,"a","Heartbeat",null]',
    text: '[2,"a","Heartbeat",{}]',
    answer: '[3,"a",{}]',
    kinds: ['payload'],
  },
  {
    name: 'a payload that is left out, 2.x',
    protocol: 'ocpp2.0.1',
    send: '["2","a","Heartbeat"]',
    text: '[2,"a","Heartbeat",{}]',
    answer: '[3,"a",{}]',
    kinds: ['message-type', 'payload'],
  },
  {
    name: 'elements too many that are null',
    send: '[2,"a","Heartbeat",{},null,null]',
    text: '[2,"a","Heartbeat",{}]',
    answer: '[3,"a",{}]',
    kinds: ['trailing-elements'],
  },
  {
    name: 'almost JSON',
    send: '\uFEFF[,2,"a","Heartbeat",{"x":"\u0001",}]\0',
    text: String.raw`[2,"a","Heartbeat",{"x":"\u0001"}]`,
    answer: '[3,"a",{}]',
    kinds: ['trimmed-ends', 'stray-commas', 'control-characters'],
  },
  {
    name: 'almost JSON, and an id that is a number',
    send: '[2,+07,"Heartbeat",{"x":NaN}]',
    text: '[2,"7","Heartbeat",{"x":null}]',
    answer: '[3,7,{}]',
    kinds: ['numbers', 'literals', 'message-id'],
  },
  {
    name: 'bytes that are not UTF-8',
    send: Buffer.from('[2,"a","Heartbeat",{"x":"Caf\u00E9 \u00DF"}]', 'latin1'),
    text: '[2,"a","Heartbeat",{"x":"Caf\uFFFD \uFFFD"}]',
    answer: '[3,"a",{}]',
    kinds: ['utf-8'],
  },
];

for (const { name, protocol = 'ocpp1.6', send, text: read, answer, kinds } of UNDERSTOOD) {
  test(`understood: ${name}`, async (t) => {
    await using endpoint = await startEndpoint();
    const { gateway, seen } = endpoint;
    const opened = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol(protocol)]);
    await using station = opened.station;
    station.frame(OPCODE.text, Buffer.from(send));
    t.is(await station.nextText(), answer);
    const [forwarded] = gateway.forwarded;
    t.is(forwarded?.text, read);
    t.deepEqual(JSON.parse(read)[1], forwarded?.frame.id);
    t.deepEqual(forwarded?.repaired, { raw: send.toString('latin1'), kinds });
    t.deepEqual(
      seen.filter((what) => /^(?:unreadable|repaired)/.test(what)),
      [`repaired ${kinds.join(' ')}`],
    );
    station.send('[2,"b","Heartbeat",{}]');
    t.is(await station.nextText(), '[3,"b",{}]', 'the next id is written as usual');
    t.is(gateway.forwarded[1]?.repaired, undefined);
  });
}

test('each response repeats the id of its CALL as written; an error does too', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  for (const id of ['1', '"2"', 'null', '"4"']) station.send(`[2,${id},"Authorize",{}]`);
  station.send('[2,5,7,{}]');
  t.is((await station.nextText()).slice(0, 29), '[4,5,"FormationViolation","th');
  for (const id of ['1', '2', 'null', '4']) {
    await until(() => gateway.forwarded.at(-1)?.frame.id === id, `CALL ${id}`);
    gateway.answer('CS1', id);
  }
  const heard = [];
  for (let i = 0; i < 4; i++) heard.push(await station.nextText());
  t.deepEqual(heard, ['[3,1,{}]', '[3,"2",{}]', '[3,null,{}]', '[3,"4",{}]']);
});

test('frames after a BootNotification carry the registration status of its response', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  const boot = async (id: string, text: string) => {
    station.send(`[2,"${id}","BootNotification",{}]`);
    station.send(`[2,"${id}+","Heartbeat",{}]`);
    await until(() => gateway.forwarded.at(-1)?.frame.id === id, 'the boot');
    gateway.sinks.get('CS1')?.deliver({ type: text.startsWith('[4') ? 4 : 3, messageId: id, text });
    t.is(await station.nextText(), text);
    t.is(await station.nextText(), `[3,"${id}+",{}]`);
  };
  station.send('[2,"0","Heartbeat",{}]');
  await station.nextText();
  await boot('a', '[3,"a",{"status":"Pending","interval":5}]');
  await boot('b', '[3,"b",{"status":"Accepted"}]');
  await boot('c', '[4,"c","InternalError","",{}]');
  await boot('d', '[3,"d",{"status":"Rejected"}]');
  t.deepEqual(
    gateway.forwarded.map(({ frame, registration }) => [frame.id, registration]),
    [
      ['0', undefined],
      ['a', undefined],
      ['a+', 'Pending'],
      ['b', 'Pending'],
      ['b+', 'Accepted'],
      ['c', 'Accepted'],
      ['c+', 'Accepted'],
      ['d', 'Accepted'],
      ['d+', 'Rejected'],
    ],
  );
});
