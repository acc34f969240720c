/** Reservations that a station ended itself. */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import { notice } from './notice.ts';

export const reservationStatusUpdate = notice<
  OCPP20.ReservationStatusUpdateRequest | OCPP21.ReservationStatusUpdateRequest
>('reservation-status', ({ reservationId, reservationUpdateStatus }) => ({
  reservationId,
  status: reservationUpdateStatus,
}));
