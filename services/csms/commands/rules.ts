/**
 * Rules of OCPP about the content of commands that no schema expresses: those about charging profiles and remote starts. Pure.
 *
 * Only what a version says clearly is refused. 1.6 leaves more open than 2.x: in it an Absolute schedule may omit its start, a
 * TxProfile its transaction, and a schedule may begin without a limit.
 */
import type { Protocol } from '../../ocpp/frame.ts';

/** A violated rule. */
export interface RuleFault {
  /** JSON pointer to the field. */
  readonly path: string;
  /** A sentence that begins with the path: what is wrong, what would be right, and where OCPP says so. */
  readonly description: string;
}

/** The parts of ChargingProfile that rules read: of 1.6, where it has one schedule, and of 2.x, where it has several. */
interface Profile {
  readonly chargingProfilePurpose: string;
  readonly chargingProfileKind: string;
  readonly recurrencyKind?: string;
  readonly transactionId?: number | string;
  readonly dynUpdateInterval?: number;
  readonly chargingSchedule: Schedule | readonly Schedule[];
}

interface Schedule {
  readonly startSchedule?: string;
  readonly chargingSchedulePeriod: readonly { readonly startPeriod: number }[];
}

interface SetProfile {
  readonly connectorId?: number;
  readonly evseId?: number;
  readonly csChargingProfiles?: Profile;
  readonly chargingProfile?: Profile;
}

/** The first rule that a command violates. @param payload valid by the schema of its action */
export function contentFault(protocol: Protocol, action: string, payload: unknown): RuleFault | undefined {
  switch (action) {
    case 'RemoteStartTransaction':
    case 'RequestStartTransaction':
      return startFault(protocol, payload as SetProfile);
    case 'SetChargingProfile':
      return setFault(protocol, payload as SetProfile);
    case 'UnlockConnector':
      return placeFault(payload as SetProfile);
    default:
      return undefined;
  }
}

function startFault(protocol: Protocol, payload: SetProfile): RuleFault | undefined {
  const { chargingProfile: profile } = payload;
  const place = placeFault(payload);
  if (place !== undefined || profile === undefined) return place;
  const at = '/chargingProfile';
  const is16 = protocol === 'ocpp1.6';
  const { chargingProfilePurpose: purpose, transactionId } = profile;
  if (purpose !== 'TxProfile') {
    const where = is16 ? '1.6 §5.16.2' : '2.x F01.FR.09';
    return fault(
      `${at}/chargingProfilePurpose`,
      `must be TxProfile in a remote start, it is ${purpose} (${where})`,
    );
  }
  if (transactionId !== undefined) {
    const where = is16 ? '1.6 §5.16.2' : '2.x F01.FR.11';
    return fault(
      `${at}/transactionId`,
      `must be omitted in a remote start, which has no transaction yet (${where})`,
    );
  }
  return profileFault(protocol, profile, at);
}

/** The schemas of 2.x say so about RequestStartTransaction, and 1.6 about both of its messages. */
function placeFault({ connectorId, evseId }: SetProfile): RuleFault | undefined {
  for (const [name, value] of Object.entries({ evseId, connectorId })) {
    if (value !== undefined && value < 1)
      return fault(`/${name}`, `must be at least 1, it is ${value}: 0 is the whole station`);
  }
  return undefined;
}

function setFault(protocol: Protocol, payload: SetProfile): RuleFault | undefined {
  return protocol === 'ocpp1.6' ? setFault16(payload) : setFault2(protocol, payload);
}

function setFault16({ connectorId, csChargingProfiles: profile }: SetProfile): RuleFault | undefined {
  if (profile === undefined || connectorId === undefined) return undefined;
  const { chargingProfilePurpose: purpose, transactionId } = profile;
  if (purpose === 'ChargePointMaxProfile' && connectorId !== 0) {
    return fault('/connectorId', `must be 0 for a ChargePointMaxProfile, it is ${connectorId} (1.6 §3.13.1)`);
  }
  if (purpose === 'TxProfile' && connectorId === 0) {
    return fault(
      '/connectorId',
      'must be the connector of the transaction for a TxProfile, it is 0 (1.6 §3.13.1)',
    );
  }
  const at = '/csChargingProfiles';
  if (purpose !== 'TxProfile' && transactionId !== undefined) {
    return fault(
      `${at}/transactionId`,
      `must be omitted in a ${purpose}: only a TxProfile is of one transaction`,
    );
  }
  return profileFault('ocpp1.6', profile, at);
}

function setFault2(
  protocol: Protocol,
  { evseId, chargingProfile: profile }: SetProfile,
): RuleFault | undefined {
  if (profile === undefined || evseId === undefined) return undefined;
  const { chargingProfilePurpose: purpose, chargingProfileKind: kind, transactionId } = profile;
  const at = '/chargingProfile';
  if (purpose === 'ChargingStationExternalConstraints') {
    const instead = 'use ChargingStationMaxProfile for a limit of the CSMS';
    return fault(`${at}/chargingProfilePurpose`, `must not be ${purpose} (2.x K01.FR.22): ${instead}`);
  }
  if (purpose === 'ChargingStationMaxProfile') {
    if (evseId !== 0) {
      const why = '2.x SetChargingProfileRequest, evseId';
      return fault('/evseId', `must be 0 for a ChargingStationMaxProfile, it is ${evseId} (${why})`);
    }
    if (kind === 'Relative') {
      const instead = 'use Absolute or Recurring';
      return fault(
        `${at}/chargingProfileKind`,
        `must not be Relative in a ChargingStationMaxProfile (2.x K01.FR.38): ${instead}`,
      );
    }
  }
  if (purpose === 'TxProfile') {
    if (evseId === 0) {
      return fault('/evseId', 'must be the EVSE of the transaction for a TxProfile, it is 0 (2.x K01.FR.16)');
    }
    if (transactionId === undefined) {
      return fault(`${at}/transactionId`, 'is missing: a TxProfile names its transaction (2.x K01.FR.03)');
    }
  } else if (transactionId !== undefined) {
    const why = '2.x ChargingProfileType, transactionId';
    return fault(`${at}/transactionId`, `must be omitted in a ${purpose} (${why})`);
  }
  return profileFault(protocol, profile, at);
}

/** Of any profile. @param at its place in the payload */
function profileFault(protocol: Protocol, profile: Profile, at: string): RuleFault | undefined {
  const { chargingProfileKind: kind, recurrencyKind, chargingSchedule } = profile;
  if (kind === 'Recurring' && recurrencyKind === undefined) {
    return fault(`${at}/recurrencyKind`, 'is missing: a Recurring profile recurs Daily or Weekly');
  }
  const dynamic = dynamicFault(profile, at);
  if (dynamic !== undefined) return dynamic;
  const isList = Array.isArray(chargingSchedule);
  const schedules = [chargingSchedule].flat();
  for (const [number, schedule] of schedules.entries()) {
    const where = `${at}/chargingSchedule${isList ? `/${number}` : ''}`;
    const found =
      (protocol === 'ocpp1.6' ? undefined : scheduleStartFault(kind, schedule, where)) ??
      periodsFault(protocol, schedule, where);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** 2.1: limits of a Dynamic profile are updated in place. */
function dynamicFault(
  { chargingProfileKind: kind, dynUpdateInterval, chargingSchedule }: Profile,
  at: string,
) {
  if (kind !== 'Dynamic') {
    if (dynUpdateInterval === undefined) return undefined;
    return fault(`${at}/dynUpdateInterval`, `must be omitted in a ${kind} profile (2.1 K28.FR.04)`);
  }
  const schedules = [chargingSchedule].flat();
  if (schedules.length === 1 && schedules[0]?.chargingSchedulePeriod.length === 1) return undefined;
  return fault(
    `${at}/chargingSchedule`,
    'must be one schedule with one period in a Dynamic profile (2.1 K28.FR.01)',
  );
}

function scheduleStartFault(kind: string, { startSchedule }: Schedule, at: string): RuleFault | undefined {
  if (kind === 'Relative' && startSchedule !== undefined) {
    return fault(
      `${at}/startSchedule`,
      'must be omitted in a Relative profile, which starts when charging does (2.x K01.FR.41)',
    );
  }
  if ((kind === 'Absolute' || kind === 'Recurring') && startSchedule === undefined) {
    return fault(
      `${at}/startSchedule`,
      'is missing: the schedule of an Absolute or Recurring profile has a fixed start (2.x K01.FR.40)',
    );
  }
  return undefined;
}

function periodsFault(
  protocol: Protocol,
  { chargingSchedulePeriod: periods }: Schedule,
  at: string,
): RuleFault | undefined {
  const list = `${at}/chargingSchedulePeriod`;
  const [first] = periods;
  if (first === undefined) return fault(list, 'must have at least one period');
  const starts = periods.map(({ startPeriod }) => startPeriod);
  if (first.startPeriod < 0 || (first.startPeriod !== 0 && protocol !== 'ocpp1.6')) {
    const where = protocol === 'ocpp1.6' ? '' : ' (2.x K01.FR.31)';
    return fault(`${list}/0/startPeriod`, `must be 0, it is ${first.startPeriod}${where}`);
  }
  const wrong = starts.findIndex((start, i) => i > 0 && start <= (starts[i - 1] ?? 0));
  if (wrong === -1) return undefined;
  const where = protocol === 'ocpp1.6' ? '' : ' (2.x K01.FR.35)';
  return fault(
    `${list}/${wrong}/startPeriod`,
    `must be more than that of the period before it, it is ${starts[wrong]} after ${starts[wrong - 1]}${where}`,
  );
}

function fault(path: string, what: string): RuleFault {
  return { path, description: `${path} ${what}` };
}
