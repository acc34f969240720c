/**
 * The JSON answers of a decider, checked. An answer that breaks its shape in any way is not used: a mistake in a decider must not let a
 * token charge for longer than it means. Problems name the place as a JSON pointer, and never the value.
 */
import type { Protocol } from '../../ocpp/frame.ts';
import { REGISTRATION_STATUSES } from '../../transport/transport.ts';
import { TOKEN_STATUSES } from '../tokens.ts';
import { type AnswerOf, DATA_STATUSES, type DecisionAction } from './decision-provider.ts';

/** A day; s. */
const LONGEST = 86_400;
/** Longest limit of a time in 2.1 (integer); s. */
const LONGEST_TRANSACTION = 2 ** 31 - 1;
/** MessageContentType.content of 2.0.1; identifierString of a group in 2.0.1. */
const [MESSAGE_LENGTH, PARENT_LENGTH] = [512, 36];

/** Later times have no form in OCPP (RFC 3339 has four digits for a year). */
const YEAR_10000 = Date.UTC(10_000, 0, 1);
/** Levels of the data of a DataTransfer. */
const DEEPEST = 100;

export interface ReadAnswer<A extends DecisionAction> {
  /** Undefined: the proposed one. */
  readonly answer: AnswerOf[A] | undefined;
  /** 0: the answer is for this question only. */
  readonly cacheSeconds: number;
}

type Fields = Readonly<Record<string, unknown>>;
/** Undefined for a valid value; otherwise what it must be. */
type Rule = (value: unknown, protocol: Protocol) => string | undefined;

const oneOf =
  (values: readonly string[]): Rule =>
  (value) =>
    values.some((one) => one === value) ? undefined : `must be one of ${values.join(', ')}`;
const text =
  (longest: number): Rule =>
  (value) =>
    typeof value === 'string' && value !== '' && value.length <= longest
      ? undefined
      : `must be a text of 1 to ${longest} characters`;
const whole =
  (least: number, most: number): Rule =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`;
const energy: Rule = (value) =>
  typeof value === 'number' && value > 0 && Number.isFinite(value)
    ? undefined
    : 'must be a number of Wh above 0';
const time: Rule = (value) =>
  typeof value === 'string' &&
  /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(value) &&
  Date.parse(value) < YEAR_10000
    ? undefined
    : 'must be a time such as 2027-01-01T00:00:00Z';
const data: Rule = (value, protocol) => {
  if (protocol === 'ocpp1.6' && typeof value !== 'string') return 'must be a text, as the station is of 1.6';
  return isDeeper(value, DEEPEST) ? `must not nest deeper than ${DEEPEST} levels` : undefined;
};

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}

const TOKEN = {
  status: oneOf(TOKEN_STATUSES),
  expiry: time,
  parent: text(PARENT_LENGTH),
  personalMessage: text(MESSAGE_LENGTH),
  maxEnergyWh: energy,
  maxDurationSeconds: whole(1, LONGEST_TRANSACTION),
  cacheSeconds: whole(0, LONGEST),
};
const SHAPES: Readonly<Record<DecisionAction, Readonly<Record<string, Rule>>>> = {
  Authorize: TOKEN,
  StartTransaction: TOKEN,
  BootNotification: {
    status: oneOf(REGISTRATION_STATUSES),
    intervalSeconds: whole(1, LONGEST),
    cacheSeconds: whole(0, LONGEST),
  },
  // Never cached: the next message of the same vendor is another one.
  DataTransfer: { status: oneOf(DATA_STATUSES), data },
};

/**
 * Reads an answer, or returns what is wrong with it, such as `/status is missing`.
 * @param body the JSON; undefined and `{}` for the proposed answer
 */
export function readAnswer<A extends DecisionAction>(
  action: A,
  protocol: Protocol,
  body: unknown,
): ReadAnswer<A> | string {
  if (body === undefined) return { answer: undefined, cacheSeconds: 0 };
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'the answer is no JSON object';
  const { cacheSeconds = 0, ...answer } = body as Fields;
  const problem = problemOf(SHAPES[action], body as Fields, protocol);
  if (problem !== undefined) return problem;
  const names = Object.keys(answer);
  if (names.length > 0 && answer['status'] === undefined) return '/status is missing';
  // The rules have proved it.
  const read = names.length === 0 ? undefined : (answer as unknown as AnswerOf[A]);
  return { answer: read, cacheSeconds: cacheSeconds as number };
}

function problemOf(shape: (typeof SHAPES)[DecisionAction], body: Fields, protocol: Protocol) {
  for (const [name, value] of Object.entries(body)) {
    // A name is a text of the decider, which may be long.
    const pointer = `/${name.slice(0, 40)}`;
    if (!Object.hasOwn(shape, name)) return `${pointer} is unknown: use ${Object.keys(shape).join(', ')}`;
    const problem = shape[name]?.(value, protocol);
    if (problem !== undefined) return `${pointer} ${problem}`;
  }
  return undefined;
}

/**
 * The answer of a fallback. What the lists say about a token is kept where it says the same, as it says more. To accept means to accept
 * tokens that are not listed: one that is listed as blocked may be stolen.
 */
export function fixedAnswer<A extends DecisionAction>(
  action: A,
  accept: boolean,
  proposed: AnswerOf[A],
): AnswerOf[A] {
  const ofToken = action === 'Authorize' || action === 'StartTransaction';
  const isKept = accept ? proposed.status !== 'Unknown' : proposed.status !== 'Accepted';
  if (ofToken && isKept) return proposed;
  const status = accept ? 'Accepted' : ofToken ? 'Invalid' : 'Rejected';
  // Each shape has these words.
  return { status } as AnswerOf[A];
}
