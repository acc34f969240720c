/**
 * What a user would take instead for several processes with one Redis: ocpp-ws-io with its Redis adapter, as its documentation sets it up
 * for a cluster, answering from memory. It validates nothing, which is its default, and logs nothing.
 * PORT says where, PACKAGE is its folder (see ../ocpp-ws-io.ts), REDIS_PORT its Redis.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';

/** What is used of its types: the package is not installed when this is checked. */
interface Client {
  handle(protocol: string, action: string, answer: () => object): void;
}
interface Server {
  auth(check: (context: { accept(options: object): void }) => void): void;
  on(event: 'client', listener: (client: Client) => void): void;
  setAdapter(adapter: object): Promise<void>;
  listen(port: number, host: string): Promise<unknown>;
}
interface Main {
  readonly OCPPServer: new (options: object) => Server;
}
interface Adapters {
  readonly RedisAdapter: new (clients: Readonly<Record<string, Redis>>) => object;
}

const { PORT, PACKAGE = '', REDIS_PORT } = process.env;
const load = async <T>(file: string) => (await import(pathToFileURL(join(PACKAGE, file)).href)) as T;
const { OCPPServer } = await load<Main>('dist/index.mjs');
const { RedisAdapter } = await load<Adapters>('dist/adapters/redis.mjs');

const answers: Readonly<Record<string, () => object>> = {
  BootNotification: () => ({ status: 'Accepted', currentTime: new Date().toISOString(), interval: 300 }),
  Heartbeat: () => ({ currentTime: new Date().toISOString() }),
  StartTransaction: () => ({ transactionId: 1, idTagInfo: { status: 'Accepted' } }),
  StopTransaction: () => ({}),
  Authorize: () => ({ idTagInfo: { status: 'Accepted' } }),
  MeterValues: () => ({}),
  StatusNotification: () => ({}),
};

const server = new OCPPServer({ protocols: ['ocpp1.6', 'ocpp2.0.1'], logging: false });
server.auth((context) => context.accept({}));
server.on('client', (client) => {
  for (const [action, answer] of Object.entries(answers)) client.handle('ocpp1.6', action, answer);
});
const pubClient = new Redis(Number(REDIS_PORT), '127.0.0.1');
await server.setAdapter(
  new RedisAdapter({ pubClient, subClient: pubClient.duplicate(), blockingClient: pubClient.duplicate() }),
);
await server.listen(Number(PORT), '127.0.0.1');
