/** Ad hoc payment (2.1, C): settlements of payment terminals, and tax numbers, which this CSMS cannot check. */
import type { OCPP21 } from 'typed-ocpp';
import { businessKey, digest, eventOf } from '../facts.ts';
import type { Handler } from '../handler.ts';
import { recordSettlement } from '../state.ts';
import { unsupported } from './unsupported.ts';

/** Recorded once for billing, however often the station repeats it. */
export const notifySettlement: Handler<
  OCPP21.NotifySettlementRequest,
  OCPP21.NotifySettlementResponse
> = async (request, { stationId }) => {
  const { transactionId, pspRef, status, settlementAmount, settlementTime } = request;
  const { receiptId, receiptUrl, vatNumber } = request;
  const event = eventOf('settlement', stationId, { transactionId, pspRef, status, amount: settlementAmount });
  const more = { settledAt: settlementTime, receiptId, receiptUrl, vatNumber };
  return {
    response: {},
    writes: [recordSettlement({ stationId, ...event.fields, ...more })],
    events: [event],
    businessKey: businessKey('settlement', stationId, digest(request)),
  };
};

export const vatNumberValidation: Handler<
  OCPP21.VatNumberValidationRequest,
  OCPP21.VatNumberValidationResponse
> = async ({ vatNumber, evseId }) => ({
  response: {
    status: 'Rejected',
    vatNumber,
    ...(evseId !== undefined && { evseId }),
    statusInfo: unsupported('no tax register is connected'),
  },
});
