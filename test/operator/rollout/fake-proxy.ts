/** The admin port of a ws-proxy without stations: it keeps the last order, and moves 10 stations between two reports. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DrainOrder, type DrainReport, METRIC, PATH } from '../../../services/contract.ts';

const EACH = 10;

export class FakeProxy implements AsyncDisposable {
  sessions: number;
  /** Moves nothing, whatever the order. */
  isStuck = false;
  order: DrainOrder | undefined;
  readonly orders: DrainOrder[] = [];
  /** Where its stations connect again. */
  onMoved: (stations: number) => void = () => undefined;
  #moved = 0;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { status, body } = this.#answer(
        request.method,
        request.url ?? '',
        Buffer.concat(chunks).toString(),
      );
      response.writeHead(status).end(body);
    });
  });

  private constructor(sessions: number) {
    this.sessions = sessions;
  }

  static async start(sessions: number): Promise<FakeProxy> {
    const proxy = new FakeProxy(sessions);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(method: string | undefined, path: string, body: string): { status: number; body: string } {
    if (path === PATH.metrics) return { status: 200, body: `${METRIC.proxySessions} ${this.sessions}\n` };
    if (path.startsWith(PATH.rollout)) {
      const id = new URL(path, 'http://proxy').searchParams.get('id');
      const counts = {
        moves: this.#moved,
        stations: this.#moved,
        movedAgain: 0,
        forced: 0,
        away: 0,
        missing: 0,
      };
      return { status: 200, body: JSON.stringify({ id, ...counts, peakReturnsPerSecond: 0 }) };
    }
    if (path !== PATH.drain) return { status: 404, body: '' };
    if (method === 'PUT') this.#take(JSON.parse(body) as DrainOrder);
    else this.#move();
    return { status: 200, body: JSON.stringify(this.#report()) };
  }

  #take(order: DrainOrder): void {
    if (order.rollout !== this.order?.rollout) this.#moved = 0;
    this.order = order;
    this.orders.push(order);
  }

  #move(): void {
    const { mode, moves = Infinity } = this.order ?? { mode: 'accepting' };
    if (this.isStuck || (mode !== 'draining' && mode !== 'shedding')) return;
    const count = Math.min(EACH, this.sessions, moves - this.#moved);
    this.sessions -= count;
    this.#moved += count;
    if (count > 0) this.onMoved(count);
  }

  #report(): DrainReport {
    const { mode, rollout, moves, leaving } = this.order ?? { mode: 'accepting' };
    return {
      mode,
      ...(rollout !== undefined && { rollout }),
      ...(moves !== undefined && { moves }),
      ...(leaving === true && { leaving }),
      sessions: this.sessions,
      inTransaction: 0,
      moved: this.#moved,
      handshakes: { accepted: 0, failed: 0 },
    };
  }
}
