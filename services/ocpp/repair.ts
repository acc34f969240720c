/**
 * Repairs an invalid payload as far as it can be understood. Real firmware violates the schemas every day, and a
 * CALLERROR does not help: it uses up the attempts of a transaction message until its billing data is lost (1.6 §3.7.1,
 * 2.x E13), locks a model out at its BootNotification, or hides its faults.
 *
 * Validation comes first, so a valid payload never gets here. Each fault is repaired by one row of the table `REPAIRS`,
 * by the rule that it violates: the value is kept, replaced by the intended one, or removed. If a meter sample loses a
 * part of its meaning, the whole sample is removed. Only a fault in an `ESSENTIAL` part is refused. Pure functions.
 */
import { bounded } from './bounded.ts';
import type { Protocol } from './frame.ts';
import { REMOVE, type RepairKind, REPAIRS, SAMPLE } from './repair-table.ts';
import { everyFault, type SchemaFault } from './schema.ts';

export interface Repaired {
  readonly payload: object;
  readonly kinds: ReadonlySet<RepairKind>;
  /** Kinds of repair by JSON pointer. */
  readonly places: ReadonlyMap<string, RepairKind>;
  /** The faults, as sentences. */
  readonly faults: readonly string[];
  /** See Call.exact; includes numbers that were written as text. */
  readonly exact: ReadonlyMap<string, string>;
}

/**
 * Without these a message cannot be handled. Everything else may be missing. Missing objects and lists become empty
 * ones, so that a handler finds what its schema requires.
 */
const ESSENTIAL: Readonly<Record<string, readonly string[]>> = {
  Authorize: ['/idTag', '/idToken/idToken'],
  DiagnosticsStatusNotification: ['/status'],
  FirmwareStatusNotification: ['/status'],
  GetCertificateChainStatus: ['/certificateStatusRequests'],
  LogStatusNotification: ['/status'],
  NotifyCustomerInformation: ['/requestId'],
  NotifyDisplayMessages: ['/requestId'],
  NotifyMonitoringReport: ['/requestId'],
  NotifyPeriodicEventStream: ['/id'],
  NotifyReport: ['/requestId'],
  NotifySettlement: ['/pspRef', '/settlementAmount'],
  PublishFirmwareStatusNotification: ['/status'],
  ReportChargingProfiles: ['/requestId'],
  ReportDERControl: ['/requestId'],
  SecurityEventNotification: ['/type'],
  SignedFirmwareStatusNotification: ['/status'],
  StatusNotification: ['/connectorId', '/evseId', '/status', '/connectorStatus'],
  TransactionEvent: ['/eventType', '/transactionInfo/transactionId'],
  VatNumberValidation: ['/vatNumber'],
};

/** Parts of a sample that define the meaning of its number. */
const MEANING: ReadonlySet<string> = new Set(
  'value measurand phase context format location unit unitOfMeasure'.split(' '),
);
const TOKEN_TEXT = /\/(?:idToken|groupIdToken)\/idToken$/;
/** A repair may reveal further faults. */
const ROUNDS = 10;

export type Repair =
  | ({ readonly ok: true } & Repaired)
  /** The fault in an essential part. */
  | { readonly ok: false; readonly fault: SchemaFault };

/** Most sentences about faults; a message may have thousands. */
const SENTENCES = 20;

/** @param receivedAt RFC 3339: replaces unreadable times */
export function repair(
  protocol: Protocol,
  action: string,
  payload: unknown,
  receivedAt: string,
  exact: ReadonlyMap<string, string> = new Map(),
): Repair {
  const said = bounded(payload);
  const faults = everyFault(protocol, action, said.payload);
  const work = new Work(ESSENTIAL[action] ?? [], withoutNull(said.payload), receivedAt, new Map(exact));
  if (said.isCut) work.places.set(' ', 'removed');
  if (faults.some(({ path }) => valueAt(said.payload, path) === null)) work.places.set('', 'null');
  // `everyFault` allows additional properties: if it finds nothing, they were the only fault.
  if (faults.length === 0) work.places.set('', 'own-fields');
  let last = faults[0];
  for (let round = 0; round < ROUNDS; round++) {
    const open = everyFault(protocol, action, work.payload).filter(({ path }) => !work.kept.has(path));
    if (open.length === 0) {
      const sentences = faults.slice(0, SENTENCES).map(({ description }) => description);
      return {
        ok: true,
        payload: work.payload,
        places: work.places,
        kinds: new Set(work.places.values()),
        faults: sentences.length === 0 ? ['the payload has additional properties'] : sentences,
        exact: work.exact,
      };
    }
    const hopeless = open.find((fault) => !work.mend(fault));
    if (hopeless !== undefined) return { ok: false, fault: hopeless };
    last = open[0];
    work.compact();
  }
  if (last === undefined) throw new Error(`a repair of ${action} did not end`);
  return { ok: false, fault: last };
}

/** A payload under repair. */
class Work {
  readonly places = new Map<string, RepairKind>();
  /** Places of faults that are kept. */
  readonly kept = new Set<string>();
  readonly exact: Map<string, string>;
  readonly #essential: readonly string[];
  readonly #receivedAt: string;
  payload: object;
  #removed = false;

  constructor(essential: readonly string[], payload: object, receivedAt: string, exact: Map<string, string>) {
    this.#essential = essential;
    this.payload = payload;
    this.#receivedAt = receivedAt;
    this.exact = exact;
  }

  /** @returns false if the fault is essential and cannot be repaired */
  mend(fault: SchemaFault): boolean {
    const { path, keyword } = fault;
    if (path.includes('/customData')) return this.#keep(path, 'own-fields');
    const value = valueAt(this.payload, path);
    const asked = { fault, value, receivedAt: this.#receivedAt, exact: this.exact.get(path) };
    const verdict = REPAIRS[keyword]?.(asked) ?? REMOVE;
    const absent = keyword === 'required' || keyword === 'minItems';
    const useless = absent || verdict.verdict === 'remove' || path === '/eventType';
    if (useless && verdict.kind !== 'spelling' && this.#essential.includes(path)) return false;
    const sample = SAMPLE.exec(path);
    // A sample needs its value, and a token its text.
    if (absent && sample?.[2] === 'value') return this.#remove(sample[1] ?? path);
    if (useless && TOKEN_TEXT.test(path)) return this.#remove(path.slice(0, path.lastIndexOf('/')));
    if (verdict.verdict === 'keep') return this.#keep(path, verdict.kind);
    if (verdict.verdict === 'remove') return this.#remove(targetOf(path));
    if (verdict.exact === undefined) this.exact.delete(path);
    else this.exact.set(path, verdict.exact);
    put(this.payload, path, verdict.value);
    this.places.set(path, verdict.kind);
    return true;
  }

  /** Deletes removed elements. Elements behind them move up, and are validated again. */
  compact(): void {
    if (!this.#removed) return;
    this.#removed = false;
    this.payload = withoutNull(this.payload);
    this.kept.clear();
  }

  #keep(path: string, kind: RepairKind): boolean {
    this.kept.add(path);
    this.places.set(path, kind);
    return true;
  }

  #remove(path: string): boolean {
    if (path === '') return false;
    this.#removed = true;
    put(this.payload, path, undefined);
    this.places.set(path, 'removed');
    return true;
  }
}

/** What to remove for an unreadable part: the sample whose meaning it belongs to, else the part alone. */
function targetOf(path: string): string {
  const sample = SAMPLE.exec(path);
  return sample !== null && MEANING.has(sample[2] ?? '') ? (sample[1] ?? path) : path;
}

/** A copy without null, which some stations send for omitted fields. */
export function withoutNull(payload: unknown): object {
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter((one) => one !== null && one !== undefined).map(copy);
    if (!isRecord(value)) return value;
    const there = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
    return Object.fromEntries(there.map(([name, one]) => [name, copy(one)]));
  };
  return copy(payload) as object;
}

export function valueAt(payload: unknown, path: string): unknown {
  let at = payload;
  for (const name of path.split('/').slice(1)) at = isRecord(at) ? at[unescaped(name)] : undefined;
  return at;
}

/** Sets a value. A removed element stays as undefined, because pending faults name the places of the others. */
export function put(payload: object, path: string, value: unknown): void {
  const split = path.lastIndexOf('/');
  const holder = valueAt(payload, path.slice(0, split));
  if (isRecord(holder)) holder[unescaped(path.slice(split + 1))] = value;
}

/** RFC 6901 */
function unescaped(name: string): string {
  return name.includes('~') ? name.replaceAll('~1', '/').replaceAll('~0', '~') : name;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
