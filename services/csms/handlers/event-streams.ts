/**
 * Periodic event streams of OCPP 2.1: the values of one monitored variable, in SENDs that are never answered. Only the
 * last value of each stream is stored.
 */
import type { OCPP21 } from 'typed-ocpp';
import type { Handler } from '../handler.ts';
import { key } from '../state.ts';

/** A station that invents numbers must not fill the store. */
const STREAMS_KEPT = 100;
/** A stream expires after this time without a value. */
const EXPIRE_SECONDS = 86_400;

export const openPeriodicEventStream: Handler<
  OCPP21.OpenPeriodicEventStreamRequest,
  OCPP21.OpenPeriodicEventStreamResponse
> = async ({ constantStreamData: { id, variableMonitoringId, params } }, { stationId, now }) => {
  if (!isKept(id)) {
    const additionalInfo = `this CSMS numbers streams from 0 to ${STREAMS_KEPT - 1}`;
    return {
      response: { status: 'Rejected', statusInfo: { reasonCode: 'TooManyElements', additionalInfo } },
    };
  }
  const facts = {
    variableMonitoringId: `${variableMonitoringId}`,
    params: JSON.stringify(params),
    openedAt: now.toISOString(),
  };
  return { response: { status: 'Accepted' }, writes: [remember(stationId, id, facts)] };
};

/** Also for a stream without a record: Redis may have lost it while the station kept sending. */
export const notifyPeriodicEventStream: Handler<OCPP21.NotifyPeriodicEventStream> = async (
  { id, basetime, pending, data },
  { stationId, log },
) => {
  const last = data.at(-1);
  if (typeof last?.v !== 'string' || typeof last.t !== 'number' || !isKept(id)) {
    log.warn({ stationId, stream: id }, 'value of an impossible event stream not stored');
    return { response: {} };
  }
  // t: seconds since basetime (StreamDataElementType).
  const lastAt = new Date(Date.parse(basetime) + last.t * 1000);
  const at = Number.isNaN(lastAt.getTime()) ? basetime : lastAt.toISOString();
  const facts = { lastValue: last.v, lastAt: at, pending: `${pending}` };
  return { response: {}, writes: [{ ...remember(stationId, id, facts), newerBy: 'lastAt' }] };
};

export const closePeriodicEventStream: Handler<OCPP21.ClosePeriodicEventStreamRequest> = async (
  { id },
  { stationId },
) => ({
  response: {},
  writes: isKept(id) ? [{ kind: 'delete', key: key.eventStream(stationId, id) }] : [],
});

function isKept(id: number): boolean {
  return id >= 0 && id < STREAMS_KEPT;
}

function remember(stationId: string, id: number, fields: Readonly<Record<string, string>>) {
  const record = key.eventStream(stationId, id);
  return { kind: 'set', key: record, fields, expireSeconds: EXPIRE_SECONDS } as const;
}
