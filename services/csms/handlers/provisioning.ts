/** BootNotification and Heartbeat. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import type { Decided } from '../decisions/decision-provider.ts';
import type { Handler, HandlerContext, HandlerResult } from '../handler.ts';
import { heartbeatInterval } from '../heartbeat-interval.ts';
import { rememberStation } from '../state.ts';

type Boot2 = OCPP20.BootNotificationRequest | OCPP21.BootNotificationRequest;
type BootResponse2 = OCPP20.BootNotificationResponse & OCPP21.BootNotificationResponse;

export const bootNotification16: Handler<
  OCPP16.BootNotificationRequest,
  OCPP16.BootNotificationResponse
> = async (request, context) =>
  register(request, context, {
    vendor: request.chargePointVendor,
    model: request.chargePointModel,
    serial: request.chargePointSerialNumber ?? request.chargeBoxSerialNumber,
    firmware: request.firmwareVersion,
  });

export const bootNotification2: Handler<Boot2, BootResponse2> = async (request, context) =>
  register(request, context, {
    vendor: request.chargingStation.vendorName,
    model: request.chargingStation.model,
    serial: request.chargingStation.serialNumber,
    firmware: request.chargingStation.firmwareVersion,
    bootReason: request.reason,
  });

export const heartbeat: Handler<object, { currentTime: string }> = async (_request, { now }) => ({
  response: { currentTime: now.toISOString() },
});

/**
 * A station that was admitted is accepted unless the registrations list it as Pending or Rejected. About such a station no decider is
 * asked: the list counts for its other messages too.
 */
async function register(
  request: object,
  context: HandlerContext,
  about: Readonly<Record<string, string | undefined>>,
): Promise<HandlerResult<OCPP16.BootNotificationResponse>> {
  const { stationId, protocol, now, receivedAt, settings, state, providers } = context;
  const listed = { status: await state.registrationAtBoot(stationId) };
  const asked = { action: 'BootNotification', request, proposed: listed } as const;
  const { answer, writes, tookMs }: Decided<'BootNotification'> =
    providers.decisions !== undefined && listed.status === 'Accepted'
      ? await providers.decisions.decide(asked, context)
      : { answer: listed, writes: [], tookMs: 0 };
  const { status, intervalSeconds: setting = settings.heartbeatSeconds } = answer;
  // The station sets its clock by it.
  const currentTime = new Date(now.getTime() + tookMs).toISOString();
  const waitedMs = now.getTime() - receivedAt;
  // If not accepted, the interval is the wait before the next BootNotification (1.6 §4.2, 2.x B02, B03). It is not stretched, as the
  // station would be out of service for longer. Stations that are not accepted are few: those in the registrations.
  const interval = status === 'Accepted' ? heartbeatInterval(setting, { stationId, waitedMs }) : setting;
  const stretched = interval === setting ? {} : { interval: String(interval) };
  const facts = { ...about, protocol, boot: status, bootedAt: currentTime };
  return {
    response: { status, currentTime, interval },
    writes: [rememberStation(stationId, facts), ...writes],
    events: [{ type: 'station-booted', stationId, fields: { protocol, status, ...stretched } }],
  };
}
