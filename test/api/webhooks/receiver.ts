/** A server that gets events of a webhook, verifies them as a receiver does, and answers what a test wants. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Got {
  readonly id: string;
  readonly station: string;
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
  readonly event: Readonly<Record<string, unknown>>;
  readonly status: number;
}

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** Status and pause (ms) of the answer to an event; 0 answers nothing and closes the connection. */
export type Answer = (event: {
  readonly id: string;
  readonly station: string;
  readonly n: string;
}) => number | { readonly status: number; readonly afterMs: number };

export class Receiver implements AsyncDisposable {
  readonly got: Got[] = [];
  /** What is wrong with the signature or the form of a request. */
  readonly faults: string[] = [];
  answer: Answer = () => 204;
  open = 0;
  mostOpen = 0;
  readonly #server = createServer((request, response) => {
    void this.#take(request).then(({ status, afterMs }) => {
      setTimeout(() => {
        this.open--;
        if (status === 0) response.destroy();
        else response.writeHead(status).end(status >= 400 ? 'no' : '');
      }, afterMs);
    });
  });

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    this.lastPort = this.port;
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Also when it has closed. */
  lastPort = 0;

  /** Events that it accepted, each once, in the order of their first acceptance. */
  get accepted(): readonly Got[] {
    const first = new Map<string, Got>();
    for (const one of this.got) if (one.status < 300 && !first.has(one.id)) first.set(one.id, one);
    return [...first.values()];
  }

  /** `data.n` of the events that it accepted of a station. */
  numbersOf(station: string): readonly number[] {
    return this.accepted.filter((one) => one.station === station).map(({ data }) => Number(data['n']));
  }

  async #take(request: IncomingMessage): Promise<{ status: number; afterMs: number }> {
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body = Buffer.concat(parts).toString('utf8');
    this.#verify(request, body);
    const event = JSON.parse(body) as Record<string, unknown> & {
      id: string;
      type: string;
      subject?: string;
    };
    const data = event['data'] as Record<string, string>;
    const { id, type, subject: station = '' } = event;
    const answer = this.answer({ id, station, n: data['n'] ?? '' });
    const { status, afterMs } = typeof answer === 'number' ? { status: answer, afterMs: 0 } : answer;
    this.got.push({ id, station, type, data, event, status: status === 0 ? 599 : status });
    return { status, afterMs };
  }

  /** As the specification of Standard Webhooks says, without code of the product. */
  #verify({ headers }: IncomingMessage, body: string): void {
    const id = String(headers['webhook-id']);
    const sentAt = Number(headers['webhook-timestamp']);
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
    const wanted = createHmac('sha256', key).update(`${id}.${sentAt}.${body}`).digest('base64');
    const signatures = String(headers['webhook-signature']).split(' ');
    if (!signatures.includes(`v1,${wanted}`)) this.faults.push(`the signature of ${id} is wrong`);
    if (Math.abs(sentAt - Date.now() / 1000) > 30) this.faults.push(`${id} was sent at ${sentAt}`);
    if ((JSON.parse(body) as { id: string }).id !== id) this.faults.push(`${id} has another id inside`);
    if (!String(headers['content-type']).startsWith('application/cloudevents+json'))
      this.faults.push(`${id} is of type ${String(headers['content-type'])}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
