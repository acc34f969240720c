/** What was typed in to the forms of this tab: it survives a change of the page, of the action and of the access token. */
import { signal } from '@preact/signals';
import { type GroupDraft, emptyGroup, payloadOf, readPayload } from '../form/draft.ts';
import type { GroupField } from '../form/fields.ts';
import type { Protocol } from './schemas.ts';

export interface Typed {
  readonly view: 'form' | 'json';
  readonly draft: GroupDraft;
  /** Of the JSON view. */
  readonly text: string;
}

/** Of a station: what was chosen. */
export interface Chosen {
  readonly action: string;
  /** Of a station that has not said its version. */
  readonly protocol: Protocol;
  /** How long it may wait for the station; 0: not at all. */
  readonly keepMinutes: number;
}

/** Forms that are remembered. */
const KEPT = 100;
const FIRST: Chosen = { action: '', protocol: 'ocpp1.6', keepMinutes: 0 };

const forms = signal<ReadonlyMap<string, Typed>>(new Map());
const choices = signal<ReadonlyMap<string, Chosen>>(new Map());

export const chosenFor = (station: string): Chosen => choices.value.get(station) ?? FIRST;

export function choose(station: string, change: Partial<Chosen>): void {
  choices.value = remembered(choices.peek(), station, { ...chosenFor(station), ...change });
}

export const formKey = (station: string, protocol: string, action: string): string =>
  [protocol, action, station].join(' ');

export const typedIn = (key: string, form: GroupField): Typed =>
  forms.value.get(key) ?? { view: 'form', draft: emptyGroup(form), text: '' };

export function type(key: string, typed: Typed): void {
  forms.value = remembered(forms.peek(), key, typed);
}

function remembered<T>(before: ReadonlyMap<string, T>, key: string, value: T): ReadonlyMap<string, T> {
  const next = new Map(before);
  next.delete(key);
  next.set(key, value);
  const [oldest] = next.keys();
  if (next.size > KEPT && oldest !== undefined) next.delete(oldest);
  return next;
}

export const jsonOf = (form: GroupField, draft: GroupDraft): string =>
  JSON.stringify(payloadOf(form, draft), undefined, 2);

/** The other view of the same input. What is no JSON stays where it is. */
export function inView(form: GroupField, typed: Typed, view: Typed['view']): Typed {
  if (view === typed.view) return typed;
  if (view === 'json') return { ...typed, view, text: jsonOf(form, typed.draft) };
  const read = readPayload(form, typed.text);
  return 'fault' in read ? typed : { ...typed, view, draft: read.draft };
}

/** @returns why what was typed is no payload */
export function payloadIn(
  form: GroupField,
  { view, draft, text }: Typed,
): { readonly payload: Readonly<Record<string, unknown>> } | { readonly fault: string } {
  if (view === 'form') return { payload: payloadOf(form, draft) as Readonly<Record<string, unknown>> };
  const read = readPayload(form, text);
  return 'fault' in read ? read : { payload: JSON.parse(text) as Readonly<Record<string, unknown>> };
}
