/** Distributed energy resources (2.1, R): reports of grid support. */
import type { OCPP21 } from 'typed-ocpp';
import { notice } from './notice.ts';

export const notifyDERAlarm = notice<OCPP21.NotifyDERAlarmRequest>(
  'der-alarm',
  (request) => ({
    at: request.timestamp,
    control: request.controlType,
    fault: request.gridEventFault ?? undefined,
    ended: request.alarmEnded ?? undefined,
    info: request.extraInfo ?? undefined,
  }),
  'dated',
);

export const notifyDERStartStop = notice<OCPP21.NotifyDERStartStopRequest>(
  'der-control',
  ({ timestamp, controlId, started }) => ({ at: timestamp, control: controlId, started }),
  'dated',
);
