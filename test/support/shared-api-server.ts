/** One API server with the OcppCluster definition for all tests of a file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { type ApiServer, type ApiServerOptions, startApiServer } from './api-server.ts';

const DEFINITION = readFileSync(join(import.meta.dirname, '../../crds/ocppclusters.yaml'), 'utf8');

export interface SharedApiServer {
  /** Undefined where there are no binaries, and before the first test runs. */
  readonly current: ApiServer | undefined;
  /** Undefined: there is none, and the test is over; startApiServer has said so loudly, or failed with CI=true. */
  given(t: ExecutionContext): ApiServer | undefined;
  /** The body of a test, run where there is one. */
  on(body: (t: ExecutionContext, server: ApiServer) => Promise<void>): (t: ExecutionContext) => Promise<void>;
}

/** @param prepare what the tests need besides, done once */
export function sharedApiServer(
  test: TestFn,
  options: ApiServerOptions = {},
  prepare: (server: ApiServer) => Promise<void> = () => Promise.resolve(),
): SharedApiServer {
  let server: ApiServer | undefined;
  test.before(async () => {
    server = await startApiServer(options);
    if (server === undefined) return;
    await server.installCrd(DEFINITION);
    await prepare(server);
  });
  test.after.always(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  const given = (t: ExecutionContext) => {
    if (server === undefined) t.pass('skipped: no kube-apiserver here');
    return server;
  };
  return {
    get current() {
      return server;
    },
    given,
    on: (body) => async (t) => {
      const found = given(t);
      if (found !== undefined) await body(t, found);
    },
  };
}
