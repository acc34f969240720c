/**
 * The test that a new Pod passes before stations come to it: a handshake on each of its listeners, and a message to a processor
 * and back. It opens no session and counts nowhere.
 */
import type { SelfTestReport } from '../contract.ts';
import type { Protocol } from '../ocpp/frame.ts';
import type { StationListener } from '../station-server/station-listener.ts';
import { type SelfTestSecret, testHandshake } from '../station-server/self-test.ts';

export interface SelfTestParts {
  readonly host: string;
  /** With their real ports; 0 for one that is not open. */
  readonly listeners: () => readonly StationListener[];
  /** One that the proxy accepts. */
  readonly protocol: Protocol;
  readonly secret: SelfTestSecret;
  /** Sends a message to a processor and back; rejects with what is wrong. */
  readonly exchange: (timeoutMs: number) => Promise<void>;
  readonly timeoutMs?: number;
}

/** How long each part may take; ms. */
const TIMEOUT = 10_000;

export class SelfTest {
  readonly #parts: SelfTestParts;
  #running: Promise<SelfTestReport> | undefined;

  constructor(parts: SelfTestParts) {
    this.#parts = parts;
  }

  /** One at a time: a second caller gets the result of the first. Never rejects. */
  run(): Promise<SelfTestReport> {
    this.#running ??= this.#test().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #test(): Promise<SelfTestReport> {
    const { host, listeners, protocol, secret, exchange, timeoutMs = TIMEOUT } = this.#parts;
    const handshakes = listeners().map(
      async ({ port, path, protocols = [protocol], tls, proxyProtocol = false }) => {
        if (port === 0) return `the listener of ${path} is not open yet`;
        const isSecure = tls !== undefined && tls.terminated !== true;
        const chosen = protocols[0] ?? protocol;
        return testHandshake({
          host,
          port,
          path,
          protocol: chosen,
          secret,
          isSecure,
          proxyProtocol,
          timeoutMs,
        });
      },
    );
    const message = exchange(timeoutMs).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : 'the message could not be sent'),
    );
    const results = await Promise.all([...handshakes, message]);
    const failures = results.filter((one) => one !== undefined);
    return { ok: failures.length === 0, failures };
  }
}
