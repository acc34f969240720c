/** A server that sends a Reset to CP-1 and is killed before the response. Its argument: a RedisConfig as JSON. */
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
