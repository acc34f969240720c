/** A server that asks CP-1 to reset, and is killed before it hears the answer. Its argument: a RedisConfig as JSON. */
import { newDispatcher, newServerWithTransport } from '../../services/library/server.ts';
import {
  createServerState,
  createTransport,
  type RedisConfig,
} from '../../services/library/transport-factory.ts';

const config = JSON.parse(process.argv[2] ?? '') as RedisConfig;
const server = newServerWithTransport(
  createTransport({ ...config, name: 'dying' }),
  newDispatcher(),
  await createServerState(config),
);
await server.start();
await server.sendRequest('CP-1', 'Reset', { type: 'Soft' });
