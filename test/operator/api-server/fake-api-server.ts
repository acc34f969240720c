/**
 * LIST and WATCH of one resource over plain HTTP, correct unless faults are injected: each fault replaces the response
 * to the next request of its kind. For behaviour that a real API server does not show on demand.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Fault {
  readonly on: 'list' | 'watch';
  readonly answer: (response: ServerResponse) => void;
}

interface Item {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly data: object;
}

export interface FakeApiServer extends AsyncDisposable {
  readonly url: string;
  /** Pending faults per kind of request, first in, first out. */
  readonly faults: Fault[];
  /** Requests received, such as `list` or `watch 12`, with their times. */
  readonly requests: { readonly what: string; readonly at: number }[];
  put(name: string, data?: object): void;
  remove(name: string): void;
  /** Name → resourceVersion of the existing objects. */
  content(): Record<string, string>;
  /** Drops all events so far: watches from earlier versions get 410. */
  compact(): void;
  /** Simulates a restored backup: only the named objects exist, and versions restart. Watches from higher versions get no events. */
  restore(names: readonly string[]): void;
  /** Resets every open connection. */
  cut(): void;
}

export async function startFakeApiServer(): Promise<FakeApiServer> {
  const items = new Map<string, Item>();
  let version = 10;
  let forgotten = 0;
  let events: { readonly version: number; readonly line: string }[] = [];
  const watchers = new Set<ServerResponse>();
  const faults: Fault[] = [];
  const requests: { what: string; at: number }[] = [];

  const publish = (type: string, object: Item) => {
    const line = `${JSON.stringify({ type, object })}\n`;
    events.push({ version, line });
    for (const watcher of watchers) watcher.write(line);
  };
  const watch = (response: ServerResponse, from: number) => {
    if (from < forgotten) return response.end(expiredEvent());
    // As a real server does: it waits until it reaches this version.
    if (from > version) return response.flushHeaders();
    for (const event of events) if (event.version > from) response.write(event.line);
    response.flushHeaders();
    watchers.add(response);
    return response.on('close', () => watchers.delete(response));
  };
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://fake');
    const kind = searchParams.get('watch') === 'true' ? 'watch' : 'list';
    const from = searchParams.get('resourceVersion') ?? '';
    requests.push({ what: `${kind} ${from}`.trim(), at: performance.now() });
    const fault = faults.findIndex(({ on }) => on === kind);
    if (fault >= 0) return faults.splice(fault, 1)[0]?.answer(response);
    if (kind === 'watch') return void watch(response, Number(from));
    const metadata = { resourceVersion: String(version) };
    return void response.end(JSON.stringify({ metadata, items: [...items.values()] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    put(name, data = {}) {
      version += 1;
      const before = items.get(name);
      const uid = before?.metadata.uid ?? `uid-${version}`;
      const metadata = { name, namespace: 'default', uid, resourceVersion: String(version) };
      const item = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
      items.set(name, item);
      publish(before === undefined ? 'ADDED' : 'MODIFIED', item);
    },
    remove(name) {
      const item = items.get(name);
      if (item === undefined) return;
      version += 1;
      items.delete(name);
      publish('DELETED', { ...item, metadata: { ...item.metadata, resourceVersion: String(version) } });
    },
    content: () =>
      Object.fromEntries([...items].map(([name, { metadata }]) => [name, metadata.resourceVersion])),
    compact() {
      events = [];
      forgotten = version;
    },
    restore(names) {
      version = 1;
      forgotten = 0;
      events = [];
      const kept = [...items].filter(([name]) => names.includes(name));
      items.clear();
      for (const [name, { metadata, ...item }] of kept) {
        items.set(name, { ...item, metadata: { ...metadata, resourceVersion: String((version += 1)) } });
      }
    },
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const expiredEvent = () =>
  `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } })}\n`;
