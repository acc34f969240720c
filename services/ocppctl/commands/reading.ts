/** Commands that show stations, transactions, and who changed what. */
import type { Bill, Station, Transaction } from '../../client/cluster-client.ts';
import { pathOf } from '../api-client.ts';
import type { Command } from '../command.ts';
import { LIMIT, STATION_FILTER } from '../options.ts';
import { writeJson, writeList, writeObject } from '../output.ts';
import { age, type Column, details, energy, table } from '../table.ts';

const group = 'Stations and transactions';

/** `2 Available, 1 Charging`: of the connectors, without the station itself. */
function connectorsOf({ connectors }: Station): string {
  const counts = new Map<string, number>();
  const real = connectors.filter(({ connector }) => connector > 0);
  for (const { status } of real.length > 0 ? real : connectors)
    counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
}

const stationColumns = (now: number): readonly Column<Station>[] => [
  { head: 'STATION', of: ({ id }) => id },
  { head: 'CONNECTED', of: ({ connected }) => (connected ? 'yes' : 'no') },
  { head: 'SINCE', of: ({ connection, disconnectedAt }) => age(connection?.since ?? disconnectedAt, now) },
  { head: 'PROTOCOL', of: ({ protocol }) => protocol },
  { head: 'REGISTRATION', of: ({ registration }) => registration },
  {
    head: 'MODEL',
    of: ({ boot }) => [boot?.vendor, boot?.model].filter((one) => one !== undefined).join(' '),
  },
  { head: 'FIRMWARE', of: ({ boot }) => boot?.firmware },
  { head: 'CONNECTORS', of: connectorsOf },
];

/** An open connection, as the API lists it. */
type Session = Pick<Station, 'protocol'> & Required<Station>['connection'] & { readonly station: string };

const sessionColumns = (now: number): readonly Column<Session>[] => [
  { head: 'STATION', of: ({ station }) => station },
  { head: 'PROTOCOL', of: ({ protocol }) => protocol },
  { head: 'SINCE', of: ({ since }) => age(since, now) },
  { head: 'ADDRESS', of: ({ remoteAddress }) => remoteAddress },
  { head: 'PROXY', of: ({ proxy }) => proxy },
];

type Connector = Station['connectors'][number];
const connectorColumns: readonly Column<Connector>[] = [
  { head: 'EVSE', of: ({ evse }) => evse?.toString() },
  { head: 'CONNECTOR', of: ({ connector }) => String(connector) },
  { head: 'STATUS', of: ({ status }) => status },
  { head: 'ERROR', of: ({ errorCode }) => errorCode },
  { head: 'AT', of: ({ at }) => at },
];

const placeOf = ({ evse, connector }: Pick<Transaction, 'evse' | 'connector'>) =>
  [evse, connector].filter((one) => one !== undefined).join('/');

const openColumns = (now: number): readonly Column<Transaction>[] => [
  { head: 'STATION', of: ({ station }) => station },
  { head: 'TRANSACTION', of: ({ transaction }) => transaction },
  { head: 'CONNECTOR', of: placeOf },
  { head: 'TOKEN', of: ({ token }) => token },
  { head: 'AUTHORIZATION', of: ({ authorization }) => authorization },
  { head: 'STARTED', of: ({ startedAt }) => age(startedAt, now) },
  { head: 'ENERGY', right: true, of: ({ energy: wh }) => energy(wh) },
  { head: 'STATE', of: ({ chargingState }) => chargingState },
  { head: 'HEARD', of: ({ heardAt }) => age(heardAt, now) },
];

const billColumns = (now: number): readonly Column<Bill>[] => [
  { head: 'STATION', of: ({ station }) => station },
  { head: 'TRANSACTION', of: ({ transaction }) => transaction },
  { head: 'TOKEN', of: ({ token }) => token },
  { head: 'AUTHORIZATION', of: ({ authorization }) => authorization },
  { head: 'STARTED', of: ({ startedAt }) => age(startedAt, now) },
  { head: 'STOPPED', of: ({ stoppedAt }) => age(stoppedAt, now) },
  { head: 'ENERGY', right: true, of: ({ energy: wh }) => energy(wh) },
  { head: 'KIND', of: ({ kind }) => kind },
  { head: 'REASON', of: ({ reason }) => reason },
];

interface AuditLine {
  readonly at: string;
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly status?: number;
  readonly action?: string;
}

const auditColumns = (now: number): readonly Column<AuditLine>[] => [
  { head: 'AGO', of: ({ at }) => age(at, now) },
  { head: 'WHO', of: ({ who }) => who },
  { head: 'STATUS', of: ({ status }) => status?.toString() ?? 'begun' },
  { head: 'ACTION', of: ({ action }) => action },
  { head: 'REQUEST', of: ({ method, path }) => `${method} ${path}` },
];

export const READING: readonly Command[] = [
  {
    name: 'stations',
    group,
    args: [],
    options: [
      { name: 'connected', doc: 'only those that are connected' },
      { name: 'prefix', value: 'P', doc: 'only identities that begin with it' },
      { name: 'status', value: 'S', doc: 'only with a connector in this status, such as Faulted' },
      LIMIT,
    ],
    summary: 'List the stations that ever connected',
    scope: 'read',
    run(run) {
      const { options, terminal } = run;
      const connected = options.flag('connected') ? true : undefined;
      const query = { connected, prefix: options.text('prefix'), status: options.text('status') };
      const columns = stationColumns(terminal.now());
      return writeList(run, { path: '/v1/stations', query, columns, none: 'no stations' });
    },
  },
  {
    name: 'station',
    group,
    args: [{ name: 'STATION' }],
    options: [],
    summary: 'Show one station: its connection, last boot and connectors',
    scope: 'read',
    async run(run) {
      const station = await run.api.get<Station>(pathOf('stations', ...run.args));
      if (run.isJson) return writeJson(run, station);
      const { connectors, reported, ...others } = station;
      const shown = { ...others, ...(Object.keys(reported).length > 0 && { reported }) };
      for (const line of details(shown)) run.terminal.write(line);
      if (connectors.length > 0) run.terminal.write('');
      if (connectors.length > 0)
        table(connectorColumns, connectors).forEach((line) => run.terminal.write(line));
    },
  },
  {
    name: 'sessions',
    group,
    args: [],
    options: [LIMIT],
    summary: 'List the open connections of stations',
    scope: 'read',
    run: (run) =>
      writeList(run, {
        path: '/v1/sessions',
        columns: sessionColumns(run.terminal.now()),
        none: 'no station is connected',
      }),
  },
  {
    name: 'transactions',
    group,
    args: [],
    options: [
      { name: 'closed', doc: 'the bills of closed ones, the newest first, instead of open transactions' },
      STATION_FILTER,
      { name: 'token', value: 'T', doc: 'only of this token (RFID card or account)' },
      LIMIT,
    ],
    summary: 'List open transactions, the longest running first',
    scope: 'read',
    run(run) {
      const { options, terminal } = run;
      const filter = { station: options.text('station'), token: options.text('token') };
      const now = terminal.now();
      const path = '/v1/transactions';
      const none = 'no transactions';
      return options.flag('closed')
        ? writeList(run, { path, query: { state: 'closed', ...filter }, columns: billColumns(now), none })
        : writeList(run, { path, query: { state: 'open', ...filter }, columns: openColumns(now), none });
    },
  },
  {
    name: 'transaction',
    group,
    args: [{ name: 'STATION' }, { name: 'TRANSACTION' }],
    options: [],
    summary: 'Show an open transaction, or the bill of a closed one',
    scope: 'read',
    async run(run) {
      const [station = '', transaction = ''] = run.args;
      writeObject(run, await run.api.get(pathOf('stations', station, 'transactions', transaction)));
    },
  },
  {
    name: 'audit',
    group: 'Access',
    args: [],
    options: [LIMIT],
    summary: 'List commands and changes through the API, the newest first',
    scope: 'admin',
    run: (run) =>
      writeList(run, { path: '/v1/audit', columns: auditColumns(run.terminal.now()), none: 'no entries' }),
  },
];
