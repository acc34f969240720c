/**
 * Commands of the CSMS to stations: StationCalls.make plus the rules of OCPP actions. A request is validated against the
 * schema of the station's version before it is sent. A command that must happen now or never does not wait for an
 * offline station.
 */
import { PROTOCOLS, type Protocol } from '../ocpp/frame.ts';
import { knowsAction, validateRequest } from '../ocpp/schema.ts';
import { TransportError } from '../transport/errors.ts';
import type { CallOutcome, StationCall, StationCalls } from '../transport/station-call.ts';
import type { StateReader } from '../transport/stored-state.ts';
import { key } from './state.ts';

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

export interface Command extends StationCall {
  /** Overrides the version of the station's connection or last boot. */
  readonly protocol?: Protocol;
}

/** The parts of a Transport that commands need. */
export interface CommandPorts {
  readonly calls: StationCalls;
  readonly state: Pick<StateReader, 'field'>;
}

export type CommandSender = (command: Command) => Promise<CallOutcome>;

/**
 * Sends commands over a transport. Rejects as StationCalls.make does, and with `bad-call` for an action that the station's
 * version lacks, for an invalid payload, and for a now-or-never action with `queueable`.
 */
export function createCommands(transport: CommandPorts): CommandSender {
  return async (command) => {
    const { protocol: given, ...call } = command;
    const { stationId, action, payload } = call;
    const refuse = (why: string) =>
      new TransportError('bad-call', `${action} to station ${stationId}: ${why}`);
    const nowOrNever = NOW_OR_NEVER.has(action);
    if (nowOrNever && call.queueable === true) throw refuse('this action never waits for an offline station');
    const protocol = given ?? (await protocolOf(transport, stationId));
    if (protocol === undefined) {
      if (call.queueable !== true) return { kind: 'not-sent', reason: 'offline' };
      throw refuse('this station never connected, so its version is unknown: set `protocol`');
    }
    if (!knowsAction(protocol, action)) throw refuse(`${protocol} has no such action`);
    const fault = validateRequest(protocol, action, payload);
    if (fault !== undefined) throw refuse(fault.description);
    return transport.calls.make({ queueable: !nowOrNever, ...call });
  };
}

/** The OCPP version of a station: of its connection, or of its last boot. */
export async function protocolOf(transport: CommandPorts, stationId: string): Promise<Protocol | undefined> {
  const connected = await transport.calls.protocolOf(stationId);
  if (connected !== undefined) return connected;
  const booted = await transport.state.field(key.station(stationId), 'protocol');
  return PROTOCOLS.find((known) => known === booted);
}
