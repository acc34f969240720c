/** The programs on one Redis, as a person would start them by hand: all of them real processes. */
import { ENV } from '../../services/contract.ts';
import { type Environment, type Program, startProgram } from '../support/program.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

/** Stations of the tests charge with tokens that are in no list. */
const ANY_TOKEN = { [ENV.unknownTokens]: 'Accept' };

export interface Cluster extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly proxies: Program[];
  readonly processors: Program[];
}

export async function startCluster(
  size: { readonly proxies: number; readonly processors: number } = { proxies: 1, processors: 1 },
  env: Environment = {},
): Promise<Cluster> {
  const stack = new AsyncDisposableStack();
  try {
    const redis = stack.use(await startRedis());
    const started = async (name: 'ws-proxy' | 'processor', count: number) => {
      const starting = Array.from({ length: count }, async () =>
        stack.use(await startProgram(name, { ...ANY_TOKEN, [ENV.redisAddr]: redis.addr, ...env })),
      );
      // If one fails the others have to be there before they can be ended.
      await Promise.allSettled(starting);
      return Promise.all(starting);
    };
    const processors = await started('processor', size.processors);
    const proxies = await started('ws-proxy', size.proxies);
    return { redis, proxies, processors, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
