/**
 * The stored requests for certificates. A request changes only while it is as it was read: two processors, a crash between two
 * steps, or a new request of the station never process one twice.
 */
import type { DomainEvent, Member, StateStore } from '../../transport/stored-state.ts';
import { eventOf } from '../facts.ts';
import {
  CERTIFICATE_REQUESTS,
  type CertificateRequest,
  readMember,
  readRequest,
  requestRecord,
  schedule,
  writeRequest,
} from './certificate-request.ts';

/** What became of a request: for metrics. `retried`: the provider was not available. */
export type CertificateResult = 'signed' | RequestEnd | 'retried';
export type RequestEnd = 'installed' | 'refused' | 'failed';

/** A request, with the text and the place that it was read from. */
export interface StoredRequest {
  readonly stationId: string;
  readonly type: string;
  readonly member: string;
  readonly text: string;
  readonly request: CertificateRequest;
}

type Store = Pick<StateStore, 'field' | 'members' | 'amend'>;

export class RequestStore {
  readonly #state: Store;
  readonly #onResult: (result: CertificateResult) => void;

  constructor(state: Store, onResult: (result: CertificateResult) => void) {
    this.#state = state;
    this.#onResult = onResult;
  }

  /** Members that are due, the oldest first. */
  due(now: number, limit: number): Promise<readonly Member[]> {
    return this.#state.members(CERTIFICATE_REQUESTS, now, limit);
  }

  /** Undefined, and the member is removed, if it names no request that is left to do. */
  async read(one: Member): Promise<StoredRequest | undefined> {
    const { member } = one;
    const { stationId = '', type = '' } = readMember(one) ?? {};
    const key = requestRecord(stationId);
    const text = await this.#state.field(key, type);
    const request = text === undefined ? undefined : readRequest(text);
    if (text !== undefined && request !== undefined && request.state !== 'ended')
      return { stationId, type, member, text, request };
    const expected = { key, field: type, value: text };
    await this.#state.amend({ expected, writes: [schedule(member, undefined)], events: [] });
    return undefined;
  }

  /**
   * Replaces a request.
   * @param due when it is looked at again; undefined: never
   * @param result counted if the change applies
   * @returns the changed request; undefined when another process, or the station, was first
   */
  async change(
    stored: StoredRequest,
    request: CertificateRequest,
    due: number | undefined,
    { events = [], result }: { events?: readonly DomainEvent[]; result?: CertificateResult } = {},
  ): Promise<StoredRequest | undefined> {
    const { stationId } = stored;
    const writes = writeRequest(stationId, request, due);
    if (!(await this.#state.amend({ expected: asRead(stored), writes, events }))) return undefined;
    if (result !== undefined) this.#onResult(result);
    return { ...stored, request, text: JSON.stringify(request) };
  }

  /** Looks at a request later. @returns whether it was as it was read */
  postpone(stored: StoredRequest, due: number): Promise<boolean> {
    const writes = [schedule(stored.member, due)];
    return this.#state.amend({ expected: asRead(stored), writes, events: [] });
  }

  /** Ends a request with an event. The certificate is not kept. */
  async end(stored: StoredRequest, result: RequestEnd, reason?: string): Promise<void> {
    const { stationId, type: certificateType, request } = stored;
    const { chain: _chain, ...rest } = request;
    const { serialNumber } = rest;
    const event = eventOf(`certificate-${result}`, stationId, { certificateType, serialNumber, reason });
    await this.change(stored, { ...rest, state: 'ended' }, undefined, { events: [event], result });
  }
}

function asRead({ stationId, type, text }: StoredRequest) {
  return { key: requestRecord(stationId), field: type, value: text };
}
