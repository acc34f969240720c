/**
 * Whether two answers say the same. Ids that a processor draws and times are not compared: a transaction id of a replay is replaced by
 * the recorded one, a time by a mark. Pure.
 */
import { redactFrame } from '../ocpp/redaction/redact.ts';
import { SecretTexts } from '../ocpp/redaction/secret-texts.ts';
import type { Step } from './recording.ts';

/** Transaction ids of 1.6 that a replay got instead of the recorded ones, by station. */
export class TransactionIds {
  /** `station recorded` → replayed, and the reverse. */
  readonly #replayed = new Map<string, string>();
  readonly #recorded = new Map<string, string>();

  /** Learns from the answers to a StartTransaction. */
  learn({ station, frame, answer }: Step, replayed: string | undefined): void {
    if (frame.action !== 'StartTransaction') return;
    const [before, now] = [idIn(answer), idIn(replayed)];
    if (before === undefined || now === undefined) return;
    this.#replayed.set(`${station} ${before}`, now);
    this.#recorded.set(`${station} ${now}`, before);
  }

  /** The message with the ids of this replay. */
  inReplay({ station, text }: Step): string {
    return withIds(text, (id) => this.#replayed.get(`${station} ${id}`));
  }

  /** An answer with the recorded ids. */
  asRecorded(station: string, text: string): string {
    return withIds(text, (id) => this.#recorded.get(`${station} ${id}`));
  }
}

const ID = /("transactionId"\s*:\s*)(-?\d+)(?=\s*[,}])/g;

const idIn = (text: string | undefined): string | undefined =>
  text === undefined
    ? undefined
    : (ID[Symbol.matchAll](text).next().value as RegExpMatchArray | undefined)?.[2];

const withIds = (text: string, other: (id: string) => string | undefined): string =>
  text.replaceAll(ID, (all, name: string, id: string) => {
    const replaced = other(id);
    return replaced === undefined ? all : `${name}${replaced}`;
  });

/** The answer without its message id, redacted as a recorded one, with marks for times. @param text of the frame */
export function normalised(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // Tags are pseudonyms already.
  const redacted = redactFrame(text, { pseudonym: (tag) => tag.toUpperCase(), secrets: new SecretTexts() });
  const [type, , ...rest] = JSON.parse(redacted?.text ?? '[]') as unknown[];
  return JSON.stringify([type, ...rest].map(sorted), (_, value: unknown) =>
    typeof value === 'string' && TIME.test(value) ? '<time>' : value,
  );
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** The order of fields means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => [name, sorted(one)]),
  );
}

export interface Difference {
  readonly step: Step;
  /** By name: `recorded` and one of each processor; undefined: none. */
  readonly answers: readonly (readonly [name: string, answer: string | undefined])[];
}

/** @param runs the answers of each processor, by step */
export function differences(
  steps: readonly Step[],
  runs: readonly (readonly [name: string, answers: ReadonlyMap<Step, string | undefined>])[],
): readonly Difference[] {
  return steps.flatMap((step) => {
    const recorded = normalised(step.answer);
    const answers = [
      ...(recorded === undefined ? [] : [['recorded', recorded] as const]),
      ...runs.map(([name, all]) => [name, normalised(all.get(step))] as const),
    ];
    return new Set(answers.map(([, answer]) => answer)).size > 1 ? [{ step, answers }] : [];
  });
}
