/** The comparison of connected stations with their entries: which are closed, how fast, and when none is. */
import test from 'ava';
import type { AccessFault, Grant } from '../../../services/access/decide.ts';
import { SourceError } from '../../../services/access/station-source.ts';
import type { StationSocket } from '../../../services/station-server/station-socket.ts';
import { ConnectedAccess } from '../../../services/ws-proxy/access/connected-access.ts';

const GRANT: Grant = { profile: 1, proven: true, credential: 'x' };

/** @param faultOf of each station by its number */
function scene(
  count: number,
  faultOf: (number: number) => AccessFault | undefined,
  grant = GRANT,
  perSecond = 1000,
) {
  const closed: string[] = [];
  const errors: Error[] = [];
  const sockets = Array.from({ length: count }, (_, number) => {
    const socket = {
      session: { stationId: String(number) },
      grant,
      isOpen: true,
      closeForAccess: () => void (socket.isOpen = false),
    };
    return socket;
  });
  const access = new ConnectedAccess({
    control: { faultsOf: async (some) => some.map(({ identity }) => faultOf(Number(identity))) },
    sockets: () => sockets as unknown as StationSocket[],
    onClosed: ({ session }, fault) => void closed.push(`${session.stationId} ${fault}`),
    onError: (error) => void errors.push(error),
    closesPerSecond: () => perSecond,
  });
  return { access, closed, errors };
}

test('stations that are no longer accepted are closed, each with its reason', async (t) => {
  const { access, closed, errors } = scene(1200, (n) =>
    n === 3 ? 'blocked' : n === 1100 ? 'unknown-station' : undefined,
  );
  await access.check();
  t.deepEqual(closed, ['3 blocked', '1100 unknown-station']);
  t.deepEqual(errors, []);
});

test('when many entries are missing at once, the register is lost: none of these is closed, others are', async (t) => {
  const { access, closed, errors } = scene(100, (n) =>
    n < 20 ? 'unknown-station' : n === 50 ? 'blocked' : undefined,
  );
  await access.check();
  t.deepEqual(closed, ['50 blocked']);
  t.true(errors[0] instanceof SourceError);
  t.regex(
    errors[0]?.message ?? '',
    /20 of 100 connected stations have no entry any more: they stay until they reconnect/,
  );
});

test('stations that Report let in without proof are closed by Enforce, however many', async (t) => {
  const { access, closed, errors } = scene(100, () => 'unknown-station', {
    ...GRANT,
    unproven: 'unknown-station',
  });
  await access.check();
  t.is(closed.length, 100);
  t.deepEqual(errors, []);
});

test('closes are at the drain rate, and a stop ends them', async (t) => {
  const { access, closed } = scene(30, () => 'password', GRANT, 10);
  const checking = access.check();
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.is(closed.length, 10);
  access[Symbol.dispose]();
  await checking;
  t.is(closed.length, 10);
});
