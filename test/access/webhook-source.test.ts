/** What the source webhook asks again, and what it remembers. */
import test from 'ava';
import type { SourceRequest } from '../../services/access/station-source.ts';
import { WebhookSource } from '../../services/access/webhook-source.ts';
import { BusyError } from '../../services/runtime/turns.ts';
import { type PostOptions, WebhookError } from '../../services/runtime/webhook.ts';

interface Question {
  readonly identity: string;
  readonly address: string;
  readonly password?: string;
}

/** Accepts the password "right". */
function scene(fail?: () => Error) {
  const asked: string[] = [];
  const post = async (body: object, { from = '' }: PostOptions = {}) => {
    if (fail !== undefined) throw fail();
    const { identity, address, password } = body as Question;
    asked.push(`${identity} ${address} for ${from}`);
    return { status: 200, body: { accept: password === 'right' } };
  };
  const source = new WebhookSource({
    webhook: { post },
    cacheMs: 60_000,
    clock: { now: () => 1e12 },
  });
  const find = (identity: string, password: string, address = '192.0.2.1') => {
    const credentials = { kind: 'password', password: Buffer.from(password) } as const;
    const presented = { identity, credentials, certificate: { kind: 'none' } } as const;
    return source.find({ presented, profile: 1, address } satisfies SourceRequest);
  };
  return { asked, find };
}

test('an answer counts for the address that it was given for', async (t) => {
  const { asked, find } = scene();
  t.deepEqual(await find('CP-1', 'right'), { kind: 'judged', accepted: true });
  await find('CP-1', 'right');
  t.deepEqual(asked, ['CP-1 192.0.2.1 for 192.0.2.1']);
  await find('CP-1', 'right', '2001:db8::1');
  t.deepEqual(asked.slice(1), ['CP-1 2001:db8::1 for 2001:db8:0:0::/64']);
});

test('refused guesses do not displace accepted stations', async (t) => {
  const { asked, find } = scene();
  await find('CP-1', 'right');
  for (let i = 0; i < 20_001; i++) await find('CP-1', `wrong ${i}`);
  const { length } = asked;
  await find('CP-1', 'right');
  t.is(asked.length, length);
});

test('too many questions at once are no failure of the webhook', async (t) => {
  const { find } = scene(() => new WebhookError('busy', 'too many'));
  await t.throwsAsync(find('CP-1', 'right'), { instanceOf: BusyError });
});
