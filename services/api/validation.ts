/**
 * Checks parameters and bodies against their schemas, and says of each fault where it is. Texts of a path or query become the
 * numbers and flags that the schema names, in one spelling each; in a body nothing is converted.
 */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { badRequest, type Fault } from './problems.ts';

/** Where a value comes from; the first part of the path of its faults. */
export type Part = 'path' | 'query' | 'body';

/** More faults than these help no reader. */
const MOST_FAULTS = 20;
/** No OCPP schema nests half as deep, and code that walks a deeper value could run out of stack. */
const DEEPEST = 64;

/**
 * A check of values from outside.
 * @returns the value as the schema has it; throws a Problem that names up to 20 faults
 */
export function createCheck(part: Part, schema: TSchema): (value: unknown) => unknown {
  const compiled = Compile(schema);
  const prefix = part === 'body' ? '' : part;
  return (given) => {
    if (part === 'body') checkForm(given);
    const value = part === 'body' ? given : converted(schema, given);
    if (compiled.Check(value)) return value;
    throw badRequest(faultsOf(compiled.Errors(value), prefix, value));
  };
}

interface Found {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

function faultsOf(found: readonly Found[], prefix: string, value: unknown): Fault[] {
  const faults = found.flatMap(({ keyword, instancePath, params, message }): Fault[] => {
    const path = `${prefix}${instancePath}`;
    if (value === undefined) return [{ path: '', message: 'is missing' }];
    switch (keyword) {
      // Each property that is not listed has a fault of its own.
      case 'boolean':
        return [{ path, message: 'is not known here' }];
      case 'additionalProperties':
        return [];
      case 'required':
        return (params as { requiredProperties: readonly string[] }).requiredProperties.map((name) => ({
          path: `${path}/${name}`,
          message: 'is missing',
        }));
      case 'enum':
        return [
          {
            path,
            message: `must be one of ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}`,
          },
        ];
      default:
        return [{ path, message }];
    }
  });
  return faults.slice(0, MOST_FAULTS);
}

/** The texts of a path or query as numbers and flags; what has another spelling stays a text, which the schema refuses. */
function converted(schema: TSchema, given: unknown): unknown {
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, { type?: string }>> };
  const entries = Object.entries(given ?? {}).map(([name, value]: [string, unknown]) => {
    const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
    return [name, typeof value === 'string' ? convertedText(type, value) : value] as const;
  });
  return Object.fromEntries(entries);
}

function convertedText(type: string | undefined, text: string): unknown {
  if (type === 'integer' && /^\d{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** A body as JSON; undefined for none, as some clients name a type although there is none. @throws Problem */
export function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // The message of the parser quotes the body, which may hold a password.
    const [place] = /line \d+ column \d+/.exec((error as Error).message) ?? [];
    throw badRequest([{ path: '', message: `is not JSON${place === undefined ? '' : ` (${place})`}` }]);
  }
}

/** @throws Problem for a body that nests too deep, or has a member that code could take for the prototype */
function checkForm(body: unknown): void {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) throw badRequest([{ path: '', message: `nests deeper than ${DEEPEST} levels` }]);
    const objects = level.filter((one) => typeof one === 'object' && one !== null);
    if (objects.some((one) => Object.hasOwn(one, '__proto__')))
      throw badRequest([{ path: '', message: 'has a member __proto__, which is refused' }]);
    level = objects.flatMap((one) => Object.values(one));
  }
}
