/**
 * What OCPP-J says about a text of a station: whether it is answered, under which id, and with which codes. Written from the
 * specification (1.6 §4, 2.x Part 4 §4), not from the product. Where a tolerant CSMS may understand a broken message, the
 * oracle permits an answer and requires none.
 */
import type { Protocol } from '../../services/ocpp/frame.ts';

export interface ExpectedAnswer {
  readonly isRequired: boolean;
  /** Of the answer; undefined: any id that occurs in the text, or "-1". */
  readonly id?: unknown;
  /** Correct codes; undefined: a CALLRESULT, or any code of the version. */
  readonly codes?: readonly string[];
}

const COMMON = ['NotImplemented', 'NotSupported', 'ProtocolError', 'SecurityError', 'GenericError'];
const SHARED = [...COMMON, 'PropertyConstraintViolation', 'TypeConstraintViolation'];
/** InternalError is missing on purpose: no text may make a handler fail. */
const CODES: Readonly<Record<Protocol, readonly string[]>> = {
  'ocpp1.6': [...SHARED, 'FormationViolation', 'OccurenceConstraintViolation'],
  'ocpp2.0.1': [
    ...SHARED,
    'FormatViolation',
    'OccurrenceConstraintViolation',
    'RpcFrameworkError',
    'MessageTypeNotSupported',
  ],
  get 'ocpp2.1'() {
    return this['ocpp2.0.1'];
  },
};

const NO_RPC: readonly string[] = ['RpcFrameworkError', 'FormatViolation'];
const UNKNOWN_ID = '-1';

/** undefined: no answer may be sent. */
export function expectedAnswer(
  text: string,
  protocol: Protocol,
  tolerant: boolean,
): ExpectedAnswer | undefined {
  const value = parsed(text);
  const strict = strictAnswer(value, protocol);
  if (!tolerant) return strict;
  const isCall = Array.isArray(value) && strict?.isRequired === true && strict.codes === undefined;
  if (isCall) return strict;
  if (!Array.isArray(value)) return { isRequired: false };
  const [type, id] = value as readonly unknown[];
  const number = typeof type === 'string' && /^\d$/.test(type) ? Number(type) : type;
  if (typeof number === 'number' && isNeverAnswered(number, protocol)) return undefined;
  return { isRequired: false, ...(id !== undefined && { id }) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Responses and SENDs never; 1.6 ignores types that it does not know (§4.1.3). */
function isNeverAnswered(type: number, protocol: Protocol): boolean {
  return (type >= 3 && type <= 6) || (protocol === 'ocpp1.6' && type !== 2);
}

function strictAnswer(value: unknown, protocol: Protocol): ExpectedAnswer | undefined {
  const is16 = protocol === 'ocpp1.6';
  const unreadable = is16 ? undefined : { isRequired: true, id: UNKNOWN_ID, codes: NO_RPC };
  if (!Array.isArray(value)) return unreadable;
  const [type, id, action, payload] = value as readonly unknown[];
  if (typeof type !== 'number') return unreadable;
  if (isNeverAnswered(type, protocol)) return undefined;
  if (typeof id !== 'string' || id === '' || id.length > 36) return unreadable;
  if (type !== 2) return { isRequired: true, id, codes: ['MessageTypeNotSupported'] };
  const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
  if (value.length === 4 && typeof action === 'string' && action !== '' && isObject)
    return { isRequired: true, id };
  return { isRequired: true, id, codes: is16 ? ['FormationViolation'] : NO_RPC };
}

/** What is wrong with an answer in itself; undefined: nothing. */
export function faultOfAnswer(text: string, protocol: Protocol): string | undefined {
  const value = parsed(text);
  if (!Array.isArray(value)) return 'an answer is no JSON array';
  const [type, id, code, description, details] = value as readonly unknown[];
  const isObject = (one: unknown) => typeof one === 'object' && one !== null && !Array.isArray(one);
  if (id === undefined) return 'an answer has no id';
  if (type === 3)
    return value.length === 3 && isObject(value[2]) ? undefined : 'a CALLRESULT of a wrong shape';
  if (type !== 4) return `a message of type ${String(type)}`;
  if (value.length !== 5 || !isObject(details)) return 'a CALLERROR of a wrong shape';
  if (typeof description !== 'string' || description.length > 255)
    return 'a description that is too long or no text';
  return CODES[protocol].includes(code as string) ? undefined : `the code ${String(code)} in ${protocol}`;
}

/** Whether this answer, which is right in itself, is one to this text. */
export function answers(answer: string, expected: ExpectedAnswer, text: string, protocol: Protocol): boolean {
  const [type, id, code] = JSON.parse(answer) as readonly unknown[];
  const isCodeRight = expected.codes === undefined || (type === 4 && expected.codes.includes(code as string));
  if (!isCodeRight) return false;
  if (protocol !== 'ocpp1.6' && id === UNKNOWN_ID && !expected.isRequired) return true;
  if (expected.id !== undefined)
    return Object.is(id, expected.id) || (!expected.isRequired && sameJson(id, expected.id));
  return sloppy(text).includes(sloppy(typeof id === 'string' ? id : JSON.stringify(id)));
}

const sameJson = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Without what a repair of the text changes. */
function sloppy(text: string): string {
  const plain = text.replace(/\\u([0-9a-f]{4})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return plain.replace(/["'\\\s\0\uFEFF]|\p{Cc}/gu, '');
}
