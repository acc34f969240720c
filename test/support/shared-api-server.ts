/**
 * An API server with the OcppCluster definition: one for all tests of a file, or one for all files of a run. To start one costs
 * seconds of CPU.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { ExecutionContext, TestFn } from 'ava';
import {
  type ApiConnection,
  type ApiPlace,
  type ApiServer,
  type ApiServerOptions,
  connectTo,
  DEFINITION,
  startApiServer,
} from './api-server.ts';

export interface SharedApiServer<Server extends ApiConnection = ApiServer> {
  /** Undefined where there are no binaries, and before the first test runs. */
  readonly current: Server | undefined;
  /** Undefined: there is none, and the test is over; startApiServer has said so loudly, or failed with CI=true. */
  given(t: ExecutionContext): Server | undefined;
  /** The body of a test, run where there is one. */
  on(body: (t: ExecutionContext, server: Server) => Promise<void>): (t: ExecutionContext) => Promise<void>;
}

/** The server of the whole run: for files whose tests keep to namespaces of their own. */
export function commonApiServer(test: TestFn): SharedApiServer<ApiConnection> {
  let server: ApiConnection | undefined;
  test.before(async () => {
    server = await apiServerOfRun();
  });
  test.after.always(() => server?.http.close());
  return whereGiven(() => server);
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
  return whereGiven(() => server);
}

function whereGiven<Server extends ApiConnection>(
  current: () => Server | undefined,
): SharedApiServer<Server> {
  const given = (t: ExecutionContext) => {
    const server = current();
    if (server === undefined) t.pass('skipped: no kube-apiserver here');
    return server;
  };
  return {
    get current() {
      return current();
    },
    given,
    on: (body) => async (t) => {
      const found = given(t);
      if (found !== undefined) await body(t, found);
    },
  };
}

/** In the environment of the tests: path of the socket that says where the server is. */
const VARIABLE = 'OCPP_TEST_API_SERVER';

/** Neither: there are no binaries, which startApiServer() has said. */
interface Answer {
  readonly place?: ApiPlace;
  readonly error?: string;
}

/**
 * Called by AVA's configuration: AVA's own process starts the server for the first file that asks, and its end is the server's.
 * Returns what the environment of the tests needs.
 */
export function offerApiServer(): Readonly<Record<string, string>> {
  const socket = join(tmpdir(), `ocpp-api-server-${randomUUID()}.sock`);
  let answer: Promise<Answer> | undefined;
  const server = createServer((client) => {
    client.unref().on('error', () => undefined);
    answer ??= start();
    void answer.then((found) => client.end(JSON.stringify(found)));
  });
  server.listen(socket).unref();
  process.on('exit', () => rmSync(socket, { force: true }));
  return { [VARIABLE]: socket };
}

/** Undefined where there are no binaries. */
async function apiServerOfRun(): Promise<ApiConnection | undefined> {
  const socket = process.env[VARIABLE];
  if (socket === undefined) throw new Error(`${VARIABLE} is not set: run the tests with ava.config.js`);
  const client = createConnection(socket);
  await once(client, 'connect');
  const { place, error } = (await json(client)) as Answer;
  if (error !== undefined) throw new Error(error);
  return place === undefined ? undefined : connectTo(place);
}

async function start(): Promise<Answer> {
  try {
    const server = await startApiServer({ isBackground: true });
    await server?.installCrd(DEFINITION);
    server?.http.close();
    return server === undefined ? {} : { place: server.place };
  } catch (error) {
    return { error: String(error) };
  }
}
