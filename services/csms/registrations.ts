/**
 * Which stations are not (yet) accepted by the network: the HASH `<prefix>:registrations`, field = identity,
 * value = Pending or Rejected, written by other systems. A station that is not in it is accepted, with or without a
 * BootNotification on this connection: stations that reconnect without one keep working.
 *
 * A CALL of a station that is not accepted is refused with SecurityError (2.x Part 2: B02.FR.09 and the general
 * requirement FR.04; 1.6 §4.2 forbids the station to send it). Transaction messages are still accepted: they report
 * something that already happened, and an error could lose billing data (1.6 §3.7.1, 2.x E13). Pending also admits
 * messages that a station only sends on request of the CSMS.
 */
import { TRANSACTION_MESSAGES } from '../ocpp/schema.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Registration, REGISTRATION_STATUSES } from '../transport/transport.ts';
import type { StateReader } from '../transport/stored-state.ts';

export const REGISTRATIONS = 'registrations';
/** Longest age of the cached list, which every message needs; ms. */
const FRESH_MS = 5000;

/** Results of GetBaseReport, GetReport, and of triggers that a station does not send regularly by itself. */
const ASKED_FOR: ReadonlySet<string> = new Set([
  'DiagnosticsStatusNotification',
  'FirmwareStatusNotification',
  'LogStatusNotification',
  'NotifyReport',
  'PublishFirmwareStatusNotification',
  'SignCertificate',
  'SignedFirmwareStatusNotification',
]);

/** Reads an entry of the list. A mistake in it must not admit a station, and must not reject it permanently. */
export function readRegistration(entry: string | undefined): Registration {
  if (entry === undefined) return 'Accepted';
  return REGISTRATION_STATUSES.find((status) => status === entry) ?? 'Pending';
}

/** Whether a station with this registration may send this CALL. */
export function mayCall(registration: Registration, action: string): boolean {
  if (registration === 'Accepted' || action === 'BootNotification') return true;
  if (TRANSACTION_MESSAGES.has(action)) return true;
  return registration === 'Pending' && ASKED_FOR.has(action);
}

/** Commands that a station must not get while it is Pending (1.6 §4.2); in 2.x it refuses them (B02.FR.05). */
const NOT_WHILE_PENDING: ReadonlySet<string> = new Set([
  'RemoteStartTransaction',
  'RemoteStopTransaction',
  'RequestStartTransaction',
  'RequestStopTransaction',
]);

/**
 * Why a station with this registration must not get this command; undefined if it may. A rejected one gets nothing (1.6 §4.2,
 * 2.x B03.FR.03) but a trigger of the BootNotification that can change this (2.x B03.FR.08).
 */
export function commandFault(
  registration: Registration,
  action: string,
  payload: unknown,
): string | undefined {
  if (registration === 'Pending' && NOT_WHILE_PENDING.has(action)) {
    return 'the station is Pending, so it must not start or stop transactions on request; accept it first';
  }
  if (registration !== 'Rejected') return undefined;
  const { requestedMessage } = payload as { readonly requestedMessage?: unknown };
  if (action === 'TriggerMessage' && requestedMessage === 'BootNotification') return undefined;
  return 'the station is Rejected, so it gets no commands; accept it, then trigger a BootNotification';
}

/** The stricter of the two: a station stays rejected until it boots again, whatever the list says by then. */
export function strictest(listed: Registration, booted: Registration): Registration {
  if (listed === 'Rejected' || booted === 'Accepted') return listed;
  return booted === 'Rejected' || listed === 'Accepted' ? booted : listed;
}

/**
 * Decides for every message. The whole list, which is short, is read every few seconds instead of one entry per message.
 * The response to the last BootNotification on the connection counts at once: a station that is not accepted stays so
 * until a boot is answered Accepted. Before the cached list refuses a station, its current entry is read.
 */
export function createRegistrations(state: Pick<StateReader, 'record' | 'field'>, clock: Clock) {
  let known: Readonly<Record<string, string>> | undefined;
  let readAt = 0;
  let reading: Promise<void> | undefined;

  const read = async () => {
    try {
      known = (await state.record(REGISTRATIONS)) ?? {};
      readAt = clock.now();
    } catch (error) {
      // An old list is better than none: an unavailable Redis must not admit or refuse a station.
      if (known === undefined) throw error;
    } finally {
      reading = undefined;
    }
  };
  /** Rejects as the store does if no list was ever read. @param booted the last response to a boot on the connection */
  return async function registrationOf(stationId: string, booted?: Registration): Promise<Registration> {
    if (booted === 'Pending' || booted === 'Rejected') return booted;
    if (known === undefined || clock.now() - readAt >= FRESH_MS) await (reading ??= read());
    const entry = known !== undefined && Object.hasOwn(known, stationId) ? known[stationId] : undefined;
    const listed = readRegistration(entry);
    if (listed === 'Accepted') return listed;
    return state.field(REGISTRATIONS, stationId).then(readRegistration, () => listed);
  };
}
