/** Commands for the register of stations (who may connect) and for registrations (what a station gets at its boot). */
import type { RegisterChanges, RegisteredStation } from '../../client/cluster-client.ts';
import { pathOf } from '../api-client.ts';
import { type CommandView, problemOf } from '../command-outcome.ts';
import type { Command, Run } from '../command.ts';
import { failure, usageError } from '../exit.ts';
import { LIMIT } from '../options.ts';
import { writeJson, writeList, writeObject } from '../output.ts';
import { ApiError } from '../problem.ts';
import { type Column, printable } from '../table.ts';

const group = 'Who may connect';
const STATION = { name: 'STATION' };
/** The station has its time-out to answer; ms. */
const CHANGE_PATIENCE = 90_000;

const columns: readonly Column<RegisteredStation>[] = [
  { head: 'STATION', of: ({ station }) => station },
  { head: 'BLOCKED', of: ({ blocked }) => (blocked === true ? 'BLOCKED' : undefined) },
  { head: 'PROFILE', of: ({ profile }) => profile?.toString() },
  {
    head: 'PASSWORD',
    of: ({ hasPassword, hasNextPassword }) => (hasNextPassword ? 'changing' : hasPassword ? 'yes' : 'no'),
  },
  { head: 'CERTIFICATE', of: ({ certificateSerial }) => certificateSerial },
  { head: 'VENDOR', of: ({ vendor }) => vendor },
  {
    head: 'LABELS',
    of: ({ labels = {} }) =>
      Object.entries(labels)
        .map((one) => one.join('='))
        .join(','),
  },
  { head: 'PROBLEM', of: ({ problem }) => problem },
];

/** An empty value removes the field. @throws ExitError */
async function changesOf({ options, api, args }: Run): Promise<RegisterChanges> {
  const [profile, serial, vendor] = ['profile', 'serial', 'vendor'].map(options.text);
  const [block, unblock] = ['block', 'unblock'].map(options.flag);
  if (block === true && unblock === true)
    throw usageError('--block and --unblock contradict each other', 'register set');
  const pairs = options.texts('label').map((text) => {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === '') throw usageError(`--label ${text} must be KEY=VALUE`, 'register set');
    return [name, value] as const;
  });
  const changes: RegisterChanges = {
    ...(profile !== undefined && { profile: profile === '' ? null : (Number(profile) as 0 | 1 | 2 | 3) }),
    ...(serial !== undefined && { certificateSerial: serial === '' ? null : serial.replaceAll(/[: ]/g, '') }),
    ...(vendor !== undefined && { vendor: vendor === '' ? null : vendor }),
    ...(block === true && { blocked: true }),
    ...(unblock === true && { blocked: null }),
  };
  if (pairs.length === 0) return changes;
  // The API replaces all labels at once.
  const stored = await api.get<RegisteredStation>(pathOf('register', ...args)).catch((error: unknown) => {
    if (error instanceof ApiError && error.problem.code === 'no-such-entry') return undefined;
    throw error;
  });
  const labels = { ...stored?.labels, ...Object.fromEntries(pairs) };
  return {
    ...changes,
    labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== '')),
  };
}

const RESULTS: Readonly<Record<string, string>> = {
  applied: 'has the new password; the former one is accepted until it uses the new one',
  refused: 'keeps its password',
  uncertain: 'may have the new password: both are accepted until it uses the new one',
};

async function changePassword(run: Run): Promise<void> {
  const [station = ''] = run.args;
  const body = { replacePending: run.options.flag('replace-pending') };
  const path = pathOf('register', station, 'change-password');
  const change = await run.api.send<{ result: string; command: CommandView }>('POST', path, body, {
    patienceMs: CHANGE_PATIENCE,
  });
  const { result, command } = change;
  if (run.isJson) writeJson(run, change);
  const why = problemOf(command);
  const text = `${printable(station)} ${RESULTS[result] ?? result}${why === undefined ? '' : ` (it ${why})`}`;
  if (result === 'refused') throw failure(text);
  if (!run.isJson) run.terminal.write(text);
}

const done = (text: string, send: (run: Run) => Promise<unknown>) => async (run: Run) => {
  await send(run);
  if (!run.isJson) run.terminal.write(`${printable(run.args[0] ?? '')} ${text}`);
};

export const REGISTER: readonly Command[] = [
  {
    name: 'register list',
    group,
    args: [],
    options: [LIMIT],
    summary: 'List the register of stations',
    scope: 'read',
    run: (run) => writeList(run, { path: '/v1/register', columns, none: 'the register is empty' }),
  },
  {
    name: 'register show',
    group,
    args: [STATION],
    options: [],
    summary: 'Show the entry of one station; passwords are never shown',
    scope: 'read',
    run: async (run) =>
      writeObject(run, await run.api.get<RegisteredStation>(pathOf('register', ...run.args))),
  },
  {
    name: 'register set',
    group,
    args: [STATION],
    options: [
      { name: 'profile', value: 'P', oneOf: ['0', '1', '2', '3', ''], doc: 'least security profile' },
      { name: 'serial', value: 'HEX', doc: 'serial number of its certificate' },
      { name: 'vendor', value: 'V', doc: 'its vendor' },
      { name: 'label', value: 'KEY=VALUE', multiple: true, doc: 'a label; may be repeated' },
      { name: 'block', doc: 'refuse its connections' },
      { name: 'unblock', doc: 'accept them again' },
    ],
    summary: 'Add a station, or change its entry; an empty value removes a field',
    scope: 'admin',
    async run(run) {
      const path = pathOf('register', ...run.args);
      writeObject(run, await run.api.send<RegisteredStation>('PATCH', path, await changesOf(run)));
    },
  },
  {
    name: 'register remove',
    group,
    args: [STATION],
    options: [],
    summary: 'Remove a station; a connection of it is closed within ten seconds',
    scope: 'admin',
    run: done('is removed', ({ api, args }) => api.send('DELETE', pathOf('register', ...args))),
  },
  {
    name: 'register new-password',
    group,
    args: [STATION],
    options: [],
    summary: 'Store a new random password and print it, once; the station does not get it',
    scope: 'admin',
    async run(run) {
      const made = await run.api.send<{ password: string }>(
        'POST',
        pathOf('register', ...run.args, 'password'),
      );
      if (run.isJson) writeJson(run, made);
      else run.terminal.write(printable(made.password));
    },
  },
  {
    name: 'register change-password',
    group,
    args: [STATION],
    options: [{ name: 'replace-pending', doc: 'also while an earlier new password is not used yet' }],
    summary: 'Send a random password to a connected station by OCPP; only the station learns it',
    scope: 'admin',
    run: changePassword,
  },
  {
    name: 'register reset-profile',
    group,
    args: [STATION],
    options: [],
    summary: 'Forget the highest security profile that the station has used',
    scope: 'admin',
    run: done('may connect with any security profile that its entry permits', ({ api, args }) =>
      api.send('POST', pathOf('register', ...args, 'reset-profile')),
    ),
  },
  {
    name: 'registrations list',
    group,
    args: [],
    options: [LIMIT],
    summary: 'List stations whose boot is not accepted',
    scope: 'read',
    run: (run) =>
      writeList<{ station: string; status: string }>(run, {
        path: '/v1/registrations',
        columns: [
          { head: 'STATION', of: ({ station }) => station },
          { head: 'STATUS', of: ({ status }) => status },
        ],
        none: 'every station is accepted',
      }),
  },
  {
    name: 'registrations set',
    group,
    args: [STATION, { name: 'STATUS', oneOf: ['Pending', 'Rejected'] }],
    options: [],
    summary: 'Answer its next boot with Pending or Rejected',
    scope: 'admin',
    run: done('gets this status at its next boot', ({ api, args: [station = '', status] }) =>
      api.send('PUT', pathOf('registrations', station), { status }),
    ),
  },
  {
    name: 'registrations remove',
    group,
    args: [STATION],
    options: [],
    summary: 'Accept the station at its next boot',
    scope: 'admin',
    run: done('is accepted at its next boot', ({ api, args }) =>
      api.send('DELETE', pathOf('registrations', ...args)),
    ),
  },
];
