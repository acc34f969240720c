/** What a command needs to know of its station: the OCPP version, and whether the network has accepted it. */
import { PROTOCOLS, type Protocol } from '../../ocpp/frame.ts';
import type { StationCalls } from '../../transport/station-call.ts';
import type { StateStore } from '../../transport/stored-state.ts';
import type { Registration } from '../../transport/transport.ts';
import { readRegistration, REGISTRATIONS, strictest } from '../registrations.ts';
import { key } from '../state.ts';

/** The parts of a Transport that commands need. */
export interface CommandPorts {
  readonly calls: StationCalls;
  readonly state: Pick<StateStore, 'field' | 'fields' | 'amend'>;
}

export interface StationFacts {
  /** Of its connection, or of its last boot; undefined for a station that never connected. */
  readonly protocol: Protocol | undefined;
  /**
   * By the list of registrations, and while it is connected by the response to its last boot too. An offline station boots before
   * it gets anything.
   */
  readonly registration: Registration;
}

export async function factsOf({ calls, state }: CommandPorts, stationId: string): Promise<StationFacts> {
  const [connected, station = {}, entry] = await Promise.all([
    calls.protocolOf(stationId),
    state.fields(key.station(stationId), ['protocol', 'boot']),
    state.field(REGISTRATIONS, stationId),
  ]);
  const listed = readRegistration(entry);
  const booted = connected === undefined ? undefined : station['boot'];
  return {
    protocol: connected ?? PROTOCOLS.find((known) => known === station['protocol']),
    registration: strictest(listed, readRegistration(booted)),
  };
}
