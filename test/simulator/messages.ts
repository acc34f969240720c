/**
 * What a simulated station says, in the words of its OCPP version. A payload is built when the message is
 * first written (a StopTransaction of 1.6 needs the id that the answer to its StartTransaction gave), and is
 * then the same however often it is sent again.
 */
import { randomUUID } from 'node:crypto';
import type { Protocol } from '../../services/ocpp/frame.ts';

/** One CALL of a station, from the first attempt to its answer. */
export interface Message {
  readonly action: string;
  readonly build: () => object;
  /** Looks at the payload of the answer; a text says what is wrong with it. */
  readonly answered?: (payload: Readonly<Record<string, unknown>>) => string | undefined;
}

/** A charging session as its station knows it. Meters in Wh. */
export interface Transaction {
  readonly station: string;
  readonly idTag: string;
  readonly meterStart: number;
  readonly startedAt: string;
  /** 2.x: chosen by the station; 1.6: given by the response to StartTransaction. */
  id: string | undefined;
  meter: number;
  stoppedAt: string | undefined;
  /** The CSMS has answered its start; its end. */
  started: boolean;
  stopped: boolean;
  /** 2.x: number of the next TransactionEvent. */
  seqNo: number;
}

export interface Dialect {
  boot(answered: NonNullable<Message['answered']>): Message;
  heartbeat(): Message;
  status(charging: boolean): Message;
  authorize(idTag: string): Message;
  start(transaction: Transaction): Message;
  meter(transaction: Transaction): Message;
  stop(transaction: Transaction): Message;
}

export function dialectOf(protocol: Protocol): Dialect {
  return protocol === 'ocpp1.6' ? DIALECT_1_6 : DIALECT_2_X;
}

export function newTransaction(station: string, idTag: string, meterStart: number): Transaction {
  const startedAt = new Date().toISOString();
  const open = { id: undefined, stoppedAt: undefined, started: false, stopped: false, seqNo: 0 };
  return { station, idTag, meterStart, startedAt, meter: meterStart, ...open };
}

const now = () => new Date().toISOString();
const heartbeat = (): Message => ({ action: 'Heartbeat', build: () => ({}) });
/** The statuses under which a transaction may go on are not this program's to judge; a missing one is. */
const tokenStatus = (info: unknown, name: string) =>
  typeof info === 'object' && info !== null ? undefined : `the answer to a token has no ${name}`;

const DIALECT_1_6: Dialect = {
  boot: (answered) => ({
    action: 'BootNotification',
    build: () => ({ chargePointVendor: 'Simulated', chargePointModel: 'One', firmwareVersion: '1.0' }),
    answered,
  }),
  heartbeat,
  status: (charging) => {
    const payload = {
      connectorId: 1,
      errorCode: 'NoError',
      status: charging ? 'Charging' : 'Available',
      timestamp: now(),
    };
    return { action: 'StatusNotification', build: () => payload };
  },
  authorize: (idTag) => ({
    action: 'Authorize',
    build: () => ({ idTag }),
    answered: (payload) => tokenStatus(payload['idTagInfo'], 'idTagInfo'),
  }),
  start: (transaction) => ({
    action: 'StartTransaction',
    build: () => ({
      connectorId: 1,
      idTag: transaction.idTag,
      meterStart: transaction.meterStart,
      timestamp: transaction.startedAt,
    }),
    answered(payload) {
      transaction.id = String(payload['transactionId']);
      transaction.started = true;
      return undefined;
    },
  }),
  meter(transaction) {
    const meterValue = [sample16(transaction.meter)];
    const transactionId = () => Number(transaction.id);
    const build = () => ({ connectorId: 1, transactionId: transactionId(), meterValue });
    return { action: 'MeterValues', build };
  },
  stop(transaction) {
    const timestamp = now();
    transaction.stoppedAt = timestamp;
    return {
      action: 'StopTransaction',
      build: () => ({
        transactionId: Number(transaction.id),
        idTag: transaction.idTag,
        meterStop: transaction.meter,
        timestamp,
        reason: 'Local',
      }),
      answered() {
        transaction.stopped = true;
        return undefined;
      },
    };
  },
};

function sample16(wattHours: number): object {
  const measurand = 'Energy.Active.Import.Register';
  return { timestamp: now(), sampledValue: [{ value: String(wattHours), measurand, unit: 'Wh' }] };
}

const DIALECT_2_X: Dialect = {
  boot: (answered) => ({
    action: 'BootNotification',
    build: () => ({ reason: 'PowerUp', chargingStation: { vendorName: 'Simulated', model: 'Two' } }),
    answered,
  }),
  heartbeat,
  status: (charging) => {
    const connectorStatus = charging ? 'Occupied' : 'Available';
    const payload = { timestamp: now(), connectorStatus, evseId: 1, connectorId: 1 };
    return { action: 'StatusNotification', build: () => payload };
  },
  authorize: (idTag) => ({
    action: 'Authorize',
    build: () => ({ idToken: token2(idTag) }),
    answered: (payload) => tokenStatus(payload['idTokenInfo'], 'idTokenInfo'),
  }),
  start(transaction) {
    transaction.id = randomUUID();
    const fields = { triggerReason: 'Authorized', idToken: token2(transaction.idTag) };
    return event2(transaction, 'Started', transaction.startedAt, fields, (payload) => {
      transaction.started = true;
      return tokenStatus(payload['idTokenInfo'], 'idTokenInfo');
    });
  },
  meter: (transaction) => event2(transaction, 'Updated', now(), { triggerReason: 'MeterValuePeriodic' }),
  stop(transaction) {
    transaction.stoppedAt = now();
    const fields = { triggerReason: 'StopAuthorized' };
    return event2(transaction, 'Ended', transaction.stoppedAt, fields, () => {
      transaction.stopped = true;
      return undefined;
    });
  },
};

const CONTEXT = { Started: 'Transaction.Begin', Updated: 'Sample.Periodic', Ended: 'Transaction.End' };

function event2(
  transaction: Transaction,
  eventType: keyof typeof CONTEXT,
  timestamp: string,
  fields: object,
  answered?: Message['answered'],
): Message {
  const measurand = 'Energy.Active.Import.Register';
  const sampled = { value: transaction.meter, context: CONTEXT[eventType], measurand };
  const transactionInfo = {
    transactionId: transaction.id,
    ...(eventType === 'Ended' && { stoppedReason: 'Local' }),
  };
  const payload = {
    eventType,
    timestamp,
    seqNo: transaction.seqNo++,
    transactionInfo,
    evse: { id: 1, connectorId: 1 },
    meterValue: [{ timestamp, sampledValue: [sampled] }],
    ...fields,
  };
  return { action: 'TransactionEvent', build: () => payload, ...(answered && { answered }) };
}

function token2(idToken: string): object {
  return { idToken, type: 'ISO14443' };
}
