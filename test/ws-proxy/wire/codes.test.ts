/** Which answer a text gets in each version, with which code, through a proxy and a processor that repair nothing. */
import anyTest, { type TestFn } from 'ava';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { type Cluster, startCluster } from '../../scenario/cluster.ts';
import { RawStation, subprotocol } from '../raw-station.ts';

const test = anyTest as TestFn<{ cluster: Cluster }>;

test.before(async (t) => {
  t.timeout(120_000);
  t.context = { cluster: await startCluster(undefined, { OCPP_VALIDATION: 'Strict' }) };
});
test.after.always(async (t) => {
  await t.context.cluster?.[Symbol.asyncDispose]();
});

/** What is sent → the answer: its type, its id, and the code of an error; undefined: none before the next CALL's. */
interface Exchange {
  readonly name: string;
  readonly protocol: Protocol;
  readonly send: string;
  readonly expect: readonly [type: 4, id: string, code: string] | undefined;
}

const LONG = 'i'.repeat(37);
const TYPE_5 = '[5,"r","FormatViolation","a bad response",{}]';
const TYPE_6 =
  '[6,"s","NotifyPeriodicEventStream",{"id":1,"pending":0,"basetime":"2026-11-28T12:00:00Z","data":[{"t":0,"v":"1"}]}]';

const STRICT: readonly Exchange[] = [
  {
    name: 'an unknown action',
    protocol: 'ocpp1.6',
    send: '[2,"1","Fly",{}]',
    expect: [4, '1', 'NotImplemented'],
  },
  {
    name: 'an unknown action',
    protocol: 'ocpp2.0.1',
    send: '[2,"1","Fly",{}]',
    expect: [4, '1', 'NotImplemented'],
  },
  {
    name: 'an unknown action',
    protocol: 'ocpp2.1',
    send: '[2,"1","Fly",{}]',
    expect: [4, '1', 'NotImplemented'],
  },
  {
    name: 'an action of another version',
    protocol: 'ocpp1.6',
    send: '[2,"1","TransactionEvent",{}]',
    expect: [4, '1', 'NotImplemented'],
  },
  {
    name: 'an action of another version',
    protocol: 'ocpp2.0.1',
    send: '[2,"1","StartTransaction",{}]',
    expect: [4, '1', 'NotImplemented'],
  },
  {
    name: 'an action that only a CSMS sends',
    protocol: 'ocpp1.6',
    send: '[2,"1","Reset",{"type":"Soft"}]',
    expect: [4, '1', 'NotSupported'],
  },
  {
    name: 'a name of the prototype as action',
    protocol: 'ocpp2.1',
    send: '[2,"1","constructor",{}]',
    expect: [4, '1', 'NotImplemented'],
  },
  {
    name: 'a missing field',
    protocol: 'ocpp1.6',
    send: '[2,"1","Authorize",{}]',
    expect: [4, '1', 'OccurenceConstraintViolation'],
  },
  {
    name: 'a missing field',
    protocol: 'ocpp2.0.1',
    send: '[2,"1","Authorize",{}]',
    expect: [4, '1', 'OccurrenceConstraintViolation'],
  },
  {
    name: 'a missing field',
    protocol: 'ocpp2.1',
    send: '[2,"1","Authorize",{}]',
    expect: [4, '1', 'OccurrenceConstraintViolation'],
  },
  {
    name: 'a field too many',
    protocol: 'ocpp1.6',
    send: '[2,"1","Heartbeat",{"x":1}]',
    expect: [4, '1', 'FormationViolation'],
  },
  {
    name: 'a field too many',
    protocol: 'ocpp2.0.1',
    send: '[2,"1","Heartbeat",{"x":1}]',
    expect: [4, '1', 'FormatViolation'],
  },
  {
    name: 'a wrong type',
    protocol: 'ocpp1.6',
    send: '[2,"1","Authorize",{"idTag":1}]',
    expect: [4, '1', 'TypeConstraintViolation'],
  },
  {
    name: 'a value that is too long',
    protocol: 'ocpp1.6',
    send: `[2,"1","Authorize",{"idTag":"${'x'.repeat(21)}"}]`,
    expect: [4, '1', 'PropertyConstraintViolation'],
  },
  {
    name: 'a CALL without payload',
    protocol: 'ocpp1.6',
    send: '[2,"1","Heartbeat"]',
    expect: [4, '1', 'FormationViolation'],
  },
  {
    name: 'a CALL without payload',
    protocol: 'ocpp2.1',
    send: '[2,"1","Heartbeat"]',
    expect: [4, '1', 'RpcFrameworkError'],
  },
  { name: 'an id that is a number', protocol: 'ocpp1.6', send: '[2,1,"Heartbeat",{}]', expect: undefined },
  {
    name: 'an id that is a number',
    protocol: 'ocpp2.0.1',
    send: '[2,1,"Heartbeat",{}]',
    expect: [4, '-1', 'RpcFrameworkError'],
  },
  {
    name: 'an id that is empty',
    protocol: 'ocpp2.1',
    send: '[2,"","Heartbeat",{}]',
    expect: [4, '-1', 'RpcFrameworkError'],
  },
  {
    name: 'an id that is too long',
    protocol: 'ocpp1.6',
    send: `[2,"${LONG}","Heartbeat",{}]`,
    expect: undefined,
  },
  {
    name: 'an id that is too long',
    protocol: 'ocpp2.0.1',
    send: `[2,"${LONG}","Heartbeat",{}]`,
    expect: [4, '-1', 'RpcFrameworkError'],
  },
  { name: 'no JSON', protocol: 'ocpp1.6', send: '[2,"1",', expect: undefined },
  { name: 'no JSON', protocol: 'ocpp2.1', send: '[2,"1",', expect: [4, '-1', 'RpcFrameworkError'] },
  { name: 'type 5', protocol: 'ocpp1.6', send: TYPE_5, expect: undefined },
  { name: 'type 5', protocol: 'ocpp2.0.1', send: TYPE_5, expect: undefined },
  { name: 'type 5', protocol: 'ocpp2.1', send: TYPE_5, expect: undefined },
  { name: 'type 6', protocol: 'ocpp1.6', send: TYPE_6, expect: undefined },
  { name: 'type 6', protocol: 'ocpp2.0.1', send: TYPE_6, expect: undefined },
  { name: 'type 6', protocol: 'ocpp2.1', send: TYPE_6, expect: undefined },
  {
    name: 'a SEND that is wrong',
    protocol: 'ocpp2.1',
    send: '[6,"s","NotifyPeriodicEventStream",{}]',
    expect: undefined,
  },
  { name: 'a SEND of an unknown action', protocol: 'ocpp2.1', send: '[6,"s","Fly",{}]', expect: undefined },
  { name: 'type 7', protocol: 'ocpp1.6', send: '[7,"1","X",{}]', expect: undefined },
  {
    name: 'type 7',
    protocol: 'ocpp2.0.1',
    send: '[7,"1","X",{}]',
    expect: [4, '1', 'MessageTypeNotSupported'],
  },
  {
    name: 'type 7',
    protocol: 'ocpp2.1',
    send: '[7,"1","X",{}]',
    expect: [4, '1', 'MessageTypeNotSupported'],
  },
];

for (const [index, { name, protocol, send, expect }] of STRICT.entries()) {
  test(`cases 29 to 31, ${protocol}: ${name} gets ${expect === undefined ? 'no answer' : `${expect[2]} for "${expect[1]}"`}`, async (t) => {
    const port = t.context.cluster.proxies[0]?.stationPort ?? 0;
    const { station } = await RawStation.open(port, `/ocpp/CODES-${index}`, [subprotocol(protocol)]);
    await using it = station;
    const next = async () => JSON.parse(await it.nextText()) as unknown[];
    it.send(send);
    it.send('[2,"alive","Heartbeat",{}]');
    if (expect !== undefined) {
      const answer = await next();
      t.deepEqual(answer.slice(0, 3), expect);
      t.is(answer.length, 5);
      t.true(String(answer[3]).length <= 255);
      t.deepEqual(answer[4], {});
    }
    t.deepEqual((await next()).slice(0, 2), [3, 'alive']);
  });
}
