/** The built-in handlers: version → action → handler, with every action that a station may send. */
import type { HandlerTable } from '../handler.ts';
import { authorize16, authorize2 } from './authorization.ts';
import { statusNotification16, statusNotification2 } from './availability.ts';
import { batterySwap } from './battery-swap.ts';
import { dataTransfer } from './data-transfer.ts';
import { diagnosticsStatusNotification, logStatusNotification, notifyEvent } from './diagnostics.ts';
import { notifyDERAlarm, notifyDERStartStop } from './distributed-energy.ts';
import * as eventStreams from './event-streams.ts';
import * as firmware from './firmware.ts';
import * as iso15118 from './iso15118.ts';
import { notifySettlement, vatNumberValidation } from './payment.ts';
import { bootNotification16, bootNotification2, heartbeat } from './provisioning.ts';
import { reportPart } from './reports.ts';
import { reservationStatusUpdate } from './reservation.ts';
import * as security from './security.ts';
import * as smartCharging from './smart-charging.ts';
import { meterValues16, startTransaction, stopTransaction } from './transactions-1.6.ts';
import { meterValues2, transactionEvent } from './transactions-2.x.ts';

const since2 = {
  Authorize: authorize2,
  BootNotification: bootNotification2,
  ClearedChargingLimit: smartCharging.clearedChargingLimit,
  DataTransfer: dataTransfer,
  FirmwareStatusNotification: firmware.firmwareStatusNotification,
  Get15118EVCertificate: iso15118.get15118EVCertificate,
  GetCertificateStatus: iso15118.getCertificateStatus,
  Heartbeat: heartbeat,
  LogStatusNotification: logStatusNotification,
  MeterValues: meterValues2,
  NotifyChargingLimit: smartCharging.notifyChargingLimit,
  NotifyCustomerInformation: reportPart('NotifyCustomerInformation'),
  NotifyDisplayMessages: reportPart('NotifyDisplayMessages'),
  NotifyEVChargingNeeds: smartCharging.notifyEVChargingNeeds201,
  NotifyEVChargingSchedule: smartCharging.notifyEVChargingSchedule,
  NotifyEvent: notifyEvent,
  NotifyMonitoringReport: reportPart('NotifyMonitoringReport'),
  NotifyReport: reportPart('NotifyReport'),
  PublishFirmwareStatusNotification: firmware.publishFirmwareStatusNotification,
  ReportChargingProfiles: reportPart('ReportChargingProfiles'),
  ReservationStatusUpdate: reservationStatusUpdate,
  SecurityEventNotification: security.securityEventNotification,
  SignCertificate: security.signCertificate2,
  StatusNotification: statusNotification2,
  TransactionEvent: transactionEvent,
} as const;

export const HANDLERS: HandlerTable = {
  'ocpp1.6': {
    Authorize: authorize16,
    BootNotification: bootNotification16,
    DataTransfer: dataTransfer,
    DiagnosticsStatusNotification: diagnosticsStatusNotification,
    FirmwareStatusNotification: firmware.firmwareStatusNotification,
    Heartbeat: heartbeat,
    LogStatusNotification: logStatusNotification,
    MeterValues: meterValues16,
    SecurityEventNotification: security.securityEventNotification,
    SignCertificate: security.signCertificate16,
    SignedFirmwareStatusNotification: firmware.signedFirmwareStatusNotification,
    StartTransaction: startTransaction,
    StatusNotification: statusNotification16,
    StopTransaction: stopTransaction,
  },
  'ocpp2.0.1': since2,
  'ocpp2.1': {
    ...since2,
    BatterySwap: batterySwap,
    ClosePeriodicEventStream: eventStreams.closePeriodicEventStream,
    GetCertificateChainStatus: iso15118.getCertificateChainStatus,
    NotifyDERAlarm: notifyDERAlarm,
    NotifyDERStartStop: notifyDERStartStop,
    NotifyEVChargingNeeds: smartCharging.notifyEVChargingNeeds21,
    NotifyPeriodicEventStream: eventStreams.notifyPeriodicEventStream,
    NotifyPriorityCharging: smartCharging.notifyPriorityCharging,
    NotifySettlement: notifySettlement,
    OpenPeriodicEventStream: eventStreams.openPeriodicEventStream,
    PullDynamicScheduleUpdate: smartCharging.pullDynamicScheduleUpdate,
    ReportDERControl: reportPart('ReportDERControl'),
    VatNumberValidation: vatNumberValidation,
  },
};
