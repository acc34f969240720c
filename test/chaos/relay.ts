/** A link between two programs that can break, fall silent, lose what is answered, or be slow. */
import { createServer, connect, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { LinkFault } from './plan.ts';

const SLOW_MS = 15;

export class Relay implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #target: number;
  #fault: LinkFault | undefined;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (near) => this.#join(near));
  }

  static async start(target: number): Promise<Relay> {
    const relay = new Relay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where new connections lead. */
  set target(port: number) {
    this.#target = port;
  }

  /** undefined heals; what was silent or lost its replies breaks then, as connections do that stood still. */
  set fault(fault: LinkFault | undefined) {
    const before = this.#fault;
    this.#fault = fault;
    if (fault === 'cut' || (fault === undefined && before === 'lose-replies')) this.#breakAll();
    if (fault !== undefined || before !== 'silence') return;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#breakAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #join(near: Socket): void {
    if (this.#fault === 'cut') return void near.destroy();
    const far = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    this.#pass(near, far, false);
    this.#pass(far, near, true);
  }

  #pass(from: Socket, to: Socket, replies: boolean): void {
    let due = Promise.resolve();
    from.on('data', (data: Buffer) => {
      if (this.#fault === 'lose-replies' && replies) return;
      if (this.#fault === 'silence') {
        // What has come is kept, as the network keeps it, until the link is whole again.
        from.pause();
        from.unshift(data);
        return;
      }
      const wait = this.#fault === 'slow' ? SLOW_MS : 0;
      const later = wait === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, wait));
      due = due.then(() => later).then(() => void to.write(data));
    });
  }
}
