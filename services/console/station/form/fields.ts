/** What a form shows of a JSON schema of OCPP. Pure. It knows what the official schemas use; any other part is edited as JSON. */

/** A field without its name: that is of the group or list that it is in. */
export type Field =
  | TextField
  | NumberField
  | ChoiceField
  | FlagField
  | GroupField
  | ListField
  /** Any JSON. */
  | (Described & { readonly kind: 'any' });

interface Described {
  /** One line for people; '' without one. */
  readonly hint: string;
}

export interface TextField extends Described {
  readonly kind: 'text';
  readonly maxLength?: number;
  readonly format?: 'date-time' | 'uri';
}

export interface NumberField extends Described {
  readonly kind: 'number';
  readonly isWhole: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
}

export interface ChoiceField extends Described {
  readonly kind: 'choice';
  readonly values: readonly string[];
}

export interface FlagField extends Described {
  readonly kind: 'flag';
}

export interface GroupField extends Described {
  readonly kind: 'group';
  readonly members: ReadonlyMap<string, Member>;
  /** Whether it may have members that the schema does not name. */
  readonly isOpen: boolean;
}

export interface Member {
  readonly field: Field;
  readonly isRequired: boolean;
  /** Not offered: shown only where a payload has it. */
  readonly isHidden: boolean;
}

export interface ListField extends Described {
  readonly kind: 'list';
  readonly item: Field;
  readonly least: number;
  readonly most: number;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** Members that every type of 2.x may have, and no person fills in. */
const HIDDEN: ReadonlySet<string> = new Set(['customData']);
/** Nothing of OCPP is so deep: a schema that refers to itself ends here. */
const DEEPEST = 20;
const REF = '#/definitions/';

/** The form of a request. @param schema JSON schema with its `definitions` @throws Error for one that describes no object */
export function formOf(schema: object): GroupField {
  const { definitions = {} } = schema as { readonly definitions?: Readonly<Record<string, Schema>> };
  const form = fieldOf(schema, definitions, 0);
  if (form.kind !== 'group') throw new Error('the schema of a request describes no object');
  return form;
}

function fieldOf(given: Schema, definitions: Readonly<Record<string, Schema>>, depth: number): Field {
  const schema = resolved(given, definitions);
  const hint = hintOf(given.description ?? schema.description);
  if (depth > DEEPEST) return { kind: 'any', hint };
  if (schema.enum !== undefined) {
    const values = schema.enum.filter((one) => typeof one === 'string');
    return values.length === schema.enum.length ? { kind: 'choice', hint, values } : { kind: 'any', hint };
  }
  switch (schema.type) {
    case 'string': {
      const { maxLength, format } = schema;
      const isKnown = format === 'date-time' || format === 'uri';
      return { kind: 'text', hint, ...present({ maxLength }), ...(isKnown && { format }) };
    }
    case 'number':
    case 'integer': {
      const { minimum, maximum, multipleOf } = schema;
      const isWhole = schema.type === 'integer';
      return { kind: 'number', hint, isWhole, ...present({ minimum, maximum, multipleOf }) };
    }
    case 'boolean':
      return { kind: 'flag', hint };
    case 'array': {
      const { items = {}, minItems: least = 0, maxItems: most = Number.POSITIVE_INFINITY } = schema;
      return { kind: 'list', hint, item: fieldOf(items, definitions, depth + 1), least, most };
    }
    case 'object':
      return { kind: 'group', hint, ...membersOf(schema, definitions, depth) };
    default:
      return { kind: 'any', hint };
  }
}

function membersOf(
  { properties = {}, required = [], additionalProperties }: Schema,
  definitions: Readonly<Record<string, Schema>>,
  depth: number,
): Pick<GroupField, 'members' | 'isOpen'> {
  const members = Object.entries(properties).map(([name, schema]): [string, Member] => {
    const isRequired = required.includes(name);
    const field = fieldOf(schema, definitions, depth + 1);
    return [name, { field, isRequired, isHidden: HIDDEN.has(name) && !isRequired }];
  });
  // What must be filled in comes first.
  const sorted = members.toSorted(([, a], [, b]) => Number(b.isRequired) - Number(a.isRequired));
  return { members: new Map(sorted), isOpen: additionalProperties !== false };
}

function resolved(schema: Schema, definitions: Readonly<Record<string, Schema>>): Schema {
  const { $ref } = schema;
  if ($ref === undefined || !$ref.startsWith(REF)) return schema;
  const name = $ref.slice(REF.length);
  return Object.hasOwn(definitions, name) ? (definitions[name] ?? {}) : {};
}

/** Characters of a hint. */
const LONGEST_HINT = 300;

function hintOf(description = ''): string {
  const line = description.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST_HINT ? `${line.slice(0, LONGEST_HINT)}…` : line;
}

/** Without what is undefined. */
function present<T extends object>(properties: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
