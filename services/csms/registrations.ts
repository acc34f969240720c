/**
 * Which stations are not (yet) accepted by the network: the HASH `<prefix>:registrations`, field = identity,
 * value = Pending or Rejected, written by others. A station that is not in it is accepted, whether it sent a
 * BootNotification on this connection or not: a fleet that reconnects without Boot goes on.
 *
 * A CALL of a station that is not accepted is refused with SecurityError (2.x Part 2: B02.FR.09 and the general
 * requirement FR.04; 1.6 §4.2 forbids the station to send it). Never a transaction message: what it tells has
 * happened, and an error could destroy it (1.6 §3.7.1, 2.x E13). Pending lets through what only comes when the
 * CSMS has asked for it.
 */
import { TRANSACTION_MESSAGES } from '../ocpp/schema.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Registration, REGISTRATION_STATUSES } from '../transport/transport.ts';
import type { StateReader } from '../transport/stored-state.ts';

export const REGISTRATIONS = 'registrations';
/** How old what is known of the list may be: it is looked at for every message; ms. */
const FRESH_MS = 5000;

/** Answers to GetBaseReport, GetReport, and to those triggers that a station does not send by itself all day. */
const ASKED_FOR: ReadonlySet<string> = new Set([
  'DiagnosticsStatusNotification',
  'FirmwareStatusNotification',
  'LogStatusNotification',
  'NotifyReport',
  'PublishFirmwareStatusNotification',
  'SignCertificate',
  'SignedFirmwareStatusNotification',
]);

/** An entry of the list. A mistake in it must not open the door, nor cost a station more than a wait. */
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

/**
 * Decides for every message. The whole list, which is short, is read every few seconds instead of an entry for every
 * message. What the last BootNotification on the connection was answered counts at once: not accepted stays so until
 * a boot is answered Accepted, and a list that may be out of date refuses nobody without a second look.
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
      // An old list is better than none: nobody is let in or shut out because Redis is away.
      if (known === undefined) throw error;
    } finally {
      reading = undefined;
    }
  };
  /** Rejects as the store does when nothing was ever read. @param booted the last answer to a boot on the connection */
  return async function registrationOf(stationId: string, booted?: Registration): Promise<Registration> {
    if (booted === 'Pending' || booted === 'Rejected') return booted;
    if (known === undefined || clock.now() - readAt >= FRESH_MS) await (reading ??= read());
    const entry = known !== undefined && Object.hasOwn(known, stationId) ? known[stationId] : undefined;
    const listed = readRegistration(entry);
    if (listed === 'Accepted') return listed;
    return state.field(REGISTRATIONS, stationId).then(readRegistration, () => listed);
  };
}
