/** Dispatches one message of a station with given stored records. */
import type { Protocol } from '../../services/ocpp/frame.ts';
import { MessageType } from '../../services/ocpp/frame.ts';
import { createDispatch } from '../../services/csms/dispatch.ts';
import type { Providers } from '../../services/csms/credentials/providers.ts';
import { DEFAULT_SETTINGS, type HandlerSettings, type HandlerTable } from '../../services/csms/handler.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { createState, type SessionReader } from '../../services/csms/state.ts';
import type { UnknownTokens } from '../../services/csms/tokens.ts';
import { createLog, type Log } from '../../services/runtime/log.ts';
import type { Delivery, Outcome, Registration } from '../../services/transport/transport.ts';
import type { SessionMetadata } from '../../services/transport/gateway.ts';
import type { StateReader, StateWrite } from '../../services/transport/stored-state.ts';

export const NOW = '2026-11-23T10:00:00.000Z';
const clock = { now: () => Date.parse(NOW) };
const silent = createLog('test', 'silent');

export type Records = Readonly<Record<string, Readonly<Record<string, string>>>>;
/** Members of sorted sets, oldest first. */
export type Sets = Readonly<Record<string, readonly string[]>>;
export interface Given {
  readonly records?: Records;
  readonly sets?: Sets;
  readonly settings?: Partial<HandlerSettings>;
  readonly registration?: Registration;
  readonly unknownTokens?: UnknownTokens;
  readonly handlers?: HandlerTable;
  readonly stationId?: string;
  readonly providers?: Providers;
  readonly log?: Log;
  /** Of the station's session. */
  readonly metadata?: SessionMetadata;
}

/** Of every delivery. */
const EPOCH = 7;

const sessionOf = (metadata: SessionMetadata): SessionReader => ({
  sessionMetadata: async (_stationId, epoch) => (epoch === EPOCH ? metadata : undefined),
});

function readerOf(records: Records, sets: Sets): StateReader {
  let counter = 0;
  return {
    record: async (key) => records[key],
    field: async (key, field) => records[key]?.[field],
    fields: async (key) => records[key],
    async reserve(_counter, count, floor) {
      const first = Math.max(counter + 1, floor);
      counter = first + count - 1;
      return first;
    },
    members: async (key) => (sets[key] ?? []).map((member, score) => ({ member, score })),
    size: async (key) => (sets[key] ?? []).length,
  };
}

export const emptyState = () => createState(readerOf({}, {}), clock, sessionOf({}));

export function deliver(protocol: Protocol, frame: Delivery['frame'], given: Given = {}): Promise<Outcome> {
  const { records = {}, sets = {}, unknownTokens = 'Accept', handlers = HANDLERS } = given;
  const { stationId = 'CP-1', registration, providers = {}, log = silent, metadata = {} } = given;
  const dispatch = createDispatch({
    handlers,
    settings: { ...DEFAULT_SETTINGS, unknownTokens, ...given.settings },
    state: createState(readerOf(records, sets), clock, sessionOf(metadata)),
    providers,
    clock,
    log,
  });
  const about = { stationId, epoch: EPOCH, protocol, frame, receivedAt: clock.now(), deliveryCount: 1 };
  return dispatch({ ...about, ...(registration !== undefined && { registration }) });
}

export function call(protocol: Protocol, action: string, payload: unknown, given?: Given): Promise<Outcome> {
  return deliver(protocol, { type: MessageType.Call, id: 'm-1', action, payload }, given);
}

export function resultOf(outcome: Outcome): Record<string, unknown> {
  if (outcome.answer?.kind !== 'result') throw new Error(`no result: ${JSON.stringify(outcome.answer)}`);
  return outcome.answer.payload as Record<string, unknown>;
}

export const errorOf = ({ answer }: Outcome) => (answer?.kind === 'error' ? answer.code : undefined);
export const written = ({ writes }: Outcome) =>
  writes.map((write) => [write.kind, keyOf(write), ...('fields' in write ? [write.fields] : [])]);
export const keyOf = (write: StateWrite) => ('key' in write ? write.key : write.businessKey);
export const later = ['ocpp2.0.1', 'ocpp2.1'] as const;

export const start16 = {
  connectorId: 1,
  idTag: 'AbC123',
  meterStart: 1500,
  timestamp: '2026-11-23T09:00:00Z',
};
export const stop16 = {
  transactionId: 17,
  meterStop: 2750,
  timestamp: '2026-11-23T09:59:00Z',
  reason: 'EVDisconnected',
};
export const open16 = {
  stationId: 'CP-1',
  transactionId: '17',
  protocol: 'ocpp1.6',
  connectorId: '1',
  idTag: 'AbC123',
  authorization: 'Accepted',
  meterStart: '1500',
  startedAt: '2026-11-23T09:00:00Z',
  startedAtUtc: '2026-11-23T09:00:00.000Z',
  lastMeter: '2000',
  lastMeterAt: '2026-11-23T09:05:00Z',
  openToken: 'AbC123',
  heardAt: `${Date.parse(NOW)}`,
};
export const boot2 = {
  reason: 'PowerUp',
  chargingStation: { vendorName: 'Acme', model: 'DC-9', firmwareVersion: '4.2' },
};
export const token2 = { idToken: 'AbC123', type: 'ISO14443' };
export const energy = (value: number, context: string) => ({
  timestamp: '2026-11-23T09:30:00Z',
  sampledValue: [
    { value: 16.1, measurand: 'Current.Import', phase: 'L1' },
    { value, context, measurand: 'Energy.Active.Import.Register', unitOfMeasure: { unit: 'kWh' } },
  ],
});
export const event2 = (eventType: string, seqNo: number, more: object = {}) => ({
  eventType,
  seqNo,
  timestamp: `2026-11-23T09:0${seqNo}:00Z`,
  triggerReason: 'CablePluggedIn',
  transactionInfo: { transactionId: 'tx:1' },
  ...more,
});

/** A tokens hash with one entry. */
export const listed = (field: string, entry: object | string): Records => ({
  tokens: { [field]: typeof entry === 'string' ? entry : JSON.stringify(entry) },
});
