/**
 * The admin port of every program: liveness, readiness and metrics over plain HTTP.
 * Readiness and liveness answer with a readable reason, for an operator who calls them with curl.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { PATH } from '../contract.ts';

/** undefined: healthy; a text says what is wrong. */
export type Check = () => string | undefined;

export interface AdminOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly registry: Registry;
  readonly live: Check;
  readonly ready: Check;
}

export interface AdminServer extends AsyncDisposable {
  readonly port: number;
}

export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': type });
      response.end(text);
    };
    const check = (probe: Check) => {
      const problem = probe();
      answer(problem === undefined ? 200 : 503, `${problem ?? 'ok'}\n`);
    };
    switch (request.url?.split('?')[0]) {
      case PATH.liveness:
        return check(options.live);
      case PATH.readiness:
        return check(options.ready);
      case PATH.metrics:
        options.registry.metrics().then(
          (text) => answer(200, text, options.registry.contentType),
          (error: unknown) => answer(500, `metrics could not be collected: ${String(error)}\n`),
        );
        return;
      default:
        return answer(404, `not found; the paths are ${PATH.liveness}, ${PATH.readiness}, ${PATH.metrics}\n`);
    }
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
