/** Commands for webhooks that get events (docs/event-webhooks.md). */
import { pathOf } from '../api-client.ts';
import type { Command, Run } from '../command.ts';
import { failure } from '../exit.ts';
import { LIMIT } from '../options.ts';
import { writeList, writeObject, writeRows } from '../output.ts';
import { age, type Column, printable } from '../table.ts';

const group = 'Webhooks';
const NAME = { name: 'NAME' };
const ID = { name: 'ID' };

interface Webhook {
  readonly name: string;
  readonly state: string;
  readonly lagSeconds: number;
  readonly parked: number;
  readonly deadLetters: number;
  readonly gaps: number;
  readonly deliveredAt?: string;
  readonly lastError?: string;
}

interface Letter {
  readonly id: string;
  readonly at: string;
  readonly reason: string;
  readonly attempts: number;
  readonly event: { readonly type: string; readonly subject?: string };
}

interface Tested {
  readonly delivered: boolean;
  readonly milliseconds: number;
  readonly error?: string;
}

const columns = (now: number): readonly Column<Webhook>[] => [
  { head: 'NAME', of: ({ name }) => name },
  { head: 'STATE', of: ({ state }) => state },
  { head: 'LAG', right: true, of: ({ lagSeconds }) => `${lagSeconds}s` },
  { head: 'PARKED', right: true, of: ({ parked }) => String(parked) },
  { head: 'DEAD LETTERS', right: true, of: ({ deadLetters }) => String(deadLetters) },
  { head: 'GAPS', right: true, of: ({ gaps }) => String(gaps) },
  { head: 'DELIVERED', of: ({ deliveredAt }) => (deliveredAt === undefined ? '-' : age(deliveredAt, now)) },
  { head: 'LAST ERROR', of: ({ lastError }) => lastError },
];

const letterColumns = (now: number): readonly Column<Letter>[] => [
  { head: 'ID', of: ({ id }) => id },
  { head: 'AGE', of: ({ at }) => age(at, now) },
  { head: 'STATION', of: ({ event }) => event.subject },
  { head: 'TYPE', of: ({ event }) => event.type },
  { head: 'ATTEMPTS', right: true, of: ({ attempts }) => String(attempts) },
  { head: 'REASON', of: ({ reason }) => reason },
];

async function test(run: Run): Promise<void> {
  const [name = ''] = run.args;
  const tested = await run.api.send<Tested>('POST', pathOf('webhooks', name, 'test'));
  if (run.isJson) writeObject(run, tested);
  else if (tested.delivered)
    run.terminal.write(`${printable(name)} took the event in ${tested.milliseconds} ms`);
  if (!tested.delivered)
    throw failure(`${printable(name)} did not take the event: ${printable(tested.error ?? '')}`);
}

export const WEBHOOKS: readonly Command[] = [
  {
    name: 'webhooks list',
    group,
    args: [],
    options: [],
    summary: 'List webhooks that get events, and how far they are',
    scope: 'read',
    async run(run) {
      const { items } = await run.api.get<{ readonly items: readonly Webhook[] }>('/v1/webhooks');
      writeRows(run, items, columns(run.terminal.now()), 'no webhooks');
    },
  },
  {
    name: 'webhooks show',
    group,
    args: [NAME],
    options: [],
    summary: 'Show one',
    scope: 'read',
    run: async (run) => writeObject(run, await run.api.get<Webhook>(pathOf('webhooks', ...run.args))),
  },
  {
    name: 'webhooks test',
    group,
    args: [NAME],
    options: [],
    summary: 'Send an event of the type ocpp.test now',
    scope: 'admin',
    run: test,
  },
  {
    name: 'webhooks dead-letters',
    group,
    args: [NAME],
    options: [LIMIT],
    summary: 'List events that are not sent again by themselves, the oldest first',
    scope: 'read',
    run: (run) =>
      writeList(run, {
        path: pathOf('webhooks', ...run.args, 'dead-letters'),
        columns: letterColumns(run.terminal.now()),
        none: 'no dead letters',
      }),
  },
  {
    name: 'webhooks replay',
    group,
    args: [NAME, ID],
    options: [],
    summary: 'Send a dead letter now, and delete it if the endpoint takes it',
    scope: 'admin',
    async run(run) {
      const [name = '', id = ''] = run.args;
      await run.api.send('POST', pathOf('webhooks', name, 'dead-letters', id, 'replay'));
      if (!run.isJson) run.terminal.write(`${printable(id)} is delivered`);
    },
  },
  {
    name: 'webhooks drop',
    group,
    args: [NAME, ID],
    options: [],
    summary: 'Delete a dead letter',
    scope: 'admin',
    async run(run) {
      const [name = '', id = ''] = run.args;
      await run.api.send('DELETE', pathOf('webhooks', name, 'dead-letters', id));
      if (!run.isJson) run.terminal.write('deleted');
    },
  },
  {
    name: 'webhooks forget',
    group,
    args: [NAME],
    options: [],
    summary: 'Delete what is stored of a webhook that is no longer configured',
    scope: 'admin',
    async run(run) {
      await run.api.send('DELETE', pathOf('webhooks', ...run.args));
      if (!run.isJson) run.terminal.write('deleted');
    },
  },
];
