/** The actions that a CSMS sends: what they are in each version, and which of them wait for an offline station. */
import type { Protocol } from '../../ocpp/frame.ts';
import { actionsIn, requestSchema } from '../../ocpp/official-schemas.ts';
import { isSentByStations } from './direction.ts';

/**
 * Actions that a driver or operator is waiting for: hours later they would do harm. They never wait for an offline
 * station.
 */
const NOW_OR_NEVER: ReadonlySet<string> = new Set([
  'CancelReservation',
  'RemoteStartTransaction',
  'RemoteStopTransaction',
  'RequestBatterySwap',
  'RequestStartTransaction',
  'RequestStopTransaction',
  'ReserveNow',
  'Reset',
  'TriggerMessage',
  'ExtendedTriggerMessage',
  'UnlockConnector',
  'UsePriorityCharging',
]);

export function isNowOrNever(action: string): boolean {
  return NOW_OR_NEVER.has(action);
}

export interface CommandAction {
  readonly action: string;
  /** Whether it may wait for an offline station. */
  readonly queueable: boolean;
}

/** The actions of a version that a station takes, by name. */
export function commandActions(protocol: Protocol): readonly CommandAction[] {
  return [...actionsIn(protocol)]
    .filter((action) => !isSentByStations(action))
    .toSorted()
    .map((action) => ({ action, queueable: !isNowOrNever(action) }));
}

/** The JSON schema of a request to a station; undefined for an action that the version lacks, or that only stations send. */
export function commandSchema(protocol: Protocol, action: string): object | undefined {
  return isSentByStations(action) ? undefined : requestSchema(protocol, action);
}
