/** Firmware management: the progress of an update. */
import type { OCPP16, OCPP20, OCPP21 } from 'typed-ocpp';
import { progress } from './notice.ts';

type Status2 = OCPP20.FirmwareStatusNotificationRequest | OCPP21.FirmwareStatusNotificationRequest;
type Published =
  | OCPP20.PublishFirmwareStatusNotificationRequest
  | OCPP21.PublishFirmwareStatusNotificationRequest;

export const firmwareStatusNotification = progress<OCPP16.FirmwareStatusNotificationRequest | Status2>(
  'firmware-status',
  'firmwareStatus',
);

/** 1.6 security whitepaper: a signed update. */
export const signedFirmwareStatusNotification = progress<OCPP16.SignedFirmwareStatusNotificationRequest>(
  'firmware-status',
  'firmwareStatus',
);

/** 2.x: a local controller offers firmware to others. */
export const publishFirmwareStatusNotification = progress<Published>(
  'firmware-publish-status',
  'firmwarePublishStatus',
);
