/**
 * Signs the requests of stations for certificates, and has the certificates sent. Every processor looks for requests that are due once
 * a second. The steps of a request, each a change of its record:
 *
 * requested → (claimed for 30 s, signed) → issued → (serial number in the register) → sent → (outcome) → ended
 *
 * A request that was claimed by a process that died is due again after the claim, and the authority gets the same `requestKey`.
 */
import type { Clock } from '../../runtime/clock.ts';
import { errorFields, type Log } from '../../runtime/log.ts';
import { QuietLog } from '../../runtime/quiet-log.ts';
import type { Member } from '../../transport/stored-state.ts';
import { eventOf } from '../facts.ts';
import { readMember, requestKey } from './certificate-request.ts';
import { CertificateSender, type IssuerPorts } from './certificate-sender.ts';
import { type CertificateProvider, ProviderError } from './providers.ts';
import { type CertificateResult, RequestStore, type StoredRequest } from './request-store.ts';

export interface IssuerOptions {
  readonly transport: IssuerPorts;
  readonly provider: CertificateProvider;
  readonly clock: Clock;
  readonly log: Log;
  readonly onResult?: (result: CertificateResult) => void;
}

const EVERY_MS = 1000;
/** Requests that a process works on: the authority is asked for as many at a time. */
const AT_ONCE = 32;
/** Longer than a provider may take. */
const CLAIM_MS = 30_000;
/** Between two attempts while the provider is away. */
const LONGEST_PAUSE_MS = 60_000;

export class Issuer implements Disposable {
  readonly #options: IssuerOptions;
  readonly #store: RequestStore;
  readonly #sender: CertificateSender;
  readonly #log: QuietLog;
  /** Members that this process is working on. */
  readonly #working = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IssuerOptions) {
    const { transport, clock, log, onResult } = options;
    this.#options = options;
    this.#log = new QuietLog(log, clock);
    this.#store = new RequestStore(transport.state, (result) => onResult?.(result));
    this.#sender = new CertificateSender({ transport, store: this.#store, clock, log: this.#log });
  }

  /** Looks for requests until disposed. */
  start(): void {
    this.#timer = setInterval(() => {
      this.round().catch((error: unknown) =>
        this.#log.warn('round', errorFields(error), 'requests for certificates cannot be read'),
      );
    }, EVERY_MS).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Processes the requests that are due. Rejects when they cannot be read. */
  async round(): Promise<void> {
    const due = await this.#store.due(this.#options.clock.now(), AT_ONCE);
    const others = due.filter(({ member }) => !this.#working.has(member));
    await Promise.all(others.slice(0, AT_ONCE - this.#working.size).map((one) => this.#work(one)));
  }

  /** All steps that can be done now. An error of one request must not stop the others. */
  async #work(one: Member): Promise<void> {
    this.#working.add(one.member);
    try {
      let stored = await this.#store.read(one);
      if (stored?.request.state === 'requested') stored = await this.#sign(stored);
      if (stored?.request.state === 'issued') stored = await this.#sender.prepare(stored);
      if (stored?.request.state === 'sent') await this.#sender.send(stored);
    } catch (error) {
      const about = { ...readMember(one), ...errorFields(error) };
      this.#log.warn('request', about, 'the request for a certificate cannot be processed');
    } finally {
      this.#working.delete(one.member);
    }
  }

  /** requested → issued. @returns undefined when it was not signed, or another process was first */
  async #sign(stored: StoredRequest): Promise<StoredRequest | undefined> {
    const { provider, clock } = this.#options;
    const { stationId, request } = stored;
    const askedAt = clock.now();
    const claim = { ...request, attempts: request.attempts + 1, askedAt };
    const claimed = await this.#store.change(stored, claim, askedAt + CLAIM_MS);
    if (claimed === undefined) return undefined;
    const { csr, certificateType } = request;
    const order = { stationId, csr, ...(certificateType !== undefined && { certificateType }) };
    try {
      const signed = await provider.sign({ ...order, requestKey: requestKey(claim) });
      const issued = { ...claim, state: 'issued', ...signed } as const;
      return await this.#store.change(claimed, issued, clock.now(), { result: 'signed' });
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      await this.#notSigned(claimed, error);
      return undefined;
    }
  }

  async #notSigned(stored: StoredRequest, error: ProviderError): Promise<void> {
    const { stationId, type: certificateType, request } = stored;
    const about = { stationId, certificateType, ...errorFields(error) };
    if (!error.retryable) {
      this.#log.warn(error.code, about, 'a certificate is not issued; the station may request it again');
      const result = error.code === 'provider-refused' ? 'refused' : 'failed';
      return this.#store.end(stored, result, error.message);
    }
    this.#log.warn(error.code, about, 'a certificate is issued later, as its provider is away');
    const facts = { certificateType, reason: error.message, retried: true };
    const events = request.attempts === 1 ? [eventOf('certificate-failed', stationId, facts)] : [];
    const pause = Math.min(LONGEST_PAUSE_MS, EVERY_MS * 2 ** Math.min(request.attempts, 20));
    const due = this.#options.clock.now() + pause;
    await this.#store.change(stored, request, due, { events, result: 'retried' });
    return undefined;
  }
}
