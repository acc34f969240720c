/** The official JSON schemas of typed-ocpp, by version: every file has the definitions of its whole version. */
// Not typed-ocpp's main entry: it costs seconds of CPU at start. "20" is OCPP 2.0.1.
import * as schemas16 from 'typed-ocpp/dist/ocpp16/schemas.js';
import * as schemas201 from 'typed-ocpp/dist/ocpp20/schemas.js';
import * as schemas21 from 'typed-ocpp/dist/ocpp21/schemas.js';
import type { Protocol } from './frame.ts';

/** The schema of a request or response, with the definitions of its whole version. */
interface Schema {
  readonly definitions?: Readonly<Record<string, unknown>>;
}

/** Version → name of a message, such as `ResetRequest` → its schema. */
export const SCHEMAS: Readonly<Record<Protocol, Readonly<Record<string, Schema>>>> = {
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

/** All actions of a version, in both directions. */
export const actionsIn = (protocol: Protocol): Iterable<string> => REQUEST_NAMES[protocol].keys();

/** The name of the schema of a CALL or SEND. */
export function requestName(protocol: Protocol, action: string): string {
  return REQUEST_NAMES[protocol].get(action) ?? `${action}Request`;
}

/**
 * The schema of a CALL or SEND with the definitions that it refers to, and no others: a form of a command is made from it.
 * Undefined for an action that the version lacks.
 */
export function requestSchema(protocol: Protocol, action: string): object | undefined {
  const schema = Object.hasOwn(SCHEMAS[protocol], requestName(protocol, action))
    ? SCHEMAS[protocol][requestName(protocol, action)]
    : undefined;
  if (schema === undefined) return undefined;
  const { definitions = {}, ...own } = schema;
  const used = new Map<string, unknown>();
  const collect = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"\$ref":"#\/definitions\/([^"]*)"/g)) {
      if (used.has(name)) continue;
      used.set(name, definitions[name]);
      collect(definitions[name]);
    }
  };
  collect(own);
  return { ...own, ...(used.size > 0 && { definitions: Object.fromEntries(used) }) };
}
