/** Faults of an API server one by one: the reflector continues and misses no change. */
import test from 'ava';
import type { ObjectChange } from '../../../operator/controller/diff.ts';
import { Reflector } from '../../../operator/controller/reflector.ts';
import { KubeHttp } from '../../../operator/kube/http.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import { type Fault, type FakeApiServer, startFakeApiServer } from './fake-api-server.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const CONFIG_MAPS = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true };

function reflect(server: FakeApiServer, onChange: (change: ObjectChange) => void = () => {}) {
  const store = new KubeObjectStore(
    new KubeHttp({ server: server.url, authenticate: () => Promise.resolve() }),
    { watchIdleMs: 300 },
  );
  const restarts: string[] = [];
  const log = memoryLog();
  const reflector = new Reflector({
    store,
    resource: CONFIG_MAPS,
    onChange,
    log,
    backoff: { minMs: 5, maxMs: 40 },
    silentMs: 200,
    onRestart: (reason) => restarts.push(reason),
  });
  const content = () =>
    Object.fromEntries(reflector.list().map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  return { reflector, restarts, log, content };
}

const same = (a: object, b: object) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (map: object) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));

const status = (code: number, text = '{}', headers: Record<string, string> = {}): Fault['answer'] => {
  return (response) => void response.writeHead(code, headers).end(text);
};
const hang: Fault['answer'] = (response) => response.flushHeaders();
const line = (text: string): Fault['answer'] => {
  return (response) => void response.end(text);
};

/** Name → faults for the next requests, and the reason under which they are counted. */
const FAULTS: Readonly<Record<string, { faults: readonly Fault[]; reason: string; compact?: boolean }>> = {
  'watch answers 500': { faults: [{ on: 'watch', answer: status(500) }], reason: 'unavailable' },
  'watch answers 500 often': {
    faults: Array.from({ length: 5 }, () => ({ on: 'watch' as const, answer: status(500) })),
    reason: 'unavailable',
  },
  'watch is forbidden for a while': { faults: [{ on: 'watch', answer: status(403) }], reason: 'forbidden' },
  'a proxy answers HTML': {
    faults: [{ on: 'watch', answer: status(502, '<html>Bad Gateway</html>') }],
    reason: 'unavailable',
  },
  'TCP reset before the answer': {
    faults: [{ on: 'watch', answer: (response) => response.socket?.resetAndDestroy() }],
    reason: 'unavailable',
  },
  'TCP reset in the middle': {
    faults: [
      {
        on: 'watch',
        answer: (response) => {
          response.write('{"type":"BOOK', () => response.socket?.resetAndDestroy());
        },
      },
    ],
    reason: 'unavailable',
  },
  'accepted, then silence': { faults: [{ on: 'watch', answer: hang }], reason: 'unavailable' },
  'accepted, not even headers': { faults: [{ on: 'watch', answer: () => {} }], reason: 'unavailable' },
  'ended at once, without an event': { faults: [{ on: 'watch', answer: line('') }], reason: 'unavailable' },
  'half an event, then the end': {
    faults: [{ on: 'watch', answer: line('{"type":"ADDED","object":{"metadata":{"na') }],
    reason: 'unavailable',
  },
  'an event that is no JSON': { faults: [{ on: 'watch', answer: line('what?\n') }], reason: 'unavailable' },
  'an ERROR event': {
    faults: [{ on: 'watch', answer: line('{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n') }],
    reason: 'unavailable',
  },
  'version expired, as status': { faults: [{ on: 'watch', answer: status(410) }], reason: 'expired' },
  'version expired, as event': { faults: [], reason: 'expired', compact: true },
  'expired, and the list answers 500': {
    faults: [
      { on: 'watch', answer: status(410) },
      { on: 'list', answer: status(500) },
      { on: 'list', answer: line('{"metadata":{"resourceVersion":"5"},"items":[{') },
    ],
    reason: 'unavailable',
  },
};

for (const [name, { faults, reason, compact }] of Object.entries(FAULTS)) {
  test(`reflector: ${name}: goes on, no change is lost`, async (t) => {
    await using server = await startFakeApiServer();
    for (const item of ['kept', 'changed', 'removed']) server.put(item);
    const changes: string[] = [];
    const { reflector, restarts, content } = reflect(server, ({ before, after }) => {
      const verb = before === undefined ? 'added' : after === undefined ? 'deleted' : 'modified';
      changes.push(`${verb} ${(after ?? before)?.metadata.name}`);
    });
    // After a failed assertion too: a reflector that goes on keeps the process of the tests alive.
    t.teardown(() => reflector.stop());
    reflector.start();
    await reflector.whenSynced();
    await until(() => server.requests.some(({ what }) => what.startsWith('watch')), 'the first watch');
    // It has the answer to its watch: the fault meets the next one.
    server.put('first');
    await until(() => content()['first'] !== undefined, 'the first event');
    changes.length = 0;
    server.faults.push(...faults);
    server.cut();
    server.put('added');
    server.put('changed', { n: 1 });
    server.remove('removed');
    if (compact === true) server.compact();
    await until(() => server.faults.length === 0 && same(content(), server.content()), 'the same content');
    t.deepEqual([...changes].sort(), ['added added', 'deleted removed', 'modified changed']);
    await until(() => restarts.length > faults.length, 'every fault to be noticed');
    t.true(restarts.slice(1).includes(reason), `counted as ${reason}: ${restarts.join()}`);
    server.put('later');
    await until(() => content()['later'] !== undefined, 'the watch works');
    await reflector.stop();
  });
}

test('reflector: the first list may fail; it is synced only after a successful one', async (t) => {
  await using server = await startFakeApiServer();
  server.put('a');
  for (let n = 0; n < 3; n += 1) server.faults.push({ on: 'list', answer: status(500) });
  const { reflector, restarts } = reflect(server);
  t.false(reflector.hasSynced);
  reflector.start();
  await reflector.whenSynced();
  t.true(reflector.hasSynced);
  t.is(restarts.length, 3);
  t.is(reflector.get({ name: 'a', namespace: 'default' })?.metadata.name, 'a');
  await reflector.stop();
});

test('reflector: after a 429 it does not retry before Retry-After', async (t) => {
  await using server = await startFakeApiServer();
  server.faults.push({ on: 'list', answer: status(429, '{"message":"busy"}', { 'retry-after': '1' }) });
  const { reflector, restarts } = reflect(server);
  reflector.start();
  await reflector.whenSynced();
  const [first, second] = server.requests;
  t.deepEqual(restarts, ['throttled']);
  t.true((second?.at ?? 0) - (first?.at ?? 0) >= 990);
  await reflector.stop();
});

test('reflector: bookmarks alone keep the watch alive and advance the version it resumes from', async (t) => {
  await using server = await startFakeApiServer();
  const bookmark = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"77"}}}\n';
  server.faults.push({
    on: 'watch',
    answer: (response) => {
      response.write(bookmark);
      setTimeout(() => response.end(bookmark), 50);
    },
  });
  const { reflector, restarts } = reflect(server);
  reflector.start();
  await until(() => server.requests.length >= 3, 'the second watch');
  t.deepEqual(
    server.requests.slice(0, 3).map(({ what }) => what),
    ['list', 'watch 10', 'watch 77'],
  );
  t.deepEqual(restarts, []);
  await reflector.stop();
});

test('reflector: it lists again after the API server was restored from a backup and stays silent', async (t) => {
  await using server = await startFakeApiServer();
  for (const name of ['kept', 'lost']) server.put(name);
  const { reflector, content } = reflect(server);
  reflector.start();
  await until(() => server.requests.some(({ what }) => what.startsWith('watch')), 'the first watch');
  t.deepEqual(Object.keys(content()), ['kept', 'lost']);
  server.restore(['kept']);
  server.cut();
  await until(() => same(content(), server.content()), 'the same content');
  t.deepEqual(Object.keys(content()), ['kept']);
  server.put('later');
  await until(() => content()['later'] !== undefined, 'the watch works');
  await reflector.stop();
});

test('reflector: an error in the handler does not stop it', async (t) => {
  await using server = await startFakeApiServer();
  server.put('a');
  const { reflector, log, content } = reflect(server, () => {
    throw new Error('handler');
  });
  reflector.start();
  await reflector.whenSynced();
  server.put('b');
  await until(() => content()['b'] !== undefined, 'b');
  t.is(log.lines.filter(({ level }) => level === 'error').length, 2);
  await reflector.stop();
});
