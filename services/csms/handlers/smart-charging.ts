/**
 * Smart charging: external limits, and the needs of vehicles. This CSMS computes no schedules and refuses accordingly;
 * the station keeps its own limits (K15, K16).
 */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import type { Handler } from '../handler.ts';
import { eventOf } from '../facts.ts';
import { notice } from './notice.ts';
import { unsupported } from './unsupported.ts';

type Needs = OCPP20.NotifyEVChargingNeedsRequest | OCPP21.NotifyEVChargingNeedsRequest;

export const notifyChargingLimit = notice<
  OCPP20.NotifyChargingLimitRequest | OCPP21.NotifyChargingLimitRequest
>('charging-limit', ({ evseId, chargingLimit: { chargingLimitSource, isGridCritical } }) => ({
  evse: evseId,
  source: chargingLimitSource,
  gridCritical: isGridCritical,
}));

export const clearedChargingLimit = notice<
  OCPP20.ClearedChargingLimitRequest | OCPP21.ClearedChargingLimitRequest
>('charging-limit-cleared', ({ evseId, chargingLimitSource }) => ({
  evse: evseId,
  source: chargingLimitSource,
}));

/** 2.1 distinguishes "no schedule" from "bad request"; 2.0.1 has one status for both. */
const evChargingNeeds =
  <Status extends string>(status: Status): Handler<Needs, { status: Status }> =>
  async ({ evseId, chargingNeeds: { requestedEnergyTransfer, departureTime } }, { stationId }) => ({
    response: { status, statusInfo: unsupported('this CSMS computes no charging schedules') },
    events: [
      eventOf('ev-charging-needs', stationId, {
        evse: evseId,
        energyTransfer: requestedEnergyTransfer,
        departureTime: departureTime ?? undefined,
      }),
    ],
  });
export const notifyEVChargingNeeds201 = evChargingNeeds('Rejected');
export const notifyEVChargingNeeds21 = evChargingNeeds('NoChargingProfile');

/** Accepted: the message was understood. It does not approve a schedule (NotifyEVChargingScheduleResponse.status). */
export const notifyEVChargingSchedule: Handler<object, { status: 'Accepted' }> = async () => ({
  response: { status: 'Accepted' },
});

export const notifyPriorityCharging = notice<OCPP21.NotifyPriorityChargingRequest>(
  'priority-charging',
  ({ transactionId, activated }) => ({ transactionId, activated }),
);

/** K28: the station keeps its present limits. */
export const pullDynamicScheduleUpdate: Handler<
  object,
  OCPP21.PullDynamicScheduleUpdateResponse
> = async () => ({
  response: { status: 'Rejected', statusInfo: unsupported('this CSMS keeps no dynamic charging profiles') },
});
