/** OCPP 2.0.1 and 2.1: what TransactionEvents say, read in the order in which they were answered. */
import { isObject, type JsonObject } from '../draft.ts';
import type { Exchange } from '../play.ts';
import { energyOf, type Expected, type Fault, graver, type Reckoning, type Told } from './expected.ts';
import { readId, readMoment, readRegisters, readText } from './values.ts';

interface Session {
  readonly bill: Expected;
  start: Told;
  startedAt: number | undefined;
  /** Whether its Started was seen. */
  begun: boolean;
  /** Registers of Updated. */
  readonly registers: Told[];
  end?: { readonly told: Told; readonly at: number | undefined };
  open: boolean;
  tag: string | undefined;
}

interface Event {
  readonly type: string | undefined;
  readonly id: string | undefined;
  readonly at: number | undefined;
  readonly registers: readonly Told[];
  readonly tag: string | undefined;
  readonly place: string | undefined;
  /** All of the message that says something. */
  readonly facts: string;
}

export function reckon2(exchanges: readonly Exchange[]): Reckoning {
  const book = new Book();
  for (const exchange of exchanges) {
    const { say, answer, payload } = exchange;
    if (say.action !== 'TransactionEvent') {
      if (answer !== 'result')
        book.faults.push({ id: undefined, what: `${say.action} was answered with ${answer}` });
      continue;
    }
    const event = eventOf(payload);
    if (answer === 'result') book.take(event);
    else if (answer === 'none' || (event.id !== undefined && event.type !== undefined)) {
      book.faults.push({ id: event.id, what: `${event.type} was answered with ${answer}` });
    }
  }
  return book.close();
}

function eventOf(payload: JsonObject): Event {
  const { transactionInfo, eventType, timestamp, meterValue, idToken, evse, seqNo } = payload;
  const info = isObject(transactionInfo) ? transactionInfo : {};
  const token = isObject(idToken) ? readText(idToken['idToken']) : readText(idToken);
  const registers = readRegisters(meterValue);
  const at = readMoment(timestamp);
  return {
    type: readText(eventType),
    id: readText(info['transactionId']),
    at,
    registers,
    tag: token,
    place: isObject(evse) ? readId(evse['id']) : readId(evse),
    facts: [
      readText(eventType),
      readId(seqNo),
      at ?? JSON.stringify(timestamp),
      ...registers.map((one) => (one.said === 'energy' ? one.energy : one.said)),
    ].join(),
  };
}

class Book {
  readonly faults: Fault[] = [];
  readonly #sessions = new Map<string, Session[]>();
  readonly #seen = new Set<string>();

  take(event: Event): void {
    const { id, type, facts } = event;
    if (id === undefined) return;
    const key = `${id} ${facts}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const sessions = this.#sessions.get(id) ?? [];
    this.#sessions.set(id, sessions);
    const current = sessions.at(-1);
    if (type === 'Started') this.#started(event, sessions, current);
    else if (type === 'Updated') this.#updated(event, sessions, current);
    else if (type === 'Ended') this.#ended(event, sessions, current);
    const session = sessions.at(-1);
    // The token of the start, or the first one that a message names.
    if (session !== undefined) session.tag ??= event.tag;
  }

  #started(event: Event, sessions: Session[], current: Session | undefined): void {
    if (current === undefined) return this.#begin(sessions, event);
    const { at } = event;
    const isSame = at !== undefined && at === current.startedAt && sameRegister(current.start, first(event));
    if (isSame) return;
    const late = current.end?.at === undefined || at === undefined || at <= current.end.at;
    if (!current.begun && (current.open || late)) return this.#complete(current, event);
    // Older than the one that runs: it was said before, or comes late.
    if (current.open && at !== undefined && current.startedAt !== undefined && at < current.startedAt) {
      current.bill.report = graver(current.bill.report, 'may');
      return;
    }
    if (current.open) {
      this.#abandon(current);
      return this.#begin(sessions, event);
    }
    this.#begin(sessions, event);
    for (const session of sessions) session.bill.report = graver(session.bill.report, 'may');
  }

  /** A Started that comes after other events of its session. */
  #complete(session: Session, event: Event): void {
    session.start = first(event);
    session.startedAt = event.at;
    session.begun = true;
    if (event.tag !== undefined) session.tag = event.tag;
    if (session.open) return;
    const { energies, report } = energyOf(
      session.start,
      session.end?.told ?? NOTHING,
      session.registers,
      true,
    );
    session.bill.energies = energies;
    session.bill.report = graver(session.bill.report, graver(report, 'may'));
  }

  #begin(sessions: Session[], event: Event): void {
    // What runs there has ended, whatever is heard of it later.
    for (const session of [...this.#sessions.values()].flat()) {
      if (session.open && session.bill.place === event.place)
        session.bill.report = graver(session.bill.report, 'may');
    }
    const session = this.#open(sessions, event);
    session.start = first(event);
    session.startedAt = event.at;
    session.begun = true;
    if (event.at === undefined) session.bill.report = 'must';
  }

  #updated(event: Event, sessions: Session[], current: Session | undefined): void {
    const session =
      current === undefined || isOfAnother(event, current) ? this.#open(sessions, event) : current;
    if (session !== current && current !== undefined)
      current.bill.report = graver(current.bill.report, 'may');
    if (session.open) {
      session.registers.push(...event.registers);
      return;
    }
    // Late: where the end said no register, this may be the last one that is known.
    session.registers.push(...event.registers);
    const late = energyOf(session.start, session.end?.told ?? NOTHING, session.registers, true);
    const isSilent = session.end?.told.said === 'nothing';
    session.bill.energies = isSilent ? late.energies : [...session.bill.energies, ...late.energies];
    if (isSilent) session.bill.report = late.report;
  }

  #ended(event: Event, sessions: Session[], current: Session | undefined): void {
    const session = current ?? this.#open(sessions, event);
    const end = event.registers.at(-1) ?? NOTHING;
    if (!session.open) return this.#endedAgain(event, sessions, session, end);
    // Before the end, a message may tell how it began.
    const between = [...session.registers, ...event.registers.slice(0, -1)];
    const { energies, report } = energyOf(session.start, end, between, true);
    session.bill.energies = energies;
    session.bill.report = graver(session.bill.report, event.at === undefined ? 'must' : report);
    session.end = { told: end, at: event.at };
    session.open = false;
  }

  /**
   * Without a higher register it is a repetition. With one, it may say more of the same session, or be the end of
   * another one of which nothing else is known: a person has to look.
   */
  #endedAgain(event: Event, sessions: Session[], session: Session, end: Told): void {
    const before = session.end?.told;
    if (end.said !== 'energy') return;
    if (before?.said === 'energy' && before.energy >= end.energy) {
      if (before.energy > end.energy) session.bill.report = graver(session.bill.report, 'may');
      return;
    }
    const { energies } = energyOf(session.start, end, session.registers, true);
    session.bill.energies = [...session.bill.energies, ...energies];
    session.bill.report = 'must';
    const other = this.#open(sessions, event);
    Object.assign(other, { open: false, end: { told: end, at: event.at } });
    Object.assign(other.bill, { energies: [undefined], report: 'must', optional: true });
  }

  #open(sessions: Session[], { id = '', place }: Event): Session {
    const bill: Expected = { ids: [id], energies: [], report: 'no', tag: undefined, place };
    const session: Session = {
      bill,
      start: NOTHING,
      startedAt: undefined,
      begun: false,
      registers: [],
      open: true,
      tag: undefined,
    };
    sessions.push(session);
    return session;
  }

  #abandon(session: Session): void {
    session.bill.energies = energyOf(session.start, NOTHING, session.registers, true).energies;
    session.bill.report = 'must';
    session.open = false;
  }

  close(): Reckoning {
    const all = [...this.#sessions.values()].flat();
    for (const session of all) if (session.open) this.#abandon(session);
    return { bills: all.map(({ bill, tag }) => Object.assign(bill, { tag })), faults: this.faults };
  }
}

/** An event after the end, with more than the end said: the id is used again, and its Started is lost. */
function isOfAnother({ at, registers }: Event, session: Session): boolean {
  const { open, end } = session;
  const last = registers.at(-1);
  if (open || at === undefined || end?.at === undefined || last?.said !== 'energy') return false;
  const said = [session.start, ...session.registers, end.told];
  return at > end.at && said.every((one) => one.said !== 'energy' || one.energy < last.energy);
}

const NOTHING: Told = { said: 'nothing' };

function first({ registers }: Event): Told {
  return registers[0] ?? NOTHING;
}

function sameRegister(one: Told, other: Told): boolean {
  return one.said === 'energy' && other.said === 'energy'
    ? one.energy === other.energy
    : one.said === other.said;
}
