/**
 * A port of the loopback interface for a process that listens a moment later. It is below the range that the kernel
 * gives to outgoing connections (32768 and up on Linux), or one of the many of a busy test run would take it meanwhile. Each
 * test process counts up from a place of its own: between the check and the listen another one might find the same port free.
 */
import { createServer } from 'node:net';

const LOWEST = 10_000;
const PORTS = 22_000;
/** More than a test file needs. */
const APART = 331;

let next = (process.pid * APART) % PORTS;

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = LOWEST + (next++ % PORTS);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${LOWEST + PORTS} on 127.0.0.1`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
