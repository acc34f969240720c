/** Places of a full proxy are for stations that are authenticated: clients that have proved nothing take none. */
import test from 'ava';
import type { AccessRequest, Verdict } from '../../../services/access/access-control.ts';
import { until } from '../../support/until.ts';
import { startEndpoint } from '../endpoint.ts';
import { RawStation, V16 } from '../raw-station.ts';

const ACCEPTED: Verdict = {
  kind: 'accept',
  grant: { profile: 1, proven: true, credential: 'x' },
  isKnown: true,
};
const REFUSED: Verdict = { kind: 'refuse', code: 'password', status: 401, reason: 'the password is wrong' };

/** SLOW-* wait until the test decides; all others are accepted at once. */
function slowAccess() {
  const waiting = new Map<string, (verdict: Verdict) => void>();
  const authenticate = ({ identity }: AccessRequest) =>
    identity.startsWith('SLOW')
      ? new Promise<Verdict>((resolve) => waiting.set(identity, resolve))
      : Promise.resolve(ACCEPTED);
  return { waiting, authenticate };
}

const places = (limits: { maxAuthenticating?: number }, access: ReturnType<typeof slowAccess>) =>
  startEndpoint(limits, { maxSessions: 1 }, undefined, undefined, undefined, access);

test('a handshake that is being authenticated takes no place, and finds none when others took them', async (t) => {
  const access = slowAccess();
  await using endpoint = await places({}, access);
  const knock = (identity: string) => RawStation.open(endpoint.port, `/ocpp/${identity}`, V16);
  const slow = [knock('SLOW-1'), knock('SLOW-2')];
  await until(() => access.waiting.size === 2, 'both to be authenticated');
  t.is(endpoint.server.size, 0);
  const { station, answer } = await knock('CP-1');
  t.is(answer.status, 101);
  access.waiting.get('SLOW-1')?.(ACCEPTED);
  access.waiting.get('SLOW-2')?.(REFUSED);
  const statuses: number[] = [];
  for (const one of await Promise.all(slow)) {
    statuses.push(one.answer.status);
    await one.station[Symbol.asyncDispose]();
  }
  t.deepEqual(statuses, [503, 401]);
  t.true(endpoint.seen.includes('refused 503 sessions /ocpp/SLOW-1'));
  t.is(endpoint.server.size, 1);
  await station[Symbol.asyncDispose]();
  await until(() => endpoint.server.size === 0, 'the place to be free');
});

test('the number of handshakes that are authenticated at a time is bounded', async (t) => {
  const access = slowAccess();
  await using endpoint = await places({ maxAuthenticating: 1 }, access);
  const knock = (identity: string) => RawStation.open(endpoint.port, `/ocpp/${identity}`, V16);
  const slow = knock('SLOW-1');
  await until(() => access.waiting.size === 1, 'it to be authenticated');
  const refused = await knock('CP-1');
  t.is(refused.answer.status, 503);
  t.true(Number(refused.answer.headers.get('retry-after')) >= 5);
  t.true(endpoint.seen.includes('refused 503 busy /ocpp/CP-1'));
  access.waiting.get('SLOW-1')?.(REFUSED);
  t.is((await slow).answer.status, 401);
  const accepted = await knock('CP-1');
  t.is(accepted.answer.status, 101);
  for (const { station } of [await slow, refused, accepted]) await station[Symbol.asyncDispose]();
});
