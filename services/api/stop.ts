/** The end of the API: no request is cut that can be finished in time. */
import type { FastifyInstance } from 'fastify';
import { sleep } from '../runtime/clock.ts';

/** Stops accepting, ends streams and waits of commands, and closes what is left after `graceMs`. */
export async function stopApi(api: FastifyInstance, graceMs: number): Promise<void> {
  const closed = new AbortController();
  const last = sleep(graceMs, closed.signal).then(() => api.server.closeAllConnections());
  await api.close();
  closed.abort();
  await last;
}
