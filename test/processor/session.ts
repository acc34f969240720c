/**
 * Whole sessions of a station, over any transport: its messages of a day, and the stored result. Runs over memory and
 * over a real Redis.
 */
import type { Protocol } from '../../services/ocpp/frame.ts';
import { formatFrame, MessageType } from '../../services/ocpp/frame.ts';
import { validateResponse } from '../../services/ocpp/schema.ts';
import { DEFAULT_SETTINGS } from '../../services/csms/handler.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { createProcessor, type Processor, type ProcessorOptions } from '../../services/csms/processor.ts';
import { createLog } from '../../services/runtime/log.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import type {
  Gateway,
  GatewayConnection,
  OutgoingFrame,
  Transport,
} from '../../services/transport/transport.ts';

const ANSWER_TIMEOUT_MS = 20_000;

export function processorOver(
  transport: Transport,
  handlers = HANDLERS,
  more: Partial<Pick<ProcessorOptions, 'handlerTimeoutMs' | 'observer' | 'clock'>> = {},
): Processor {
  return createProcessor({
    clock: systemClock,
    ...more,
    transport,
    handlers,
    settings: { ...DEFAULT_SETTINGS, unknownTokens: 'Accept' },
    log: createLog('processor', 'silent'),
  });
}

/** One connection of a station on a gateway. */
export class Station {
  readonly #protocol: Protocol;
  readonly #waiting = new Map<string, (text: string) => void>();
  readonly revoked: string[] = [];
  #connection: GatewayConnection | undefined;
  #sequence = 0;
  #sends = 0;

  private constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  static async connect(gateway: Gateway, stationId: string, protocol: Protocol): Promise<Station> {
    const station = new Station(protocol);
    const session = { stationId, protocol, remoteAddress: '127.0.0.1' };
    station.#connection = await gateway.open(session, {
      deliver: ({ messageId, text }: OutgoingFrame) => {
        station.#waiting.get(messageId)?.(text);
        return true;
      },
      revoked: (_, reason) => station.revoked.push(reason),
    });
    return station;
  }

  /** Sends a CALL and waits only until it is stored. */
  async sendCall(action: string, payload: object): Promise<void> {
    const sequence = ++this.#sequence;
    const frame = { type: MessageType.Call, id: `m-${sequence}`, action, payload };
    await this.#connection?.forward({ frame, text: formatFrame(frame), receivedAt: Date.now(), sequence });
  }

  /** Sends a SEND; these have separate numbers. */
  async send(action: string, payload: object): Promise<void> {
    const sequence = ++this.#sends;
    const frame = { type: MessageType.Send, id: `s-${sequence}`, action, payload };
    await this.#connection?.forward({ frame, text: formatFrame(frame), receivedAt: Date.now(), sequence });
  }

  /** Sends a CALL; resolves to the whole answer. */
  async call(action: string, payload: object): Promise<unknown[]> {
    const id = `m-${this.#sequence + 1}`;
    const answer = new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${action} was not answered`)), ANSWER_TIMEOUT_MS);
      this.#waiting.set(id, (text) => {
        clearTimeout(late);
        resolve(text);
      });
    });
    await this.sendCall(action, payload);
    return JSON.parse(await answer) as unknown[];
  }

  /** The payload of a CALLRESULT that its schema allows; throws for anything else. */
  async ask(action: string, payload: object): Promise<Record<string, unknown>> {
    const [type, , result] = await this.call(action, payload);
    if (type !== MessageType.CallResult) throw new Error(`${action} was answered with an error`);
    const fault = validateResponse(this.#protocol, action, result);
    if (fault !== undefined) throw new Error(`${action} was answered badly: ${fault.description}`);
    return result as Record<string, unknown>;
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}

const T0 = '2026-11-23T09:00:00Z';
const T1 = '2026-11-23T09:30:00Z';
const T2 = '2026-11-23T10:00:00Z';

/** A day of a 1.6 station; resolves to the transaction's id. Messages without a response are repeated. */
export async function day16(gateway: Gateway, stationId: string): Promise<number> {
  const first = await Station.connect(gateway, stationId, 'ocpp1.6');
  await first.ask('BootNotification', { chargePointVendor: 'Acme', chargePointModel: 'AC-1' });
  await first.ask('Heartbeat', {});
  await first.ask('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' });
  await first.ask('Authorize', { idTag: 'ABC123' });
  const start = { connectorId: 1, idTag: 'ABC123', meterStart: 1500, timestamp: T0 };
  const { transactionId } = await first.ask('StartTransaction', start);
  await first.close();

  const second = await Station.connect(gateway, stationId, 'ocpp1.6');
  const again = await second.ask('StartTransaction', start);
  if (again['transactionId'] !== transactionId) throw new Error('the same start got another transaction');
  const meterValue = [{ timestamp: T1, sampledValue: [{ value: '2000' }] }];
  await second.ask('MeterValues', { connectorId: 1, transactionId, meterValue });
  const stop = { transactionId, meterStop: 2750, timestamp: T2, reason: 'EVDisconnected' };
  await second.ask('StopTransaction', stop);
  await second.ask('StopTransaction', stop);
  await second.close();
  return Number(transactionId);
}

/** A day of a 2.x station. */
export async function day2(gateway: Gateway, stationId: string, protocol: Protocol): Promise<void> {
  const first = await Station.connect(gateway, stationId, protocol);
  await first.ask('BootNotification', {
    reason: 'PowerUp',
    chargingStation: { vendorName: 'Acme', model: 'DC-9' },
  });
  await first.ask('StatusNotification', {
    timestamp: T0,
    connectorStatus: 'Occupied',
    evseId: 1,
    connectorId: 1,
  });
  const event = (eventType: string, seqNo: number, timestamp: string, value: number, more: object = {}) => ({
    eventType,
    seqNo,
    timestamp,
    triggerReason: 'Authorized',
    transactionInfo: { transactionId: 'tx-1' },
    evse: { id: 1, connectorId: 1 },
    meterValue: [{ timestamp, sampledValue: [{ value }] }],
    ...more,
  });
  const idToken = { idToken: 'ABC123', type: 'ISO14443' };
  await first.ask('TransactionEvent', event('Started', 0, T0, 1500, { idToken }));
  await first.ask('TransactionEvent', event('Updated', 1, T1, 2000));
  await first.close();

  const second = await Station.connect(gateway, stationId, protocol);
  await second.ask('TransactionEvent', event('Updated', 1, T1, 2000));
  const ended = event('Ended', 2, T2, 2750, {
    transactionInfo: { transactionId: 'tx-1', stoppedReason: 'EVDisconnected' },
  });
  await second.ask('TransactionEvent', ended);
  await second.ask('TransactionEvent', ended);
  await second.close();
}

/** The bill of either day, which must exist exactly once. */
export const BILLED = {
  idTag: 'ABC123',
  authorization: 'Accepted',
  connectorId: '1',
  meterStart: '1500',
  meterStop: '2750',
  energy: '1250',
  startedAt: T0,
  startedAtUtc: '2026-11-23T09:00:00.000Z',
  stoppedAt: T2,
  stoppedAtUtc: '2026-11-23T10:00:00.000Z',
  reason: 'EVDisconnected',
  kind: 'final',
};

/** An entry without its id, which is a digest of the others. */
export function withoutId({ billId, ...entry }: Readonly<Record<string, string>>): object {
  if (billId?.length !== 22) throw new Error(`a bill has an id, not ${billId}`);
  return entry;
}
