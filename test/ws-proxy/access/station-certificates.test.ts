/** The certificates of connected stations that expire soon: how many, and the log line of a day. */
import test from 'ava';
import { StationCertificates } from '../../../services/ws-proxy/access/station-certificates.ts';

const DAY = 86_400_000;

test('a line a day names the stations whose certificates expire first, as long as there are any', (t) => {
  let now = 0;
  const lines: object[] = [];
  const session = (stationId: string) =>
    ({ stationId, protocol: 'ocpp1.6', remoteAddress: '192.0.2.1' }) as const;
  const sockets = [
    { session: session('password'), certificateExpires: undefined },
    { session: session('month'), certificateExpires: 30 * DAY },
    ...Array.from({ length: 30 }, (_, i) => ({ session: session(`CP-${i}`), certificateExpires: 1000 - i })),
  ];
  using certificates = new StationCertificates({
    sockets: () => sockets,
    clock: { now: () => now },
    log: { warn: (fields) => void lines.push(fields) },
  });
  t.deepEqual([certificates.count(7), certificates.count(30)], [30, 31]);
  certificates.report();
  now = DAY - 1;
  certificates.report();
  t.is(lines.length, 1);
  const { stations, first } = lines[0] as { stations: number; first: object[] };
  t.deepEqual([stations, first.length], [30, 20]);
  t.deepEqual(first[0], { stationId: 'CP-29', expires: '1970-01-01T00:00:00.971Z' });
  now = DAY;
  certificates.report();
  t.is(lines.length, 2, 'an expired one counts until its station disconnects');
  sockets.length = 2;
  now = 3 * DAY;
  certificates.report();
  t.is(lines.length, 2);
});
