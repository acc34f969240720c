import test from 'ava';
import type { DomainEvent } from '../../services/transport/stored-state.ts';
import { type Frame, PROTOCOLS } from '../../services/ocpp/frame.ts';
import { ConfigError, loadConfig } from '../../services/runtime/config.ts';
import type { Log } from '../../services/runtime/log.ts';
import {
  createAdmission,
  readDefaultProtocol,
  readProtocols,
} from '../../services/station-server/admission.ts';
import { type ProxySettings, proxySettings } from '../../services/ws-proxy/config.ts';
import { QuietLog } from '../../services/runtime/quiet-log.ts';
import { transactionsAfter } from '../../services/station-server/running-transactions.ts';
import { createProxyMetrics } from '../../services/ws-proxy/metrics.ts';
import { createObserver } from '../../services/ws-proxy/observer.ts';
import { REFUSAL_ADVICE } from '../../services/ws-proxy/refusal-advice.ts';
import { array, assert, constantFrom, integer, property, tuple } from 'fast-check';
import { PacedRate, ReconnectRate } from '../../services/station-server/rates/rates.ts';

const request = {
  url: '/ocpp/CS1',
  path: '/ocpp',
  subprotocols: 'ocpp1.6',
  remoteAddress: '192.0.2.1',
  sessions: 0,
};
const settings = { protocols: PROTOCOLS, maxSessions: 10 };

test('admission: accepts valid identities and subprotocols, and refuses others with a reason', (t) => {
  const admit = createAdmission(settings, { now: () => 0 });
  t.like(admit(request), { kind: 'accept', stationId: 'CS1', protocol: 'ocpp1.6' });
  const closed = (code: string) => ({ kind: 'accept-and-close', refusal: { status: 101, code } });
  t.like(admit({ ...request, subprotocols: undefined }), closed('no-subprotocol'));
  const only21 = createAdmission({ ...settings, protocols: ['ocpp2.1'] }, { now: () => 0 });
  t.like(only21(request), closed('unknown-subprotocol'));
  t.regex(JSON.stringify(only21(request)), /no common subprotocol: ocpp1\.6/);
  const refused = (status: number, code: string) => ({ kind: 'refuse', refusal: { status, code } });
  t.like(admit({ ...request, url: '/other' }), refused(404, 'path'));
  t.like(admit({ ...request, url: '/ocpp/%00' }), refused(400, 'identity'));
});

test('admission: the default version applies to stations without a subprotocol, and to the rules of their identity', (t) => {
  const admit = createAdmission({ ...settings, defaultProtocol: 'ocpp2.0.1' }, { now: () => 0 });
  const unnamed = { ...request, subprotocols: undefined };
  t.like(admit(unnamed), { kind: 'accept', stationId: 'CS1', protocol: 'ocpp2.0.1', isUnnamed: true });
  t.like(admit(request), { kind: 'accept', stationId: 'CS1', protocol: 'ocpp1.6' });
  t.is(admit({ ...unnamed, url: '/ocpp/a%20b' }).kind, 'refuse');
  t.is(admit({ ...request, subprotocols: 'ocpp1.5' }).kind, 'accept-and-close');
  t.is(readDefaultProtocol('', PROTOCOLS), undefined);
  t.is(readDefaultProtocol('ocpp1.6', PROTOCOLS), 'ocpp1.6');
  t.throws(() => readDefaultProtocol('ocpp1.6', ['ocpp2.1']), { message: /OCPP_DEFAULT_PROTOCOL.*ocpp2\.1/ });
});

test('admission: a full proxy refuses with Retry-After, spread by identity and the same each time', (t) => {
  const admit = createAdmission(settings, { now: () => 0 });
  const secondsOf = (i: number) => {
    const admission = admit({ ...request, url: `/ocpp/CS${i}`, sessions: 10 });
    const refusal = admission.kind === 'refuse' ? admission.refusal : undefined;
    t.like(refusal, { status: 503, code: 'sessions', reason: 'this server is full' });
    return refusal?.retryAfterSeconds ?? 0;
  };
  const all = Array.from({ length: 1100 }, (_, i) => secondsOf(i));
  t.is(Math.min(...all), 5);
  t.is(Math.max(...all), 15);
  for (let seconds = 5; seconds <= 15; seconds++) {
    const share = all.filter((one) => one === seconds).length;
    t.true(share > 50 && share < 150, `${share} of 1100 get ${seconds} s`);
  }
  t.is(secondsOf(7), all[7] ?? 0);
});

test('a flapping station is admitted at a slow rate, others are not delayed (case 5)', (t) => {
  let now = 0;
  const admit = createAdmission(settings, { now: () => now });
  const admitted = (seconds: number) => {
    let count = 0;
    for (const end = now + seconds * 1000; now < end; now += 100) if (pace() === undefined) count++;
    return count;
  };
  const pace = (of = request) => {
    const admission = admit(of);
    return admission.kind === 'accept' ? admission.pace?.() : t.fail(admission.kind);
  };
  t.is(admitted(60), 10 + 29, 'ten at once, then one every two seconds');
  t.is(pace(), undefined);
  const refused = pace();
  t.like(refused, { status: 429, code: 'flapping' });
  t.true((refused?.retryAfterSeconds ?? 0) >= 7);
  t.is(pace({ ...request, url: '/ocpp/CS2' }), undefined);
  now += 20_000;
  t.is(admitted(0.5), 5, 'after a quiet period a burst is permitted again');
});

test('the limits on connects of an identity are read each time', (t) => {
  let reconnects = { burst: 2, perMinute: 60 };
  const admit = createAdmission(
    {
      ...settings,
      get reconnects() {
        return reconnects;
      },
    },
    { now: () => 0 },
  );
  const admitted = (url: string) =>
    Array.from({ length: 30 }, () => {
      const admission = admit({ ...request, url });
      return admission.kind === 'accept' && admission.pace?.() === undefined;
    }).filter(Boolean).length;
  t.is(admitted('/ocpp/CS1'), 2);
  reconnects = { burst: 20, perMinute: 600 };
  t.is(admitted('/ocpp/CS2'), 20);
  t.is(admitted('/ocpp/CS1'), 0, 'a larger burst is earned, not given');
});

test('the number of remembered identities is bounded', (t) => {
  const reconnects = new ReconnectRate();
  for (let i = 0; i < 50_000; i++) reconnects.connect(`CP-${i}`, i);
  t.is(reconnects.size, 20_000);
});

test('a paced rate: no second has more than the rate, whatever the pauses and however it changes', (t) => {
  assert(
    property(
      array(tuple(integer({ min: 0, max: 1500 }), constantFrom(10, 25, 100, 500)), {
        minLength: 20,
        maxLength: 400,
      }),
      (steps) => {
        let [rate, now] = [100, 0];
        const paced = new PacedRate(() => rate, 0);
        const spent: number[] = [];
        for (const [pause, next] of steps) {
          now += pause % 7 === 0 ? pause : pause % 40;
          rate = Math.min(next, 100);
          for (let i = 0; i < 200; i++) if (paced.take(now)) spent.push(now);
        }
        return spent.every((at, i) => {
          const later = spent[i + 100];
          return later === undefined || later - at >= 1000;
        });
      },
    ),
  );
  t.pass();
});

test('a paced rate is used to nine tenths, spends at most a tenth at once, and gains nothing from a clock set back', (t) => {
  const paced = new PacedRate(() => 100, 0);
  const taken = (now: number) => Array.from({ length: 200 }, () => paced.take(now)).filter(Boolean).length;
  t.is(taken(0), 10);
  t.is(taken(3_600_000), 10, 'after a pause');
  t.is(taken(0), 0);
  let sum = 0;
  for (let now = 10; now <= 10_000; now += 10) sum += taken(now);
  t.true(sum >= 899 && sum <= 901, `${sum} in 10 s`);
  const slow = new PacedRate(() => 0.5, 0);
  t.deepEqual([slow.take(0), slow.take(1900), slow.take(2100)], [true, false, true]);
  const unlimited = new PacedRate(() => Infinity, 0);
  t.true(Array.from({ length: 1000 }, () => unlimited.take(0)).every(Boolean));
});

test('running transactions are estimated from forwarded frames', (t) => {
  const call = (action: string, payload: object): Frame => ({ type: 2, id: '1', action, payload });
  const after = (...frames: Frame[]) => frames.reduce(transactionsAfter, 0);
  const start = call('StartTransaction', {});
  const stop = call('StopTransaction', { transactionId: 1 });
  const event = (eventType: string) => call('TransactionEvent', { eventType });
  t.is(after(start), 1);
  t.is(after(start, start, stop), 1);
  t.is(after(start, stop, stop), 0);
  t.is(after(call('MeterValues', { connectorId: 0 })), 0);
  t.is(after(call('MeterValues', { transactionId: 7 }), call('MeterValues', { transactionId: 7 })), 1);
  t.is(after(event('Started'), event('Updated'), event('Ended')), 0);
  t.is(after(event('Updated')), 1);
  t.is(after(call('Heartbeat', {}), { type: 3, id: 'c', payload: {} }), 0);
});

test('settings: the defaults are consistent, and an error names the variable', (t) => {
  const load = (env: Record<string, string>): ProxySettings => loadConfig('ws-proxy', proxySettings, env, []);
  const defaults = load({});
  t.like(defaults, { stationPort: 9000, adminPort: 9090, stationPath: '/ocpp', drainDeadline: 300_000 });
  t.deepEqual(readProtocols(defaults.protocols), [...PROTOCOLS]);
  t.is(load({ OCPP_PING_INTERVAL: '1m30s' }).pingInterval, 90_000);
  const mistakes = { OCPP_PORT: 'x', OCPP_DRAIN_RATE: '0', OCPP_CALL_TIMEOUT: 'soon' };
  const error = t.throws(() => load(mistakes), { instanceOf: ConfigError });
  for (const name of Object.keys(mistakes)) t.true(error.message.includes(name), name);
  t.throws(() => readProtocols(['ocpp1.6', 'ocpp1.5']), { message: /ocpp1\.5/ });
});

test('a repeated warning is logged once per interval, with the number suppressed', (t) => {
  let now = 0;
  const lines: object[] = [];
  const log = { warn: (fields: object) => void lines.push(fields) } as unknown as Log;
  const quiet = new QuietLog(log, { now: () => now });
  for (let i = 0; i < 1000; i += 1) quiet.warn('refused', { status: 503 }, 'refused');
  quiet.warn('other', {}, 'other');
  now = 10_000;
  quiet.warn('refused', { status: 503 }, 'refused');
  t.deepEqual(lines, [{ status: 503 }, {}, { status: 503, suppressed: 999 }]);
});

test('warnings of many kinds are bounded too, and counted', (t) => {
  let now = 0;
  const lines: object[] = [];
  const log = { warn: (fields: object) => void lines.push(fields) } as unknown as Log;
  const quiet = new QuietLog(log, { now: () => now });
  for (let i = 0; i < 10_000; i += 1) quiet.warn(`refused CP-${i % 5000}`, { i }, 'refused');
  t.is(lines.length, 100);
  now = 10_000;
  quiet.warn('refused CP-4999', { i: 0 }, 'refused');
  t.deepEqual(lines[100], { i: 0, suppressedOthers: 9900 });
});

test('each refused station gets a log line with identity and reason, without secrets of its request', async (t) => {
  const lines: (readonly [object, string])[] = [];
  const log = {
    warn: (fields: object, text: string) => void lines.push([fields, text]),
    debug() {},
  } as unknown as Log;
  const metrics = createProxyMetrics({
    sessions: () => 0,
    held: () => 0,
    unproven: () => 0,
    sourceFailing: () => false,
    bootsWaiting: () => 0,
    handshakesWaiting: () => 0,
    lost: () => 0,
    share: () => 1,
    load: async () => ({ depth: 0, oldestSeconds: 0, inFlight: 0 }),
    clock: { now: () => 0 },
  });
  const observer = createObserver(metrics, log, new QuietLog(log, { now: () => 0 }), () => undefined);
  const remoteAddress = '192.0.2.1';
  const refusal = { status: 101, code: 'no-subprotocol', reason: 'none is named' } as const;
  for (const id of ['CS1', 'CS2', 'CS1'])
    observer.refused(refusal, { remoteAddress, url: `/ocpp/${id}/?pw=secret` });
  observer.closed({ stationId: 'CS3', protocol: 'ocpp1.6', remoteAddress }, 'binary', 1003);
  observer.closed({ stationId: 'CS4', protocol: 'ocpp1.6', remoteAddress }, 'binary', 1003);
  const advice = REFUSAL_ADVICE['no-subprotocol'];
  const refused = { status: 101, code: 'no-subprotocol', reason: 'none is named', remoteAddress, advice };
  t.deepEqual(lines, [
    [{ stationId: 'CS1', ...refused }, 'refused a handshake'],
    [{ stationId: 'CS2', ...refused }, 'refused a handshake'],
    [{ stationId: 'CS3', remoteAddress, why: 'binary', code: 1003 }, 'closed the connection of a station'],
    [{ stationId: 'CS4', remoteAddress, why: 'binary', code: 1003 }, 'closed the connection of a station'],
  ]);
  const text = await metrics.registry.metrics();
  t.regex(text, /ocpp_proxy_handshakes_refused_total\{status="101",reason="no-subprotocol"\} 3/);
  t.notRegex(text, /CS\d/);
});

test('an identity that two live stations use causes a warning; a half-open socket does not', async (t) => {
  const lines: string[] = [];
  const log = { warn: (_: object, text: string) => void lines.push(text), debug() {} } as unknown as Log;
  const load = async () => ({ depth: 0, oldestSeconds: 0, inFlight: 0 });
  const metrics = createProxyMetrics({
    sessions: () => 0,
    held: () => 0,
    unproven: () => 0,
    sourceFailing: () => false,
    bootsWaiting: () => 0,
    handshakesWaiting: () => 0,
    lost: () => 0,
    share: () => 1,
    load,
    clock: { now: () => 0 },
  });
  const events: DomainEvent[] = [];
  const tell = (event: DomainEvent) => void events.push(event);
  const observer = createObserver(metrics, log, new QuietLog(log, { now: () => 0 }), tell);
  const session = { stationId: 'CS1', protocol: 'ocpp1.6', remoteAddress: '192.0.2.1' } as const;
  observer.closed(session, 'replaced', 1006);
  observer.closed(session, 'station', 1000);
  t.deepEqual(lines, []);
  observer.duplicate(session);
  t.regex(lines.join(), /two stations may share one identity/);
  t.deepEqual(events, [
    { type: 'duplicate-identity', stationId: 'CS1', fields: { remoteAddress: '192.0.2.1' } },
  ]);
  t.regex(await metrics.registry.metrics(), /ocpp_proxy_duplicate_identities_total 1/);
});
