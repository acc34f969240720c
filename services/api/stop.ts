/** The end of the API: no request is cut that can be finished in time. */
import type { FastifyInstance } from 'fastify';
import { sleep } from '../runtime/clock.ts';

/** Between looks for connections that have become idle; ms. */
const LOOK = 100;

/** Stops accepting, ends streams and waits of commands, and closes what is left after `graceMs`. */
export async function stopApi(api: FastifyInstance, graceMs: number): Promise<void> {
  // A connection that becomes idle after the beginning of the end would stay open, for a request that never comes.
  const idle = setInterval(() => api.server.closeIdleConnections(), LOOK);
  const closed = new AbortController();
  const last = sleep(graceMs, closed.signal).then(() => api.server.closeAllConnections());
  await api.close();
  clearInterval(idle);
  closed.abort();
  await last;
}
