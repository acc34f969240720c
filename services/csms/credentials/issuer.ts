/**
 * Signs the requests of stations for certificates, and sends the certificates. Every processor looks for requests that are due once
 * a second. Each step changes the record of the request only while it is as it was read, so that two processors, a crash between
 * two steps, or a new request of the station never sign a request twice for the station, and never send a certificate twice:
 *
 * requested → (claimed for 30 s, signed) → issued → (serial number in the register) → sent → (outcome) → ended
 *
 * A request that was claimed by a process that died is due again after the claim, and the authority gets the same `requestKey`.
 */
import { EntryError } from '../../access/station-entry.ts';
import type { Clock } from '../../runtime/clock.ts';
import { errorFields, type Log } from '../../runtime/log.ts';
import { QuietLog } from '../../runtime/quiet-log.ts';
import { TransportError } from '../../transport/errors.ts';
import { type CallOutcome, type CallState, OUTCOME_SECONDS } from '../../transport/station-call.ts';
import type { DomainEvent, Member, StateWrite } from '../../transport/stored-state.ts';
import type { Transport } from '../../transport/transport.ts';
import { eventOf } from '../facts.ts';
import {
  CERTIFICATE_REQUESTS,
  type CertificateRequest,
  isForConnection,
  readMember,
  readRequest,
  requestKey,
  requestRecord,
  schedule,
  writeRequest,
} from './certificate-request.ts';
import { type CertificateProvider, ProviderError } from './providers.ts';
import { changeEntry, replaceNext } from './stored-entry.ts';

/** What became of a request: for metrics. `retried`: the provider was not available. */
export type CertificateResult = 'signed' | 'installed' | 'refused' | 'failed' | 'retried';

export interface IssuerOptions {
  readonly transport: Pick<Transport, 'state' | 'calls'>;
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
/** Between two looks at a certificate that was sent: below the time for which outcomes are kept. */
const LOOK_AGAIN_MS = 60_000;
/** How long a certificate waits for an offline station; a certificate that is older is requested again. */
const TTL_MS = 86_400_000;
/** A station verifies the chain before it responds. */
const TIMEOUT_MS = 60_000;
/** Between two attempts while the provider is away. */
const LONGEST_PAUSE_MS = 60_000;

/** A request, and the text and place it was read from. */
interface Read {
  readonly stationId: string;
  readonly type: string;
  readonly member: string;
  readonly text: string;
  readonly request: CertificateRequest;
}

export class Issuer implements Disposable {
  readonly #options: IssuerOptions;
  /** Members that this process is working on, and those whose outcome it awaits. */
  readonly #working = new Set<string>();
  readonly #awaited = new Set<string>();
  readonly #log: QuietLog;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IssuerOptions) {
    this.#options = options;
    this.#log = new QuietLog(options.log, options.clock);
  }

  /** Looks for requests until disposed. */
  start(): void {
    this.#timer = setInterval(() => {
      this.round().catch((error: unknown) => this.#warn(error, 'requests for certificates cannot be read'));
    }, EVERY_MS).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** Processes the requests that are due. Rejects when they cannot be read. */
  async round(): Promise<void> {
    const { transport, clock } = this.#options;
    const due = await transport.state.members(CERTIFICATE_REQUESTS, clock.now(), AT_ONCE);
    const others = due.filter(({ member }) => !this.#working.has(member));
    await Promise.all(others.slice(0, AT_ONCE - this.#working.size).map((one) => this.#work(one)));
  }

  /** An error of one request must not stop the others. */
  async #work(one: Member): Promise<void> {
    this.#working.add(one.member);
    try {
      await this.#advance(one);
    } catch (error) {
      this.#warn(error, `the request for a certificate ${one.member} cannot be processed`);
    } finally {
      this.#working.delete(one.member);
    }
  }

  /** All steps that can be done now. */
  async #advance(one: Member): Promise<void> {
    for (;;) {
      const read = await this.#read(one);
      if (read === undefined) return;
      const { state } = read.request;
      const isDone =
        state === 'requested'
          ? await this.#sign(read)
          : state === 'issued'
            ? await this.#markSent(read)
            : await this.#send(read);
      if (isDone) return;
    }
  }

  /** Undefined, and the member is removed, if it names no request that is left to do. */
  async #read(one: Member): Promise<Read | undefined> {
    const { state } = this.#options.transport;
    const { member } = one;
    const { stationId = '', type = '' } = readMember(one) ?? {};
    const key = requestRecord(stationId);
    const text = await state.field(key, type);
    const request = text === undefined ? undefined : readRequest(text);
    if (text !== undefined && request !== undefined && request.state !== 'ended')
      return { stationId, type, member, text, request };
    const expected = { key, field: type, value: text };
    await state.amend({ expected, writes: [schedule(member, undefined)], events: [] });
    return undefined;
  }

  /** Replaces a request. @returns whether it was as it was read; otherwise another process, or the station, was first */
  #change(
    { stationId, type, text }: Read,
    request: CertificateRequest,
    due: number | undefined,
    events: readonly DomainEvent[] = [],
  ): Promise<boolean> {
    const expected = { key: requestRecord(stationId), field: type, value: text };
    const writes: StateWrite[] = writeRequest(stationId, request, due);
    return this.#options.transport.state.amend({ expected, writes, events });
  }

  /** @returns whether nothing more can be done now, as in the other steps */
  async #sign(read: Read): Promise<boolean> {
    const { provider, clock } = this.#options;
    const { stationId, request } = read;
    const askedAt = clock.now();
    const claimed = { ...request, attempts: request.attempts + 1, askedAt };
    if (!(await this.#change(read, claimed, askedAt + CLAIM_MS))) return true;
    const mine = { ...read, request: claimed, text: JSON.stringify(claimed) };
    const { csr, certificateType } = claimed;
    const order = { stationId, csr, ...(certificateType !== undefined && { certificateType }) };
    try {
      const signed = await provider.sign({ ...order, requestKey: requestKey(claimed) });
      const { chain, serialNumber } = signed;
      const issued = { ...claimed, state: 'issued' as const, chain, serialNumber };
      if (!(await this.#change(mine, issued, clock.now()))) return true;
      this.#options.onResult?.('signed');
      return false;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      await this.#notSigned(mine, error);
      return true;
    }
  }

  async #notSigned(read: Read, error: ProviderError): Promise<void> {
    const { stationId, type, request } = read;
    const about = { stationId, certificateType: type, ...errorFields(error) };
    if (!error.retryable) {
      const result = error.code === 'provider-refused' ? 'refused' : 'failed';
      this.#log.warn(error.code, about, 'a certificate is not issued; the station may request it again');
      await this.#end(read, result, error.message);
      return;
    }
    const pause = Math.min(LONGEST_PAUSE_MS, EVERY_MS * 2 ** Math.min(request.attempts, 20));
    const isFirst = request.attempts === 1;
    this.#log.warn(error.code, about, 'a certificate is issued later, as its provider is away');
    const event = eventOf('certificate-failed', stationId, {
      certificateType: type,
      reason: error.message,
      retried: true,
    });
    const due = this.#options.clock.now() + pause;
    if (await this.#change(read, request, due, isFirst ? [event] : [])) this.#options.onResult?.('retried');
  }

  /** Before the certificate is sent: from now on it may be in use. */
  async #markSent(read: Read): Promise<boolean> {
    const { clock } = this.#options;
    const earlier = await this.#storeSerial(read);
    const sentAt = clock.now();
    const sent: CertificateRequest = {
      ...read.request,
      state: 'sent',
      sentAt,
      ...(earlier !== undefined && { earlierSerialNumber: earlier }),
    };
    return !(await this.#change(read, sent, sentAt));
  }

  /**
   * A station in the register may also be known by its serial number: the new one counts beside the former one until it is used.
   * @returns the next serial number that it replaces
   */
  async #storeSerial({ stationId, request }: Read): Promise<string | undefined> {
    const { serialNumber, certificateType } = request;
    if (serialNumber === undefined || !isForConnection(certificateType)) return undefined;
    const before = await changeEntry(this.#options.transport.state, stationId, (entry) =>
      entry === undefined || entry.nextCertificateSerial === serialNumber
        ? undefined
        : { ...entry, nextCertificateSerial: serialNumber },
    ).catch((error: unknown) => {
      // The certificate names the station, so it is sent all the same.
      if (!(error instanceof EntryError)) throw error;
      this.#warn(error, `the entry of station ${stationId} in the register cannot be read; correct it`);
      return undefined;
    });
    const earlier = before?.nextCertificateSerial;
    return earlier === serialNumber ? request.earlierSerialNumber : earlier;
  }

  async #send(read: Read): Promise<boolean> {
    const { transport, clock } = this.#options;
    const { stationId, member, request } = read;
    const key = requestKey(request);
    const state = await transport.calls.stateOf(stationId, key);
    if (state !== undefined && state.kind !== 'queued' && state.kind !== 'sent') {
      await this.#sendEnded(read, state as CallOutcome);
      return true;
    }
    const expected = { key: requestRecord(stationId), field: read.type, value: read.text };
    const writes = [schedule(member, clock.now() + LOOK_AGAIN_MS)];
    if (!(await transport.state.amend({ expected, writes, events: [] }))) return true;
    if (!this.#mayMake(request, state)) await this.#sendEnded(read, undefined);
    else if (!this.#awaited.has(key)) this.#await(read, key);
    return true;
  }

  /** The record of a call outlives its end by an hour. Later, nothing says whether the certificate was sent. */
  #mayMake({ sentAt = 0 }: CertificateRequest, state: CallState | undefined): boolean {
    return state !== undefined || this.#options.clock.now() - sentAt < (OUTCOME_SECONDS * 1000) / 2;
  }

  /** Makes the call, or joins it. Its outcome is handled at once here, and later by any process if this one dies. */
  #await(read: Read, key: string): void {
    const { protocol, chain = '', certificateType, requestId } = read.request;
    const payload = {
      certificateChain: chain,
      ...(protocol !== 'ocpp1.6' && certificateType !== undefined && { certificateType }),
      ...(protocol === 'ocpp2.1' && requestId !== undefined && { requestId }),
    };
    this.#awaited.add(key);
    this.#options.transport.calls
      .make({
        stationId: read.stationId,
        action: 'CertificateSigned',
        payload,
        idempotencyKey: key,
        queueable: true,
        ttlMs: TTL_MS,
        timeoutMs: TIMEOUT_MS,
      })
      .then((outcome) => this.#sendEnded(read, outcome))
      .catch((error: unknown) => {
        // A stopping process leaves the call to the others.
        if (!(error instanceof TransportError && error.code === 'call-abandoned'))
          this.#warn(error, `the certificate of station ${read.stationId} cannot be sent yet`);
      })
      .finally(() => this.#awaited.delete(key));
  }

  /** @param outcome undefined: unknown */
  async #sendEnded(read: Read, outcome: CallOutcome | undefined): Promise<void> {
    const { result, reason, isUnused } = resultOf(outcome);
    const { serialNumber, earlierSerialNumber: earlier, certificateType } = read.request;
    if (isUnused && serialNumber !== undefined && isForConnection(certificateType)) {
      const { state } = this.#options.transport;
      const restore = replaceNext(state, read.stationId, 'nextCertificateSerial', serialNumber, earlier);
      await restore.catch((error: unknown) => {
        if (!(error instanceof EntryError)) throw error;
      });
    }
    await this.#end(read, result, reason);
  }

  async #end(read: Read, result: 'installed' | 'refused' | 'failed', reason?: string): Promise<void> {
    const { stationId, type, request } = read;
    const { chain: _chain, ...rest } = request;
    const { serialNumber } = rest;
    const event = eventOf(`certificate-${result}`, stationId, {
      certificateType: type,
      serialNumber,
      reason,
    });
    const isFirst = await this.#change(read, { ...rest, state: 'ended' }, undefined, [event]);
    if (isFirst) this.#options.onResult?.(result);
  }

  #warn(error: unknown, message: string): void {
    this.#log.warn('issuer', errorFields(error), message);
  }
}

/** `isUnused`: the station certainly does not have the certificate. */
function resultOf(outcome: CallOutcome | undefined): {
  readonly result: 'installed' | 'refused' | 'failed';
  readonly reason?: string;
  readonly isUnused: boolean;
} {
  if (outcome === undefined) return { result: 'failed', reason: 'outcome unknown', isUnused: false };
  if (outcome.kind !== 'answered')
    return { result: 'failed', reason: outcome.reason, isUnused: outcome.kind === 'not-sent' };
  const { answer } = outcome;
  if (answer.kind === 'error') return { result: 'refused', reason: answer.code, isUnused: true };
  const { status, statusInfo } = answer.payload as {
    status?: unknown;
    statusInfo?: { reasonCode?: unknown };
  };
  if (status === 'Accepted') return { result: 'installed', isUnused: false };
  const reason = typeof statusInfo?.reasonCode === 'string' ? statusInfo.reasonCode : 'Rejected';
  return { result: 'refused', reason, isUnused: status === 'Rejected' };
}
