/**
 * What was filled in, complete or not, and its payload. Pure. A payload becomes a draft and back without a loss, also one that does not
 * fit the schema: what a field cannot show is kept as JSON.
 */
import type { Field, GroupField, ListField } from './fields.ts';

export type Draft =
  /** Of texts, numbers, choices, flags, and of any JSON: as it was typed. */
  | { readonly kind: 'text'; readonly text: string }
  /** A member that is absent is left out. */
  | { readonly kind: 'group'; readonly fields: ReadonlyMap<string, Draft> }
  | { readonly kind: 'list'; readonly items: readonly Draft[] }
  /** What the field cannot show. */
  | { readonly kind: 'json'; readonly value: unknown };

export type GroupDraft = Extract<Draft, { readonly kind: 'group' }>;

/** A form that nothing was filled in to: required groups and lists are there, and their required members. */
export function emptyGroup({ members }: GroupField): GroupDraft {
  const fields = new Map<string, Draft>();
  for (const [name, { field, isRequired }] of members) {
    if (isRequired && (field.kind === 'group' || field.kind === 'list')) fields.set(name, emptyOf(field));
  }
  return { kind: 'group', fields };
}

/** A field as it is when it is added. */
export function emptyOf(field: Field): Draft {
  if (field.kind === 'group') return emptyGroup(field);
  if (field.kind === 'list') return emptyList(field);
  return { kind: 'text', text: '' };
}

const emptyList = ({ item, least }: ListField): Draft => ({
  kind: 'list',
  items: Array.from({ length: least }, () => emptyOf(item)),
});

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The payload of a draft. A text that is no number stays a text, and is a fault. */
export function payloadOf(field: Field, draft: Draft): unknown {
  switch (draft.kind) {
    case 'json':
      return draft.value;
    case 'list': {
      const item: Field = field.kind === 'list' ? field.item : ANY;
      return draft.items.map((one) => payloadOf(item, one));
    }
    case 'group':
      return Object.fromEntries(
        [...draft.fields].map(([name, one]) => [name, payloadOf(memberOf(field, name), one)]),
      );
    default:
      return valueOf(field, draft.text);
  }
}

function valueOf(field: Field, text: string): unknown {
  switch (field.kind) {
    case 'number':
      return NUMBER.test(text.trim()) ? Number(text) : text;
    case 'flag':
      return text === 'true' || text === 'false' ? text === 'true' : text;
    case 'any':
      return jsonOf(text) ?? text;
    default:
      return text;
  }
}

/** A payload, or a part of one, as a draft. */
export function draftOf(field: Field, value: unknown): Draft {
  const json: Draft = { kind: 'json', value };
  switch (field.kind) {
    case 'group':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return json;
      return {
        kind: 'group',
        fields: new Map(
          Object.entries(value).map(([name, one]) => {
            const isKnown = field.members.has(name);
            return [name, isKnown ? draftOf(memberOf(field, name), one) : { kind: 'json', value: one }];
          }),
        ),
      };
    case 'list':
      return Array.isArray(value)
        ? { kind: 'list', items: value.map((one) => draftOf(field.item, one)) }
        : json;
    default: {
      const text = textOf(field, value);
      // Only a text that says the same again.
      return text !== undefined && JSON.stringify(valueOf(field, text)) === JSON.stringify(value)
        ? { kind: 'text', text }
        : json;
    }
  }
}

function textOf({ kind }: Field, value: unknown): string | undefined {
  if (kind === 'any')
    return typeof value === 'string' && jsonOf(value) === undefined ? value : JSON.stringify(value);
  if (typeof value === 'string') return value;
  if (kind === 'number' && typeof value === 'number') return String(value);
  return kind === 'flag' && typeof value === 'boolean' ? String(value) : undefined;
}

const ANY: Field = { kind: 'any', hint: '' };

function memberOf(field: Field, name: string): Field {
  return (field.kind === 'group' ? field.members.get(name)?.field : undefined) ?? ANY;
}

/** @returns undefined for a text that is no JSON */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A group with another value of a member. @param next undefined: it is left out */
export function withMember({ fields }: GroupDraft, name: string, next: Draft | undefined): GroupDraft {
  const changed = new Map(fields);
  if (next === undefined) changed.delete(name);
  else changed.set(name, next);
  return { kind: 'group', fields: changed };
}

/** Reads what was typed as JSON. @returns a sentence of the browser about what is no JSON */
export function readPayload(
  form: GroupField,
  text: string,
): { readonly draft: GroupDraft } | { readonly fault: string } {
  try {
    const draft = draftOf(form, JSON.parse(text));
    return draft.kind === 'group' ? { draft } : { fault: 'not-an-object' };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
