/** The form of a command: every request of every version can be filled in, and what the form makes is what the schema takes. */
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats/dist/formats.js';
import test from 'ava';
import * as fc from 'fast-check';
import {
  type Draft,
  draftOf,
  emptyGroup,
  emptyOf,
  payloadOf,
  readPayload,
} from '../../../services/console/station/form/draft.ts';
import { faultsIn } from '../../../services/console/station/form/faults.ts';
import { type Field, formOf, type GroupField } from '../../../services/console/station/form/fields.ts';
import { commandActions, commandSchema } from '../../../services/csms/commands/command-actions.ts';
import { PROTOCOLS } from '../../../services/ocpp/frame.ts';

interface Request {
  readonly name: string;
  readonly form: GroupField;
  readonly validate: ValidateFunction;
}

/** Of every version and action. */
const REQUESTS: readonly Request[] = [...requests()];

function* requests(): Generator<Request> {
  for (const protocol of PROTOCOLS) {
    for (const { action } of commandActions(protocol)) {
      const schema = commandSchema(protocol, action) ?? {};
      const ajv = new Ajv({ strict: false, multipleOfPrecision: 8, formats: formats.fullFormats });
      yield { name: `${protocol} ${action}`, form: formOf(schema), validate: ajv.compile(schema) };
    }
  }
}

const time = fc
  .date({ min: new Date('1970-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** Any payload that the schema takes, with any of its optional members. */
function validValue(field: Field): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'text':
      if (field.format === 'date-time') return time;
      if (field.format === 'uri') return fc.webUrl();
      return fc
        .string({ unit: 'grapheme-composite', maxLength: Math.min(field.maxLength ?? 40, 40) })
        .filter((text) => Array.from(text).length <= (field.maxLength ?? 40));
    case 'number': {
      const { minimum = -1e6, maximum = 1e6, multipleOf } = field;
      const whole = fc.integer({ min: Math.ceil(minimum), max: Math.floor(Math.max(minimum, maximum)) });
      if (field.isWhole) return whole;
      return multipleOf === undefined
        ? fc.oneof(whole, fc.double({ min: minimum, max: maximum, noNaN: true }))
        : whole.map((one) => Number((one * multipleOf).toFixed(6)));
    }
    case 'choice':
      return fc.constantFrom(...field.values);
    case 'flag':
      return fc.boolean();
    case 'any':
      return fc.jsonValue({ maxDepth: 2 });
    case 'list':
      return fc.array(validValue(field.item), {
        minLength: field.least,
        maxLength: Math.min(field.most, field.least + 2),
      });
    default: {
      const members = [...field.members].filter(([, { isHidden }]) => !isHidden);
      const required = members.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
      return fc.record(Object.fromEntries(members.map(([name, { field: one }]) => [name, validValue(one)])), {
        requiredKeys: required,
      });
    }
  }
}

const json = (value: unknown): string => JSON.stringify(value);

test('a payload that a schema takes becomes a form and back without a change, and has no fault', (t) => {
  let count = 0;
  for (const { name, form, validate } of REQUESTS) {
    count += 1;
    const runs = fc.check(
      fc.property(validValue(form), (payload) => {
        const value: unknown = JSON.parse(json(payload));
        const draft = draftOf(form, value);
        const made = payloadOf(form, draft);
        if (json(made) !== json(value)) throw new Error(`changed: ${json(made)}`);
        if (!validate(made)) throw new Error(json(validate.errors));
        const faults = faultsIn(form, made);
        if (faults.size > 0) throw new Error(json([...faults]));
        if (kindsIn(draft).has('json')) throw new Error(`a field cannot show: ${json(value)}`);
      }),
      { numRuns: 10, seed: 16 },
    );
    t.false(runs.failed, `${name}: ${runs.errorInstance instanceof Error ? runs.errorInstance.message : ''}`);
  }
  t.true(count > 90, `${count}`);
});

function kindsIn(draft: Draft): ReadonlySet<Draft['kind']> {
  const parts =
    draft.kind === 'group' ? [...draft.fields.values()] : draft.kind === 'list' ? draft.items : [];
  return new Set(parts.flatMap((one) => Array.from(kindsIn(one))).concat(draft.kind));
}

/** A payload with one part replaced by something else, added or taken away. */
const broken = (form: GroupField) =>
  fc
    .tuple(
      validValue(form),
      fc.nat(),
      fc.oneof(
        fc.jsonValue({ maxDepth: 1 }),
        fc.string({ minLength: 400, maxLength: 3000 }),
        fc.constant(undefined),
      ),
    )
    .map(([payload, at, other]) => {
      const value = JSON.parse(json(payload)) as object;
      const places = placesIn(value);
      const place = places[at % places.length];
      if (place === undefined) return { unknown: other ?? 1 };
      place(other);
      // Through JSON: what is undefined is left out, -0 is 0.
      return JSON.parse(json(value)) as unknown;
    });

function placesIn(value: unknown): ((next: unknown) => void)[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = value as Record<string, unknown>;
  const places = Object.keys(own).flatMap((key) =>
    placesIn(own[key]).concat((next: unknown) => void (own[key] = next)),
  );
  return Array.isArray(value) ? places : places.concat((next) => void (own['other'] = next ?? 1));
}

test('a payload with a part that is wrong keeps it, and has a fault exactly where the schema refuses it', (t) => {
  let refused = 0;
  for (const { name, form, validate } of REQUESTS) {
    const runs = fc.check(
      fc.property(broken(form), (value) => {
        const made = payloadOf(form, draftOf(form, value));
        if (json(made) !== json(value)) throw new Error(`changed: ${json(made)}`);
        const isValid = validate(value);
        if (!isValid) refused += 1;
        const faults = faultsIn(form, value);
        // An integer that is sent as another one than was typed is a fault of the form only.
        if ([...faults.values()].some(({ code }) => code === 'unsafe')) return;
        if (isValid !== (faults.size === 0))
          throw new Error(`${json(value)}: ${json(validate.errors)} but ${json([...faults])}`);
      }),
      { numRuns: 10, seed: 16 },
    );
    t.false(runs.failed, `${name}: ${runs.errorInstance instanceof Error ? runs.errorInstance.message : ''}`);
  }
  t.true(refused > 500, `${refused}`);
});

test('an empty form says what is missing, and a field that is added can be filled in', (t) => {
  for (const { name, form, validate } of REQUESTS) {
    const empty = payloadOf(form, emptyGroup(form));
    t.is(validate(empty), faultsIn(form, empty).size === 0, name);
    for (const [member, { field, isHidden }] of form.members) {
      if (isHidden) continue;
      const added = payloadOf(field, emptyOf(field));
      t.is(json(payloadOf(field, draftOf(field, added))), json(added), `${name} ${member}`);
    }
  }
});

const form = formOf({
  type: 'object',
  required: ['id', 'list'],
  additionalProperties: false,
  properties: {
    note: { type: 'string', maxLength: 3 },
    id: { type: 'integer', minimum: 0 },
    list: { type: 'array', minItems: 1, maxItems: 2, items: { $ref: '#/definitions/Kind' } },
    customData: { type: 'object' },
    data: {},
  },
  definitions: { Kind: { type: 'string', enum: ['A', 'B'] } },
});

test('required fields come first, and customData is not offered', (t) => {
  t.deepEqual([...form.members.keys()], ['id', 'list', 'note', 'customData', 'data']);
  t.true(form.members.get('customData')?.isHidden);
});

test('faults are at their fields', (t) => {
  const faults = faultsIn(form, { id: 1.5, list: ['A', 'C', 'B'], note: '😀😀😀😀', other: 1 });
  t.deepEqual(Object.fromEntries(faults), {
    '/id': { code: 'whole' },
    '/list': { code: 'most', bound: 2 },
    '/list/1': { code: 'choice' },
    '/note': { code: 'longest', bound: 3 },
    '/other': { code: 'unknown' },
  });
  t.deepEqual(Object.fromEntries(faultsIn(form, { id: -1, list: [] })), {
    '/id': { code: 'minimum', bound: 0 },
    '/list': { code: 'fewest', bound: 1 },
  });
  t.is(faultsIn(form, { list: ['A'] }).get('/id')?.code, 'missing');
  t.is(faultsIn(form, { id: 2 ** 60, list: ['A'] }).get('/id')?.code, 'unsafe');
  t.is(faultsIn(form, { list: ['A'], toString: 1 }).get('/toString')?.code, 'unknown');
});

test('what is no payload stays text, with the reason', (t) => {
  t.deepEqual(readPayload(form, '[1]'), { fault: 'not-an-object' });
  t.regex((readPayload(form, '{"a":') as { fault: string }).fault, /JSON/);
});

test('unfinished input survives the way to JSON and back', (t) => {
  const typed: Draft = {
    kind: 'group',
    fields: new Map<string, Draft>([
      ['id', { kind: 'text', text: '12a' }],
      ['list', { kind: 'list', items: [{ kind: 'text', text: '' }] }],
      ['data', { kind: 'text', text: '{"a":' }],
    ]),
  };
  const payload = payloadOf(form, typed);
  t.deepEqual(payload, { id: '12a', list: [''], data: '{"a":' });
  t.deepEqual(draftOf(form, JSON.parse(json(payload))), typed);
});
