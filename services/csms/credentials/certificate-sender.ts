/**
 * Sends certificates that were signed: CertificateSigned, once, as its idempotency key names the request. Before it is sent, its serial
 * number is stored beside the former one, as with passwords: whichever certificate the station uses, it is known.
 */
import { EntryError } from '../../access/station-entry.ts';
import type { Clock } from '../../runtime/clock.ts';
import { errorFields } from '../../runtime/log.ts';
import type { QuietLog } from '../../runtime/quiet-log.ts';
import { TransportError } from '../../transport/errors.ts';
import {
  type CallOutcome,
  type CallState,
  OUTCOME_SECONDS,
  type StationCalls,
} from '../../transport/station-call.ts';
import type { StateStore } from '../../transport/stored-state.ts';
import { type CertificateRequest, isForConnection, requestKey } from './certificate-request.ts';
import type { RequestEnd, RequestStore, StoredRequest } from './request-store.ts';
import { changeEntry, replaceNext } from './stored-entry.ts';

/** The parts of a Transport that issuing needs. */
export interface IssuerPorts {
  readonly state: Pick<StateStore, 'field' | 'members' | 'amend'>;
  readonly calls: Pick<StationCalls, 'make' | 'stateOf'>;
}

export interface SenderOptions {
  readonly transport: IssuerPorts;
  readonly store: RequestStore;
  readonly clock: Clock;
  readonly log: QuietLog;
}

/** Between two looks at a certificate that was sent: below the time for which outcomes are kept. */
const LOOK_AGAIN_MS = 60_000;
/** How long a certificate waits for an offline station. */
const TTL_MS = 86_400_000;
/** A station verifies the chain before it responds. */
const TIMEOUT_MS = 60_000;
/** A call that was made within this time has a record, with its progress or its outcome. */
const CERTAINLY_RECORDED_MS = (OUTCOME_SECONDS * 1000) / 2;

export class CertificateSender {
  readonly #options: SenderOptions;
  /** Requests whose outcome this process awaits. */
  readonly #awaited = new Set<string>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** issued → sent. From now on the certificate may be in use. @returns undefined when another process was first */
  async prepare(stored: StoredRequest): Promise<StoredRequest | undefined> {
    const earlier = await this.#storeSerial(stored);
    const sentAt = this.#options.clock.now();
    const sent: CertificateRequest = {
      ...stored.request,
      state: 'sent',
      sentAt,
      ...(earlier !== undefined && { earlierSerialNumber: earlier }),
    };
    return this.#options.store.change(stored, sent, sentAt);
  }

  /** Makes the call, or reads what became of it. The outcome is handled when it is known, here or in another process. */
  async send(stored: StoredRequest): Promise<void> {
    const { transport, clock, store } = this.#options;
    const key = requestKey(stored.request);
    const state = await transport.calls.stateOf(stored.stationId, key);
    if (isOutcome(state)) return this.#ended(stored, state);
    const sentFor = clock.now() - (stored.request.sentAt ?? 0);
    // Nothing says any more whether it was sent, so it is not sent again.
    if (state === undefined && sentFor > CERTAINLY_RECORDED_MS) return this.#ended(stored, undefined);
    if ((await store.postpone(stored, clock.now() + LOOK_AGAIN_MS)) && !this.#awaited.has(key))
      this.#make(stored, key);
  }

  /** Makes the call, or joins it. */
  #make(stored: StoredRequest, key: string): void {
    const { transport, log } = this.#options;
    const { stationId } = stored;
    const call = { stationId, action: 'CertificateSigned', payload: payloadOf(stored.request) };
    const rules = { idempotencyKey: key, queueable: true, ttlMs: TTL_MS, timeoutMs: TIMEOUT_MS };
    this.#awaited.add(key);
    transport.calls
      .make({ ...call, ...rules })
      .then((outcome) => this.#ended(stored, outcome))
      .catch((error: unknown) => {
        // A stopping process leaves the call to the others.
        if (error instanceof TransportError && error.code === 'call-abandoned') return;
        log.warn(
          'send',
          { stationId, ...errorFields(error) },
          'the certificate of a station cannot be sent yet',
        );
      })
      .finally(() => this.#awaited.delete(key));
  }

  /** @param outcome undefined: unknown */
  async #ended(stored: StoredRequest, outcome: CallOutcome | undefined): Promise<void> {
    const { result, reason, isUnused } = resultOf(outcome);
    if (isUnused) await this.#forgetSerial(stored);
    await this.#options.store.end(stored, result, reason);
  }

  /** Of a station in the register. @returns the next serial number that it replaces */
  async #storeSerial({ stationId, request }: StoredRequest): Promise<string | undefined> {
    const { serialNumber, certificateType, earlierSerialNumber } = request;
    if (serialNumber === undefined || !isForConnection(certificateType)) return undefined;
    const before = await changeEntry(this.#options.transport.state, stationId, (entry) =>
      entry === undefined || entry.nextCertificateSerial === serialNumber
        ? undefined
        : { ...entry, nextCertificateSerial: serialNumber },
    ).catch(this.#unreadable(stationId));
    const earlier = before?.nextCertificateSerial;
    return earlier === serialNumber ? earlierSerialNumber : earlier;
  }

  async #forgetSerial({ stationId, request }: StoredRequest): Promise<void> {
    const { serialNumber, certificateType, earlierSerialNumber } = request;
    if (serialNumber === undefined || !isForConnection(certificateType)) return;
    const { state } = this.#options.transport;
    await replaceNext(state, stationId, 'nextCertificateSerial', serialNumber, earlierSerialNumber).catch(
      this.#unreadable(stationId),
    );
  }

  /** The certificate names the station, so an entry that cannot be read does not stop it. */
  readonly #unreadable = (stationId: string) => (error: unknown) => {
    if (!(error instanceof EntryError)) throw error;
    const about = { stationId, ...errorFields(error) };
    this.#options.log.warn('entry', about, 'the entry of a station in the register is unusable: correct it');
    return undefined;
  };
}

/** 1.6 has no type; `requestId` is of 2.1. Both are those of the request. */
function payloadOf({ protocol, chain = '', certificateType, requestId }: CertificateRequest): object {
  return {
    certificateChain: chain,
    ...(protocol !== 'ocpp1.6' && certificateType !== undefined && { certificateType }),
    ...(protocol === 'ocpp2.1' && requestId !== undefined && { requestId }),
  };
}

function isOutcome(state: CallState | undefined): state is CallOutcome {
  return state !== undefined && state.kind !== 'queued' && state.kind !== 'sent';
}

/** `isUnused`: the station certainly does not have the certificate. */
function resultOf(outcome: CallOutcome | undefined): {
  readonly result: RequestEnd;
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
