/**
 * The admin port of every program over plain HTTP: liveness, readiness, metrics, and the routes of the program.
 * Readiness and liveness answer with a readable reason, for an operator who calls them with curl; they are always open. The
 * routes of a program need the bearer token; metrics only if a setting says so.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { PATH } from '../contract.ts';
import { type AdminRoute, type Answer, answerRoute, denied, send } from './admin-routes.ts';
import { AdminToken } from './admin-token.ts';

/** undefined: healthy; a text says what is wrong. */
export type Check = () => string | undefined;

export interface AdminOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly registry: Registry;
  readonly live: Check;
  readonly ready: Check;
  /** File with the bearer token; without one nothing that needs it is served. */
  readonly tokenFile?: string;
  /** Whether the metrics need the token too. */
  readonly metricsNeedToken?: boolean;
  readonly routes?: readonly AdminRoute[];
}

export interface AdminServer extends AsyncDisposable {
  readonly port: number;
}

/** A request with headers only must be complete within this time, as must one with a body; ms. */
const REQUEST_TIMEOUT = 30_000;

export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const token = new AdminToken(options.tokenFile ?? '');
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT }, (request, response) => {
    answer(options, token, request).then(
      (result) => send(response, result),
      (error: unknown) => send(response, { status: 500, text: `the request failed: ${String(error)}\n` }),
    );
  });
  await listen(server, options.port, options.host);
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(options: AdminOptions, token: AdminToken, request: IncomingMessage): Promise<Answer> {
  switch (request.url?.split('?')[0]) {
    case PATH.liveness:
      return health(options.live);
    case PATH.readiness:
      return health(options.ready);
    case PATH.metrics:
      return metrics(options, token, request);
    default: {
      const { routes = [] } = options;
      const paths = [PATH.liveness, PATH.readiness, PATH.metrics, ...routes.map(({ path }) => path)];
      const text = `not found; the paths are ${[...new Set(paths)].join(', ')}\n`;
      return (await answerRoute(routes, token, request)) ?? { status: 404, text };
    }
  }
}

function health(check: Check): Answer {
  const problem = check();
  return { status: problem === undefined ? 200 : 503, text: `${problem ?? 'ok'}\n` };
}

async function metrics(
  { registry, metricsNeedToken = false }: AdminOptions,
  token: AdminToken,
  request: IncomingMessage,
): Promise<Answer> {
  const denial = metricsNeedToken ? await token.denial(request.headers.authorization) : undefined;
  if (denial !== undefined) return denied(denial);
  try {
    return { status: 200, text: await registry.metrics(), type: registry.contentType };
  } catch (error) {
    return { status: 500, text: `metrics could not be collected: ${String(error)}\n` };
  }
}

/** server.listen as a promise that rejects when the address is not available. */
export function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
