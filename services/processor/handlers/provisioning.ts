/** BootNotification and Heartbeat. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import type { Handler, HandlerContext, HandlerResult } from '../handler.ts';
import { rememberStation } from '../state.ts';

type Boot2 = OCPP20.BootNotificationRequest | OCPP21.BootNotificationRequest;
type BootResponse2 = OCPP20.BootNotificationResponse & OCPP21.BootNotificationResponse;

export const bootNotification16: Handler<
  OCPP16.BootNotificationRequest,
  OCPP16.BootNotificationResponse
> = async (request, context) =>
  accept(context, {
    vendor: request.chargePointVendor,
    model: request.chargePointModel,
    serial: request.chargePointSerialNumber ?? request.chargeBoxSerialNumber,
    firmware: request.firmwareVersion,
  });

export const bootNotification2: Handler<Boot2, BootResponse2> = async (request, context) =>
  accept(context, {
    vendor: request.chargingStation.vendorName,
    model: request.chargingStation.model,
    serial: request.chargingStation.serialNumber,
    firmware: request.chargingStation.firmwareVersion,
    bootReason: request.reason,
  });

export const heartbeat: Handler<object, { currentTime: string }> = async (_request, { now }) => ({
  response: { currentTime: now.toISOString() },
});

/** Who may connect at all was decided at the door; so whoever boots here is accepted. */
function accept(
  { stationId, protocol, now, settings }: HandlerContext,
  about: Readonly<Record<string, string | undefined>>,
): HandlerResult<OCPP16.BootNotificationResponse> {
  const currentTime = now.toISOString();
  const status = 'Accepted';
  return {
    response: { status, currentTime, interval: settings.heartbeatSeconds },
    writes: [rememberStation(stationId, { ...about, protocol, boot: status, bootedAt: currentTime })],
    events: [{ type: 'station-booted', stationId, fields: { protocol } }],
  };
}
