/**
 * Validates payloads against the official JSON schemas of typed-ocpp.
 *
 * One ajv root per version, because its actions share definitions. An action is compiled at first use (some ms), frequent
 * ones by warmUp before a program is ready. Payloads are never changed: unknown properties are refused, not deleted (but
 * see OPEN_ACTIONS).
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats/dist/formats.js';
import { type ErrorCode, errorCode, type ErrorReason } from './errors.ts';
import type { Protocol } from './frame.ts';
import { actionsIn, requestName, SCHEMAS } from './official-schemas.ts';

/** Why a payload is invalid: one violated rule. */
export interface SchemaFault {
  /** The violated rule of JSON schema. */
  readonly keyword: string;
  readonly reason: ErrorReason;
  /** The error code of the version. */
  readonly code: ErrorCode;
  /** JSON pointer to the field, such as `/meterValue/0/timestamp`. */
  readonly path: string;
  /** A sentence with the path, usable as description of a CALLERROR. */
  readonly description: string;
  /** Of keyword `type`: the required JSON type. */
  readonly wanted?: string;
  /** Of keyword `enum`: the allowed values. */
  readonly allowed?: readonly unknown[];
  /** Of keyword `required`: the schema of the missing property. */
  readonly missing?: PropertySchema;
}

/** The part of a property's schema that a repair needs. */
export interface PropertySchema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
}

/** Frequent messages of stations, which warmUp compiles. Not every version has all of them. */
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

/** Messages that billing depends on. A station drops one after some CALLERRORs (TransactionMessageAttempts). */
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
 * Validates the payload of a CALL or SEND. The version must have the action.
 * @param strict additional properties are faults in every message
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

/** Validates the payload of a CALLRESULT to a CALL of this action. */
export function validateResponse(
  protocol: Protocol,
  action: string,
  payload: unknown,
): SchemaFault | undefined {
  return check(protocol, `${action}Response`, payload, 'strict');
}

/**
 * All faults of a CALL or SEND, except additional properties; validateRequest finds only the first. More expensive, and
 * compiled at first use: for messages with faults.
 */
export function everyFault(protocol: Protocol, action: string, payload: unknown): SchemaFault[] {
  return everyFaultOf(protocol, requestName(protocol, action), payload);
}

/** All faults of a CALLRESULT to a CALL of this action, except additional properties. */
export function everyResponseFault(protocol: Protocol, action: string, payload: unknown): SchemaFault[] {
  return everyFaultOf(protocol, `${action}Response`, payload);
}

function everyFaultOf(protocol: Protocol, name: string, payload: unknown): SchemaFault[] {
  const validate = everyValidator(protocol, name);
  return validate(payload) ? [] : (validate.errors ?? []).map((error) => faultOf(protocol, error));
}

/** The action with this spelling, ignoring case and surrounding blanks; undefined if there is none. */
export function actionLike(protocol: Protocol, spelling: string): string | undefined {
  const lower = spelling.trim().toLowerCase();
  for (const action of actionsIn(protocol)) if (action.toLowerCase() === lower) return action;
  return undefined;
}

/** Whether the version has this action, in either direction. */
export function knowsAction(protocol: Protocol, action: string): boolean {
  return Object.hasOwn(SCHEMAS[protocol], requestName(protocol, action));
}

/** Whether the action is answered: a CALL, not a SEND (2.1). */
export function isAnswered(protocol: Protocol, action: string): boolean {
  return Object.hasOwn(SCHEMAS[protocol], `${action}Response`);
}

/** Compiles the schemas of frequent messages, so that no message waits for it. Takes some 100 ms. */
export function warmUp(protocols: readonly Protocol[]): void {
  for (const protocol of protocols) {
    for (const action of HOT_ACTIONS) {
      const name = requestName(protocol, action);
      if (knowsAction(protocol, action)) validator(protocol, name, modeOf(name));
    }
  }
}

function check(protocol: Protocol, name: string, payload: unknown, mode: Mode): SchemaFault | undefined {
  const validate = validator(protocol, name, mode);
  if (validate(payload)) return undefined;
  const [error] = validate.errors ?? [];
  if (error === undefined) throw new Error(`ajv rejected a ${name} of ${protocol} without an error`);
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

/** Only validators that report every fault have it. */
function propertyOf(schema: unknown, name: string): PropertySchema {
  return (schema as { properties?: Record<string, PropertySchema> } | undefined)?.properties?.[name] ?? {};
}

interface Compiled {
  readonly ajv: Ajv;
  readonly validators: Map<string, ValidateFunction>;
}
/** `strict`: each version as it is. `open`: a few messages with additional properties allowed. */
type Mode = 'strict' | 'open';
const compiled = {
  strict: new Map<Protocol, Compiled>(),
  open: new Map<Protocol, Compiled>(),
} satisfies Record<Mode, unknown>;

/** @throws Error for a name that the version lacks: callers check knowsAction first */
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
 * Messages that cars send every minute may have additional properties without a repair each time: billing does not use
 * them.
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

/** Each with the definitions of its own file: few are needed. */
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
    // JSON.parse reads 1e400 as Infinity, which no meter reports.
    strictNumbers: true,
    // 1.6 requires limits in steps of 0.1, which binary fractions miss slightly.
    multipleOfPrecision: 6,
    ...options,
  });
  // 2.x requires RFC 3339; 1.6 ISO 8601, where real stations omit the time zone.
  ajv.addFormat('date-time', formats.fullFormats[protocol === 'ocpp1.6' ? 'iso-date-time' : 'date-time']);
  ajv.addFormat('uri', formats.fullFormats.uri);
  return ajv;
}

/** A copy that allows additional properties, at any depth. */
function open(schema: object): object {
  const allow = (key: string, value: unknown) => (key === 'additionalProperties' ? undefined : value);
  return JSON.parse(JSON.stringify(schema), allow) as object;
}

/** Messages of a version (default: all) as definitions beside the shared ones: each is compiled once. */
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
