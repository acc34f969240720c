/**
 * Smart charging: limits from outside, and what vehicles ask for. No schedules are computed here, which is
 * what the answers say; the station goes on with its own limits (K15, K16).
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

/** 2.0.1 has one word for it; 2.1 tells "no schedule for you" from "your request is bad". */
const evChargingNeeds =
  <Status extends string>(status: Status): Handler<Needs, { status: Status }> =>
  async ({ evseId, chargingNeeds: { requestedEnergyTransfer, departureTime } }, { stationId }) => ({
    response: { status, statusInfo: unsupported('no charging schedules are computed here') },
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

/** Accepted: the message was understood. It approves of no schedule (NotifyEVChargingScheduleResponse.status). */
export const notifyEVChargingSchedule: Handler<object, { status: 'Accepted' }> = async () => ({
  response: { status: 'Accepted' },
});

export const notifyPriorityCharging = notice<OCPP21.NotifyPriorityChargingRequest>(
  'priority-charging',
  ({ transactionId, activated }) => ({ transactionId, activated }),
);

/** K28: the station keeps the limits that it has. */
export const pullDynamicScheduleUpdate: Handler<
  object,
  OCPP21.PullDynamicScheduleUpdateResponse
> = async () => ({
  response: { status: 'Rejected', statusInfo: unsupported('no dynamic charging profiles are kept here') },
});
