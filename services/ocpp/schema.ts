/**
 * Whether a payload is what its action wants, by the official JSON schemas that typed-ocpp carries.
 *
 * One ajv root per version, because the definitions of a version are shared between its actions; an
 * action is compiled when it is first seen (some ms), the hot ones by warmUp before a program says that
 * it is ready. Payloads are never changed: unknown properties are refused, not deleted (but see OPEN_ACTIONS).
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
  /** Of keyword `type`: the JSON type that is wanted. */
  readonly wanted?: string;
  /** Of keyword `enum`: the values that are allowed. */
  readonly allowed?: readonly unknown[];
  /** Of keyword `required`: the schema of what is missing. */
  readonly missing?: PropertySchema;
}

/** What a repair asks of the schema of a property. */
export interface PropertySchema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
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

/**
 * Checks the payload of a CALL or SEND. An action that the version does not have is not for this function.
 * @param strict own properties are faults in every message
 */
export function validateRequest(
  protocol: Protocol,
  action: string,
  payload: unknown,
  strict = false,
): SchemaFault | undefined {
  const name = requestName(protocol, action);
  return check(protocol, name, payload, strict ? 'strict' : modeOf(name));
}

/** Checks the payload of a CALLRESULT to a CALL of this action. */
export function validateResponse(
  protocol: Protocol,
  action: string,
  payload: unknown,
): SchemaFault | undefined {
  return check(protocol, `${action}Response`, payload, 'strict');
}

/**
 * All faults of a CALL or SEND, where validateRequest tells the first; own properties are none. Dearer, and compiled
 * when it is first wanted: for messages that have faults.
 */
export function everyFault(protocol: Protocol, action: string, payload: unknown): SchemaFault[] {
  const validate = everyValidator(protocol, requestName(protocol, action));
  return validate(payload) ? [] : (validate.errors ?? []).map((error) => faultOf(protocol, error));
}

/** The action of this version that is spelled like this but for its case and blanks around it; undefined when there is none. */
export function actionLike(protocol: Protocol, spelling: string): string | undefined {
  const lower = spelling.trim().toLowerCase();
  for (const action of REQUEST_NAMES[protocol].keys()) if (action.toLowerCase() === lower) return action;
  return undefined;
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
      const name = requestName(protocol, action);
      if (knowsAction(protocol, action)) validator(protocol, name, modeOf(name));
    }
  }
}

function requestName(protocol: Protocol, action: string): string {
  return REQUEST_NAMES[protocol].get(action) ?? `${action}Request`;
}

function check(protocol: Protocol, name: string, payload: unknown, mode: Mode): SchemaFault | undefined {
  const validate = validator(protocol, name, mode);
  if (validate(payload)) return undefined;
  const [error] = validate.errors ?? [];
  if (error === undefined) throw new Error(`ajv refused a ${name} of ${protocol} without saying why`);
  return faultOf(protocol, error);
}

function faultOf(protocol: Protocol, error: ErrorObject): SchemaFault {
  const { keyword, instancePath, params, message = 'is not valid', parentSchema } = error;
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
    ...(keyword === 'type' && { wanted: String(params['type']) }),
    ...(keyword === 'enum' && { allowed: params['allowedValues'] as unknown[] }),
    ...(keyword === 'required' && { missing: propertyOf(parentSchema, String(params['missingProperty'])) }),
  };
}

/** Only validators that tell every fault know it. */
function propertyOf(schema: unknown, name: string): PropertySchema {
  return (schema as { properties?: Record<string, PropertySchema> } | undefined)?.properties?.[name] ?? {};
}

interface Compiled {
  readonly ajv: Ajv;
  readonly validators: Map<string, ValidateFunction>;
}
/** Each version as it is, and a few messages with whatever properties they have beside their own. */
type Mode = 'strict' | 'open';
const compiled = {
  strict: new Map<Protocol, Compiled>(),
  open: new Map<Protocol, Compiled>(),
} satisfies Record<Mode, unknown>;

/** @throws Error for a name that the version does not have: its caller asks knowsAction first */
function validator(protocol: Protocol, name: string, mode: Mode): ValidateFunction {
  const { ajv, validators } = compiledOf(protocol, mode);
  const known = validators.get(name);
  if (known !== undefined) return known;
  if (!Object.hasOwn(SCHEMAS[protocol], name)) throw new Error(`${protocol} has no schema ${name}`);
  const validate = ajv.compile({ $ref: `${protocol}#/definitions/${name}` });
  validators.set(name, validate);
  return validate;
}

/**
 * What cars send every minute may have properties of its vendor's own without being repaired every minute: nobody bills
 * by them.
 */
const OPEN_ACTIONS = ['MeterValues'];
const OPEN: ReadonlySet<string> = new Set(OPEN_ACTIONS.map((action) => `${action}Request`));

function modeOf(name: string): Mode {
  return OPEN.has(name) ? 'open' : 'strict';
}

function compiledOf(protocol: Protocol, mode: Mode): Compiled {
  const roots = compiled[mode];
  const known = roots.get(protocol);
  if (known !== undefined) return known;
  const ajv = newAjv(protocol, {});
  ajv.addSchema(mode === 'strict' ? rootOf(protocol) : open(rootOf(protocol, [...OPEN])), protocol);
  const entry = { ajv, validators: new Map<string, ValidateFunction>() };
  roots.set(protocol, entry);
  return entry;
}

const everyValidators = new Map<string, ValidateFunction>();

/** Each with the definitions of its own file: few are ever wanted. */
function everyValidator(protocol: Protocol, name: string): ValidateFunction {
  const id = `${protocol}#${name}`;
  const known = everyValidators.get(id);
  if (known !== undefined) return known;
  const schema = SCHEMAS[protocol][name];
  if (schema === undefined) throw new Error(`${protocol} has no schema ${name}`);
  const { $id: _id, ...own } = open(schema) as { $id?: string };
  const validate = newAjv(protocol, { allErrors: true, verbose: true }).compile(own);
  everyValidators.set(id, validate);
  return validate;
}

function newAjv(protocol: Protocol, options: { allErrors?: boolean; verbose?: boolean }): Ajv {
  const ajv = new Ajv({
    strict: false,
    validateSchema: false,
    addUsedSchema: false,
    // 1e400 is Infinity to JSON.parse, and no number of any meter.
    strictNumbers: true,
    // 1.6 wants limits in steps of 0.1, which binary fractions miss by a little.
    multipleOfPrecision: 6,
    ...options,
  });
  // 2.x asks for RFC 3339; 1.6 for ISO 8601, where stations in the field leave out the time zone.
  ajv.addFormat('date-time', formats.fullFormats[protocol === 'ocpp1.6' ? 'iso-date-time' : 'date-time']);
  ajv.addFormat('uri', formats.fullFormats.uri);
  return ajv;
}

/** A copy that allows properties beside its own, at any depth. */
function open(schema: object): object {
  const allow = (key: string, value: unknown) => (key === 'additionalProperties' ? undefined : value);
  return JSON.parse(JSON.stringify(schema), allow) as object;
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
