/** The handlers of this program: version → action → handler. */
import type { HandlerTable } from '../handler.ts';
import { authorize16, authorize2 } from './authorization.ts';
import { statusNotification16, statusNotification2 } from './availability.ts';
import { dataTransfer } from './data-transfer.ts';
import { bootNotification16, bootNotification2, heartbeat } from './provisioning.ts';
import { meterValues16, startTransaction, stopTransaction } from './transactions-1.6.ts';
import { meterValues2, transactionEvent } from './transactions-2.x.ts';

const since2 = {
  Authorize: authorize2,
  BootNotification: bootNotification2,
  DataTransfer: dataTransfer,
  Heartbeat: heartbeat,
  MeterValues: meterValues2,
  StatusNotification: statusNotification2,
  TransactionEvent: transactionEvent,
} as const;

export const HANDLERS: HandlerTable = {
  'ocpp1.6': {
    Authorize: authorize16,
    BootNotification: bootNotification16,
    DataTransfer: dataTransfer,
    Heartbeat: heartbeat,
    MeterValues: meterValues16,
    StartTransaction: startTransaction,
    StatusNotification: statusNotification16,
    StopTransaction: stopTransaction,
  },
  'ocpp2.0.1': since2,
  'ocpp2.1': since2,
};
