/**
 * The register of open transactions: sorted sets by age, by station and by token. The outcome that opens or closes a
 * transaction writes its record and the register together.
 *
 * | key                  | member                               | score                     |
 * |----------------------|--------------------------------------|---------------------------|
 * | `open-transactions`  | `["<key of the record>","<station>"]` | when it was opened, ms     |
 * | `open:{station}`     | key of the record                    | the same                  |
 * | `open-token:{token}` | key of the record                    | the same                  |
 */
import { openOfStation, type StateReader, type StateWrite } from '../../transport/stored-state.ts';

export const OPEN_TRANSACTIONS = 'open-transactions';
/** Tokens are case-insensitive (CiString, identifierString). */
export const openOfToken = (token: string): string => `open-token:${token.toUpperCase()}`;

/** More open transactions than a station has connectors are faults; the sweep finds them. */
const MOST_OF_STATION = 64;

/** A transaction in the register. */
export interface RegisterEntry {
  /** Key of its record. */
  readonly key: string;
  readonly stationId: string;
  readonly token: string | undefined;
}

/** @param openedAt ms since 1970 */
export function register({ key, stationId, token }: RegisterEntry, openedAt: number): StateWrite[] {
  return [
    { kind: 'add', key: OPEN_TRANSACTIONS, member: memberOf(key, stationId), score: openedAt },
    { kind: 'add', key: openOfStation(stationId), member: key, score: openedAt },
    ...(token === undefined
      ? []
      : [{ kind: 'add', key: openOfToken(token), member: key, score: openedAt } as const]),
  ];
}

export function unregister({ key, stationId, token }: RegisterEntry): StateWrite[] {
  return [
    { kind: 'remove', key: OPEN_TRANSACTIONS, member: memberOf(key, stationId) },
    { kind: 'remove', key: openOfStation(stationId), member: key },
    ...(token === undefined ? [] : [{ kind: 'remove', key: openOfToken(token), member: key } as const]),
  ];
}

/** Keys of the records of a station's open transactions, oldest first. */
export async function openTransactionsOf(
  state: Pick<StateReader, 'members'>,
  stationId: string,
): Promise<string[]> {
  const members = await state.members(openOfStation(stationId), Number.MAX_SAFE_INTEGER, MOST_OF_STATION);
  return members.map(({ member }) => member);
}

export function memberOf(key: string, stationId: string): string {
  return JSON.stringify([key, stationId]);
}

/** @throws SyntaxError for a text that is no member of OPEN_TRANSACTIONS */
export function readMember(member: string): Pick<RegisterEntry, 'key' | 'stationId'> {
  const [key = '', stationId = ''] = JSON.parse(member) as string[];
  return { key, stationId };
}
