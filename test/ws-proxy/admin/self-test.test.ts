/** The self-test of a proxy over real sockets: what it proves, what it says, and that nothing counts it. */
import test from 'ava';
import { PATH } from '../../../services/contract.ts';
import { identityOf } from '../../../services/ocpp/identity.ts';
import { PROTOCOLS } from '../../../services/ocpp/frame.ts';
import { SelfTestSecret, testHandshake } from '../../../services/station-server/self-test.ts';
import { selfTestIdentity } from '../../../services/transport/self-test.ts';
import { SelfTest } from '../../../services/ws-proxy/self-test.ts';
import { type Started, startProxy, withToken } from './started-proxy.ts';

const run = async (it: Started) => (await it.order('POST', PATH.selfTest)).json;

/** Metrics of stations, without those of time and memory. */
async function counts(it: Started): Promise<string[]> {
  const { text } = await it.ask(PATH.metrics);
  return text.split('\n').filter((line) => line.startsWith('ocpp_proxy') && !line.includes('held'));
}

test('a self-test passes on every listener, opens no session and counts nowhere', async (t) => {
  await using it = await startProxy({ ...withToken(), listeners: '0/lab/,0/v16' });
  const before = await counts(it);
  t.true(before.length > 5);
  t.deepEqual(await run(it), { ok: true, failures: [] });
  t.deepEqual(await counts(it), before);
  t.deepEqual(it.gateway.protocols, [], 'no session was opened');
  t.deepEqual((await it.order('GET', PATH.drain)).json.handshakes, { accepted: 0, failed: 0 });
});

test('a self-test takes no place of stations: neither of the rate nor of the sessions', async (t) => {
  await using it = await startProxy({ ...withToken(), connectRate: 1, maxSessions: 1 });
  for (let i = 0; i < 12; i += 1) t.true((await run(it)).ok);
  const { station, answer } = await it.open('CS1');
  await using _ = station;
  t.is(answer.status, 101);
  t.true((await run(it)).ok, 'also when the proxy is full');
});

test('a proxy that would refuse stations fails its self-test and says why', async (t) => {
  await using it = await startProxy(withToken());
  it.gateway.healthy = false;
  const away = await run(it);
  t.false(away.ok);
  t.regex(away.failures.join(), /^ws:\/\/127\.0\.0\.1:\d+\/ocpp\/self-test answered 503: the message store/);
  it.gateway.healthy = true;
  await it.order('PUT', PATH.drain, { mode: 'refusing', rollout: 'r1' });
  t.regex((await run(it)).failures.join(), /answered 503: this server is shutting down/);
});

test('a handshake with a wrong path, subprotocol or secret is no passed test', async (t) => {
  await using it = await startProxy({ ...withToken(), protocols: ['ocpp2.0.1'] });
  const port = it.proxy.stationPorts[0] ?? 0;
  const foreign = { host: '127.0.0.1', port, secret: new SelfTestSecret(), timeoutMs: 5000 };
  t.is(await testHandshake({ ...foreign, path: '/ocpp', protocol: 'ocpp2.0.1' }), undefined);
  t.is(it.gateway.protocols.length, 1, 'without the secret it is a station');
  t.regex((await testHandshake({ ...foreign, path: '/other', protocol: 'ocpp2.0.1' })) ?? '', /answered 404/);
  t.regex((await testHandshake({ ...foreign, path: '/ocpp', protocol: 'ocpp1.6' })) ?? '', /subprotocol/);
});

test('one self-test runs at a time; failures are sentences', async (t) => {
  let runs = 0;
  const selfTest = new SelfTest({
    host: '127.0.0.1',
    listeners: () => [
      { port: 0, path: '/closed' },
      { port: 1, path: '/ocpp' },
    ],
    protocol: 'ocpp1.6',
    secret: new SelfTestSecret(),
    exchange: async () => {
      runs += 1;
      throw new Error('no answer through Redis within 10 s: is a processor running?');
    },
  });
  const [first, second] = await Promise.all([selfTest.run(), selfTest.run()]);
  t.is(runs, 1);
  t.is(first, second);
  t.deepEqual(
    first.failures.map((text) => text.replace(/: connect.*/, '')),
    [
      'the listener of /closed is not open yet',
      'ws://127.0.0.1:1/ocpp/self-test',
      'no answer through Redis within 10 s: is a processor running?',
    ],
  );
  await selfTest.run();
  t.is(runs, 2);
});

test('no station can have the identity of a self-test', (t) => {
  const identity = encodeURIComponent(selfTestIdentity('proxy-1'));
  for (const protocol of [undefined, ...PROTOCOLS]) {
    const { ok } = identityOf(`/ocpp/${identity}`, '/ocpp', protocol);
    t.false(ok);
  }
});
