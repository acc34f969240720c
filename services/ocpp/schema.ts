/**
 * Whether a payload is what its action wants, by the official JSON schemas that typed-ocpp carries.
 *
 * One ajv root per version, because the definitions of a version are shared between its actions; an
 * action is compiled when it is first seen (some ms), the hot ones by warmUp before a program says that
 * it is ready. Payloads are never changed: unknown properties are refused, not deleted. Only transaction
 * messages may have properties of their vendor's own: an error uses up their station's attempts to send
 * them and can destroy billing data (1.6 §3.7.1), and what else they say is all there.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats/dist/formats.js';
// Not typed-ocpp's main entry: it costs seconds of CPU at start. "20" is OCPP 2.0.1.
import * as schemas16 from 'typed-ocpp/dist/ocpp16/schemas.js';
import * as schemas201 from 'typed-ocpp/dist/ocpp20/schemas.js';
import * as schemas21 from 'typed-ocpp/dist/ocpp21/schemas.js';
import { type ErrorCode, errorCode, type ErrorReason } from './errors.ts';
import type { Protocol } from './frame.ts';

/** Why a payload is not valid: the first fault that was found. */
export interface SchemaFault {
  /** Of JSON schema: what kind of rule was broken. */
  readonly keyword: string;
  readonly reason: ErrorReason;
  /** The reason as the version spells it. */
  readonly code: ErrorCode;
  /** JSON pointer to the field, such as `/meterValue/0/timestamp`. */
  readonly path: string;
  /** A sentence with the path in it, fit for the description of a CALLERROR. */
  readonly description: string;
}

/** The schema of a request or response, with the definitions of its whole version. */
interface Schema {
  readonly definitions?: Readonly<Record<string, unknown>>;
}

const SCHEMAS: Readonly<Record<Protocol, Readonly<Record<string, Schema>>>> = {
  'ocpp1.6': schemas16,
  'ocpp2.0.1': schemas201,
  'ocpp2.1': schemas21,
};

/** Action → name of its schema. The one SEND of 2.1, NotifyPeriodicEventStream, has no response and so no "Request" in its name. */
const REQUEST_NAMES: Readonly<Record<Protocol, ReadonlyMap<string, string>>> = {
  'ocpp1.6': requestNames('ocpp1.6'),
  'ocpp2.0.1': requestNames('ocpp2.0.1'),
  'ocpp2.1': requestNames('ocpp2.1'),
};

function requestNames(protocol: Protocol): Map<string, string> {
  const names = Object.keys(SCHEMAS[protocol]).filter((name) => !name.endsWith('Response'));
  return new Map(names.map((name) => [name.replace(/Request$/, ''), name]));
}

/** What warmUp compiles: the messages that stations send all day. Not every version has all of them. */
const HOT_ACTIONS = [
  'Authorize',
  'BootNotification',
  'DataTransfer',
  'Heartbeat',
  'MeterValues',
  'NotifyEvent',
  'NotifyReport',
  'StartTransaction',
  'StatusNotification',
  'StopTransaction',
  'TransactionEvent',
];

/** What billing depends on. A station gives up such a message after some CALLERRORs (TransactionMessageAttempts). */
export const TRANSACTION_MESSAGES: ReadonlySet<string> = new Set([
  'StartTransaction',
  'StopTransaction',
  'MeterValues',
  'TransactionEvent',
]);

const REASONS: Readonly<Record<string, ErrorReason>> = {
  type: 'TypeConstraintViolation',
  required: 'OccurrenceConstraintViolation',
  minItems: 'OccurrenceConstraintViolation',
  maxItems: 'OccurrenceConstraintViolation',
  additionalProperties: 'FormatViolation',
  format: 'FormatViolation',
  enum: 'PropertyConstraintViolation',
  maxLength: 'PropertyConstraintViolation',
  minimum: 'PropertyConstraintViolation',
  maximum: 'PropertyConstraintViolation',
  multipleOf: 'PropertyConstraintViolation',
};

/** Checks the payload of a CALL or SEND. An action that the version does not have is not for this function. */
export function validateRequest(
  protocol: Protocol,
  action: string,
  payload: unknown,
): SchemaFault | undefined {
  return check(protocol, requestName(protocol, action), payload);
}

/** Checks the payload of a CALLRESULT to a CALL of this action. */
export function validateResponse(
  protocol: Protocol,
  action: string,
  payload: unknown,
): SchemaFault | undefined {
  return check(protocol, `${action}Response`, payload);
}

/** All faults of a transaction message, where validateRequest tells the first. Dearer: for messages that have one. */
export function everyFault(protocol: Protocol, action: string, payload: unknown): SchemaFault[] {
  const validate = validator(protocol, `${action}Request`, 'every');
  return validate(payload) ? [] : (validate.errors ?? []).map((error) => faultOf(protocol, error));
}

/** Whether the version has this action, in whichever direction. */
export function knowsAction(protocol: Protocol, action: string): boolean {
  return REQUEST_NAMES[protocol].has(action);
}

/** Whether the action of this version is answered: it is a CALL, not a SEND (2.1). */
export function isAnswered(protocol: Protocol, action: string): boolean {
  return Object.hasOwn(SCHEMAS[protocol], `${action}Response`);
}

/** Compiles what stations send all day, so that nobody's first message waits for it. Takes some 100 ms. */
export function warmUp(protocols: readonly Protocol[]): void {
  for (const protocol of protocols) {
    for (const action of HOT_ACTIONS) {
      if (knowsAction(protocol, action)) validator(protocol, requestName(protocol, action));
    }
  }
}

function requestName(protocol: Protocol, action: string): string {
  return REQUEST_NAMES[protocol].get(action) ?? `${action}Request`;
}

function check(protocol: Protocol, name: string, payload: unknown): SchemaFault | undefined {
  const validate = validator(protocol, name);
  if (validate(payload)) return undefined;
  const [error] = validate.errors ?? [];
  if (error === undefined) throw new Error(`ajv refused a ${name} of ${protocol} without saying why`);
  return faultOf(protocol, error);
}

function faultOf(protocol: Protocol, error: ErrorObject): SchemaFault {
  const { keyword, instancePath, params, message = 'is not valid' } = error;
  const reason = REASONS[keyword] ?? 'FormatViolation';
  const missing = keyword === 'required' ? `/${String(params['missingProperty'])}` : '';
  const surplus = keyword === 'additionalProperties' ? `/${String(params['additionalProperty'])}` : '';
  const path = `${instancePath}${missing}${surplus}`;
  const what = missing === '' ? (surplus === '' ? message : 'is not known') : 'is missing';
  return {
    keyword,
    reason,
    code: errorCode(protocol, reason),
    path,
    description: `${path || 'the payload'} ${what}`,
  };
}

interface Compiled {
  readonly ajv: Ajv;
  readonly validators: Map<string, ValidateFunction>;
}
/** Each version strict, and with its transaction messages only: tolerant, and tolerant telling every fault. */
type Mode = 'strict' | 'tolerant' | 'every';
const compiled = {
  strict: new Map<Protocol, Compiled>(),
  tolerant: new Map<Protocol, Compiled>(),
  every: new Map<Protocol, Compiled>(),
} satisfies Record<Mode, unknown>;

/** @throws Error for a name that the version does not have: its caller asks knowsAction first */
function validator(protocol: Protocol, name: string, mode = modeOf(name)): ValidateFunction {
  const { ajv, validators } = compiledOf(protocol, mode);
  const known = validators.get(name);
  if (known !== undefined) return known;
  if (!Object.hasOwn(SCHEMAS[protocol], name)) throw new Error(`${protocol} has no schema ${name}`);
  const validate = ajv.compile({ $ref: `${protocol}#/definitions/${name}` });
  validators.set(name, validate);
  return validate;
}

const TOLERANT: ReadonlySet<string> = new Set([...TRANSACTION_MESSAGES].map((action) => `${action}Request`));

function modeOf(name: string): Mode {
  return TOLERANT.has(name) ? 'tolerant' : 'strict';
}

function compiledOf(protocol: Protocol, mode: Mode): Compiled {
  const roots = compiled[mode];
  const known = roots.get(protocol);
  if (known !== undefined) return known;
  const ajv = new Ajv({
    strict: false,
    validateSchema: false,
    addUsedSchema: false,
    allErrors: mode === 'every',
    // 1.6 wants limits in steps of 0.1, which binary fractions miss by a little.
    multipleOfPrecision: 6,
  });
  // 2.x asks for RFC 3339; 1.6 for ISO 8601, where stations in the field leave out the time zone.
  const dateTime = protocol === 'ocpp1.6' || mode === 'every' ? 'iso-date-time' : 'date-time';
  ajv.addFormat('date-time', formats.fullFormats[dateTime]);
  ajv.addFormat('uri', formats.fullFormats.uri);
  ajv.addSchema(mode === 'strict' ? rootOf(protocol) : tolerantRootOf(protocol), protocol);
  const entry = { ajv, validators: new Map<string, ValidateFunction>() };
  roots.set(protocol, entry);
  return entry;
}

/** The transaction messages of a version, with whatever properties they have beside their own, at any depth. */
function tolerantRootOf(protocol: Protocol): object {
  const names = [...TRANSACTION_MESSAGES].map((action) => `${action}Request`);
  const open = (key: string, value: unknown) => (key === 'additionalProperties' ? undefined : value);
  return JSON.parse(JSON.stringify(rootOf(protocol, names)), open) as object;
}

/** Messages of a version, all if not said, as definitions beside those that they share: each is compiled once. */
function rootOf(protocol: Protocol, names = Object.keys(SCHEMAS[protocol])): object {
  const definitions: Record<string, unknown> = {};
  for (const name of names) {
    const schema = SCHEMAS[protocol][name];
    if (schema === undefined) continue;
    const { definitions: shared, ...own } = schema;
    Object.assign(definitions, shared);
    definitions[name] = own;
  }
  return { definitions };
}
