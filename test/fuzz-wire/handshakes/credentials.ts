/** Handshakes at a listener with HTTP Basic: credentials of every shape, with the status that each of them earns. */
import type { Protocol } from '../../../services/ocpp/frame.ts';
import type { Chance } from '../../chaos/random.ts';
import { bytesOf, draftOf } from './draft.ts';
import type { Handshake } from './table.ts';

/** Stations of the register, B0 and so on. Only wrong passwords of one station are slowed, and few of these come to one of them. */
export const REGISTERED = 2000;
export const passwordOf = (station: string): string => `a colon: and ü, ${station}`;

interface Shape {
  readonly name: string;
  /** Values of Authorization headers. */
  readonly values: (station: string, chance: Chance) => readonly string[];
  readonly statuses: readonly number[];
}

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
const right = (station: string) => base64(`${station}:${passwordOf(station)}`);
const of = (statuses: readonly number[], name: string, values: Shape['values']): Shape => ({
  name,
  values,
  statuses,
});
const accepted = (name: string, value: (station: string, chance: Chance) => string) =>
  of([101], name, (...given) => [value(...given)]);
const refused = (name: string, value: (station: string, chance: Chance) => string) =>
  of([401], name, (...given) => [value(...given)]);

const SHAPES: readonly Shape[] = [
  accepted('the right password', (station) => `Basic ${right(station)}`),
  accepted(
    'the scheme in other letters',
    (station, chance) => `${chance.one(['basic', 'BASIC', 'bAsIc'])} ${right(station)}`,
  ),
  accepted('white space around the value', (station) => `Basic \t ${right(station)}  `),
  of([401], 'no credentials', () => []),
  refused('a wrong password', (station) => `Basic ${base64(`${station}:wrong`)}`),
  refused('no password', (station) => `Basic ${base64(`${station}:`)}`),
  refused(
    'the right password and a byte',
    (station, chance) =>
      `Basic ${base64(Buffer.concat([Buffer.from(`${station}:${passwordOf(station)}`), Buffer.from([chance.between(0, 255)])]))}`,
  ),
  refused('a byte less', (station) => `Basic ${base64(`${station}:${passwordOf(station)}`.slice(0, -1))}`),
  refused(
    'a password of bytes',
    (station, chance) =>
      `Basic ${base64(Buffer.concat([Buffer.from(`${station}:`), Buffer.from(Array.from({ length: 20 }, () => chance.between(0, 255)))]))}`,
  ),
  refused(
    'a password in Latin-1',
    (station) => `Basic ${base64(Buffer.from(`${station}:${passwordOf(station)}`, 'latin1'))}`,
  ),
  refused('another user', (station) => `Basic ${base64(`${station}0:${passwordOf(station)}`)}`),
  refused(
    'the user in other letters',
    (station) => `Basic ${base64(`${station.toLowerCase()}:${passwordOf(station)}`)}`,
  ),
  refused('no user', (station) => `Basic ${base64(`:${passwordOf(station)}`)}`),
  refused('no colon', (station) => `Basic ${base64(station)}`),
  refused('a colon only', () => `Basic ${base64(':')}`),
  refused('no value', (_, chance) =>
    chance.one(['Basic', 'Basic ', 'Basic \t', 'Basic =', 'Basic ====', '']),
  ),
  refused(
    'no Base64',
    (station, chance) =>
      `Basic ${chance.one(['%%%', '<b>', 'ä', '"', `${right(station)}!`, `${station}:${passwordOf(station)}`])}`,
  ),
  refused(
    'another scheme',
    (station, chance) =>
      `${chance.one(['Bearer', 'Digest', 'Basic,', 'Basic:', 'BasicBasic'])} ${right(station)}`,
  ),
  refused(
    'a long password',
    (station, chance) => `Basic ${base64(`${station}:${'x'.repeat(chance.one([256, 1000, 4000]))}`)}`,
  ),
  refused('a zero byte', (station) => `Basic ${base64(`${station}:${passwordOf(station)}\0`)}`),
  of([101, 401], 'Base64 without padding, or of URLs', (station, chance) => [
    `Basic ${chance.happens(0.5) ? right(station).replace(/=+$/, '') : Buffer.from(`${station}:${passwordOf(station)}`).toString('base64url')}`,
  ]),
  of([101, 400, 401], 'two headers', (station, chance) =>
    [`Basic ${right(station)}`, `Basic ${base64(`${station}:wrong`)}`].toSorted(() => chance.next() - 0.5),
  ),
  of([400, 401, 431], 'a header that is too long', () => [`Basic ${'A'.repeat(20_000)}`]),
];

/** @param number of the input; it chooses the station and the address that the balancer forwards */
export function credentialsOf(chance: Chance, number: number, protocol: Protocol): Handshake {
  const station = `B${number % REGISTERED}`;
  const draft = draftOf(station, protocol);
  const { name, values, statuses } = chance.one(SHAPES);
  draft.headers.push(...values(station, chance).map((value) => `Authorization: ${value}`));
  draft.headers.push(`X-Forwarded-For: 10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`);
  return { name: `credentials: ${name}`, bytes: bytesOf(draft), statuses, protocol, isSecured: true };
}
