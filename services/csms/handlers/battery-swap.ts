/** Battery swapping (2.1, S). */
import type { OCPP21 } from 'typed-ocpp';
import { notice } from './notice.ts';

export const batterySwap = notice<OCPP21.BatterySwapRequest>(
  'battery-swap',
  ({ eventType, requestId, batteryData }) => ({
    event: eventType,
    requestId,
    batteries: batteryData.map(({ serialNumber }) => serialNumber).join(' '),
  }),
);
