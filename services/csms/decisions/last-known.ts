/**
 * Last known answers, for the fallback LastKnown: the HASH `last-decisions`, and the sorted set `last-decision-times`, by which the oldest
 * are removed. Tokens are in it as digests. They are written with the outcome of the message that got the answer.
 */
import type { StateReader, StateWrite } from '../../transport/stored-state.ts';
import { digest } from '../facts.ts';
import type { AnswerOf, Asked, DecisionAction, DecisionContext } from './decision-provider.ts';
import { readAnswer } from './answer-shapes.ts';

const ANSWERS = 'last-decisions';
const TIMES = 'last-decision-times';
/** An answer counts for so long; ms. */
const KEPT_MS = 7 * 86_400_000;
/** Answers that are kept. */
const MOST = 100_000;
/** Old answers that one outcome removes: more than it adds, so that their number falls. */
const REMOVED = 4;

/** Answers that are true elsewhere and later, too. */
const LASTING: ReadonlySet<string> = new Set([
  'Accepted',
  'Blocked',
  'Expired',
  'Invalid',
  'NoCredit',
  'Unknown',
  'Pending',
  'Rejected',
]);

/** Where the answer is kept; undefined: none is. Authorize and the start of a transaction share that of their token. */
export function lastKnownField(
  { action, token }: Pick<Asked<DecisionAction>, 'action' | 'token'>,
  stationId: string,
): string | undefined {
  if (action === 'DataTransfer') return undefined;
  if (action === 'BootNotification') return `boot:${digest(stationId)}`;
  if (token === undefined) return undefined;
  return tokenField(token);
}

/** IdTokenEnumType of 2.0.1 and its additions in 2.1; '' in 1.6. */
const TOKEN_TYPES = [
  '',
  'Central',
  'DirectPayment',
  'eMAID',
  'EVCCID',
  'ISO14443',
  'ISO15693',
  'KeyCode',
  'Local',
  'MacAddress',
  'VIN',
];

/** Removes what is known of a token, of each of these types. */
export function forgetToken(text: string): StateWrite[] {
  return forget(TOKEN_TYPES.map((type) => tokenField({ text, type })));
}

type Token = NonNullable<Asked<DecisionAction>['token']>;

const tokenField = (token: Token): string => `token:${digest(foldedToken(token))}`;

/** A token and its type without the difference of case in ASCII: that of other letters would make one of different tokens. */
export const foldedToken = ({ text, type = '' }: Token): readonly string[] =>
  [text, type].map((one) => one.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()));

/**
 * @param answer undefined: the decider took the proposed one, so the lists are what counts
 * @param toForget fields of old answers
 */
export function rememberAnswer(
  field: string,
  answer: AnswerOf[DecisionAction] | undefined,
  now: number,
  toForget: readonly string[],
): StateWrite[] {
  const forgotten = toForget.filter((one) => one !== field);
  if (answer === undefined) return forget([...forgotten, field]);
  if (!LASTING.has(answer.status)) return forget(forgotten);
  return [
    ...forget(forgotten),
    { kind: 'set', key: ANSWERS, fields: { [field]: JSON.stringify({ at: now, answer }) } },
    { kind: 'add', key: TIMES, member: field, score: now },
  ];
}

function forget(fields: readonly string[]): StateWrite[] {
  if (fields.length === 0) return [];
  return [
    { kind: 'unset', key: ANSWERS, names: fields },
    ...fields.map((member): StateWrite => ({ kind: 'remove', key: TIMES, member })),
  ];
}

/** Undefined: none is known, or it is too old. */
export async function lastKnown<A extends DecisionAction>(
  action: A,
  field: string,
  { protocol, state, now }: Pick<DecisionContext, 'protocol' | 'state' | 'now'>,
): Promise<AnswerOf[A] | undefined> {
  const text = await state.field(ANSWERS, field);
  const { at, answer } = parsed(text);
  if (typeof at !== 'number' || at <= now.getTime() - KEPT_MS) return undefined;
  const read = readAnswer(action, protocol, answer);
  return typeof read === 'string' ? undefined : read.answer;
}

function parsed(text: string | undefined): { readonly at?: unknown; readonly answer?: unknown } {
  try {
    return (JSON.parse(text ?? '{}') ?? {}) as object;
  } catch {
    return {};
  }
}

/** Fields of answers that are too old, or too many. */
export async function decisionsToForget(
  state: Pick<StateReader, 'members' | 'size'>,
  now: number,
): Promise<readonly string[]> {
  const [size, oldest] = await Promise.all([
    state.size(TIMES),
    state.members(TIMES, Number.MAX_SAFE_INTEGER, REMOVED),
  ]);
  return oldest
    .filter(({ score }, index) => score <= now - KEPT_MS || size + 1 - index > MOST)
    .map(({ member }) => member);
}
