/** StatusNotification: the last status of each connector, and an event for whoever watches. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import type { Handler, HandlerContext, HandlerResult } from '../handler.ts';
import { rememberStation, statusField } from '../state.ts';

type Status2 = OCPP20.StatusNotificationRequest | OCPP21.StatusNotificationRequest;

export const statusNotification16: Handler<OCPP16.StatusNotificationRequest> = async (request, context) => {
  const { connectorId, status, errorCode, timestamp } = request;
  return record(context, statusField(connectorId), {
    connector: `${connectorId}`,
    status,
    at: timestamp ?? context.now.toISOString(),
    ...(errorCode !== 'NoError' && { errorCode }),
  });
};

export const statusNotification2: Handler<Status2> = async (request, context) => {
  const { evseId, connectorId, connectorStatus, timestamp } = request;
  return record(context, statusField(connectorId, evseId), {
    connector: `${evseId}.${connectorId}`,
    status: connectorStatus,
    at: timestamp,
  });
};

function record(
  { stationId, log }: HandlerContext,
  field: string | undefined,
  facts: Readonly<Record<string, string>>,
): HandlerResult {
  if (field === undefined) {
    log.warn({ stationId, connector: facts['connector'] }, 'status of an impossible connector not recorded');
    return { response: {} };
  }
  return {
    response: {},
    writes: [rememberStation(stationId, { [field]: JSON.stringify(facts) })],
    events: [{ type: 'connector-status', stationId, fields: facts }],
  };
}
