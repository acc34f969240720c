/** The commands that set passwords in the register: what an operator sets is the only password that counts. */
import test from 'ava';
import { PasswordHasher } from '../../../services/access/password-hash.ts';
import type { StationEntry } from '../../../services/access/station-entry.ts';
import { type CommandPorts, runCommand } from '../../../services/stations/commands.ts';
import { readCommand } from '../../../services/stations/usage.ts';
import { MemoryState } from '../../../services/transport/memory/state.ts';

const hasher = new PasswordHasher(Buffer.from('a key of the stored passwords'));
const PASSWORD = 'password-of-CP-1';

async function run(args: readonly string[], entry: StationEntry, lines: readonly string[] = []) {
  const state = new MemoryState({ now: () => 0 });
  state.apply({ kind: 'set', key: 'stations', fields: { 'CP-1': JSON.stringify(entry) } });
  const rules: object[] = [];
  const ports: CommandPorts = {
    state: {
      field: (key, field) => state.field(key, field),
      amend: (amendment) => state.amend(amendment),
      async *scan() {},
    },
    async changePassword(_identity, given) {
      rules.push(given);
      return {
        result: 'applied',
        outcome: { kind: 'answered', answer: { kind: 'result', payload: {} } },
      };
    },
    hasher: async () => hasher,
    async *input() {
      yield* lines;
    },
    write: () => undefined,
  };
  await runCommand(readCommand(args), ports);
  return { rules, entry: JSON.parse((await state.field('stations', 'CP-1')) ?? '') as StationEntry };
}

const BEFORE: StationEntry = {
  password: hasher.hash('CP-1', 'former'),
  nextPassword: hasher.hash('CP-1', 'pending'),
  vendor: 'ACME',
};
const AFTER = { password: hasher.hash('CP-1', PASSWORD), vendor: 'ACME' };

test('a password that an operator sets ends one that is on its way to the station', async (t) => {
  t.deepEqual((await run(['set', 'CP-1', '--password-stdin'], BEFORE, [PASSWORD])).entry, AFTER);
  t.deepEqual((await run(['import'], BEFORE, [`CP-1 ${PASSWORD}`])).entry, AFTER);
});

test('what sets no password leaves both', async (t) => {
  t.deepEqual((await run(['set', 'CP-1', '--profile', '2'], BEFORE)).entry, { ...BEFORE, profile: 2 });
  t.deepEqual((await run(['import'], BEFORE, ['CP-1'])).entry, BEFORE);
});

for (const length of [15, 65]) {
  test(`a password of ${length} characters is refused: no version has it`, async (t) => {
    const message = new RegExp(`16 to 64 characters, this one has ${length}`);
    const password = 'p'.repeat(length);
    await t.throwsAsync(run(['set', 'CP-1', '--password-stdin'], BEFORE, [password]), { message });
    await t.throwsAsync(run(['import'], BEFORE, [`CP-1 ${password}`]), { message });
  });
}

test('a pending password is replaced by another one only where the operator says so', async (t) => {
  t.deepEqual((await run(['change-password', 'CP-1'], BEFORE)).rules, [{ replacePending: false }]);
  const args = ['change-password', 'CP-1', '--replace-pending'];
  t.deepEqual((await run(args, BEFORE)).rules, [{ replacePending: true }]);
  t.throws(() => readCommand(['set', 'CP-1', '--replace-pending']), { message: /unknown option/ });
});
