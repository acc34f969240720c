/**
 * Compares what was billed with what a careful human would bill. *Right*: every entry is there once, with its energy, and
 * reports are where they belong. *Reported*: it is not, and a report names the transaction. *Wrong*: no report names it.
 */
import type { Draft } from '../draft.ts';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import type { Entry, Exchange, Transcript } from '../play.ts';
import type { Expected, Reckoning } from './expected.ts';
import { reckon16 } from './reckon-1.6.ts';
import { reckon2 } from './reckon-2.x.ts';
import { type Energy, readEnergy, wattHours } from './values.ts';

export type Verdict = 'right' | 'reported' | 'wrong';

export interface Judgement {
  readonly verdict: Verdict;
  readonly findings: readonly string[];
}

export function reckon(protocol: Protocol, exchanges: readonly Exchange[]): Reckoning {
  return protocol === 'ocpp1.6' ? reckon16(exchanges) : reckon2(exchanges);
}

/** @param lossless whether the messages still say the energy of every session */
export function judge(draft: Draft, transcript: Transcript, lossless: boolean): Judgement {
  const reckoning = reckon(transcript.protocol, transcript.exchanges);
  const finding = new Findings(transcript);
  for (const { id, what } of reckoning.faults) finding.add(id, what);
  const effective = effectiveEntries(transcript.bills, finding);
  compare(reckoning, effective, finding);
  measure(draft, effective, lossless, finding);
  return finding.judgement();
}

class Findings {
  readonly #reported: ReadonlySet<string>;
  readonly #atOnce: ReadonlySet<string>;
  readonly #all: { readonly what: string; readonly reported: boolean }[] = [];

  constructor({ reports, reportsAtOnce }: Transcript) {
    const idsOf = (some: readonly Entry[]) => new Set(some.map(({ transactionId = '' }) => transactionId));
    this.#reported = idsOf(reports);
    this.#atOnce = idsOf(reports.slice(0, reportsAtOnce));
  }

  /** @param id of the transaction; undefined where no report can name it */
  add(id: string | undefined, what: string): void {
    this.#all.push({
      what: `${what}${id === undefined ? '' : ` (transaction ${id})`}`,
      reported: this.isReported(id),
    });
  }

  reported(what: string): void {
    this.#all.push({ what, reported: true });
  }

  silent(id: string | undefined, what: string): void {
    this.#all.push({ what: `${what} (transaction ${id})`, reported: false });
  }

  isReported(id: string | undefined): boolean {
    return id !== undefined && this.#reported.has(id);
  }

  isReportedAtOnce(id: string | undefined): boolean {
    return id !== undefined && this.#atOnce.has(id);
  }

  anyReported(): boolean {
    return this.#reported.size > 0;
  }

  judgement(): Judgement {
    const verdict =
      this.#all.length === 0 ? 'right' : this.#all.every(({ reported }) => reported) ? 'reported' : 'wrong';
    return {
      verdict,
      findings: this.#all.map(({ what, reported }) => `${reported ? 'reported' : 'wrong'}: ${what}`),
    };
  }
}

/** Entries without those that a correction replaces. */
function effectiveEntries(bills: readonly Entry[], finding: Findings): Entry[] {
  const byId = new Map<string | undefined, Entry>();
  for (const bill of bills) {
    const { billId, transactionId, kind, supersedes } = bill;
    if (billId !== undefined && byId.has(billId))
      finding.silent(transactionId, `two entries are called ${billId}`);
    if ((kind === 'correction') !== (supersedes !== undefined && byId.has(supersedes)))
      finding.silent(transactionId, `entry ${billId} is a ${kind} of ${supersedes}`);
    byId.set(billId, bill);
  }
  const replaced = new Set(bills.map(({ supersedes }) => supersedes));
  return bills.filter(({ billId }) => billId === undefined || !replaced.has(billId));
}

const energyOf = ({ energy }: Entry): Energy | undefined =>
  energy === undefined ? undefined : readEnergy(energy);

function compare({ bills }: Reckoning, entries: readonly Entry[], finding: Findings): void {
  const left = new Set(entries);
  const matched = new Map<Expected, Entry>();
  // Those of one reading take their entries first.
  for (const bill of [...bills].toSorted(byCertainty)) {
    const { ids, energies } = bill;
    const fitting = [...left].filter(
      (one) => ids.includes(one['transactionId'] ?? '') && energies.includes(energyOf(one)),
    );
    const entry = fitting.find((one) => one['idTag'] === bill.tag) ?? fitting[0];
    if (entry === undefined) continue;
    left.delete(entry);
    matched.set(bill, entry);
  }
  for (const bill of bills) {
    const entry = matched.get(bill);
    if (entry !== undefined) checkEntry(bill, entry, bills, finding);
    else if (bill.optional !== true && !isLinked(bill, entries)) {
      finding.add(bill.ids[0], `no entry with ${bill.energies.map(wattHours).join(' or ')} Wh`);
    }
  }
  for (const entry of left) {
    const energy = energyOf(entry);
    const what = `an entry too many or with wrong energy: ${wattHours(energy)} Wh`;
    // Without energy it bills nothing: the report of the session that lacks its end is about it too.
    if (energy === undefined && finding.anyReported()) finding.reported(what);
    else finding.add(entry['transactionId'], what);
  }
}

function byCertainty(one: Expected, other: Expected): number {
  const sure = (bill: Expected) => Number(bill.optional === true || bill.unless !== undefined);
  return sure(one) - sure(other) || one.energies.length - other.energies.length;
}

/** Whether the stop ended the bill that it may belong to. */
function isLinked({ unless }: Expected, entries: readonly Entry[]): boolean {
  return entries.some(
    ({ transactionId = '', kind }) => unless?.ids.includes(transactionId) === true && kind !== 'abandoned',
  );
}

function checkEntry(bill: Expected, entry: Entry, bills: readonly Expected[], finding: Findings): void {
  const { ids, report, tag, place, atOnce = false } = bill;
  const id = entry['transactionId'];
  if (atOnce && !finding.isReportedAtOnce(id)) finding.silent(id, 'it is reported a week too late');
  if (report === 'must' && !finding.isReported(id)) finding.silent(id, 'it stands in no report');
  // One report is of one id: another session under that id may have asked for it.
  const allowed = bills.some((one) => one.report !== 'no' && one.ids.some((other) => ids.includes(other)));
  if (!allowed && finding.isReported(id)) finding.add(id, 'a needless report');
  if (tag !== undefined && entry['idTag'] !== tag)
    finding.add(id, `token ${entry['idTag']} instead of ${tag}`);
  const where = entry['evseId'] ?? entry['connectorId'];
  if (place !== undefined && where !== place) finding.add(id, `place ${where} instead of ${place}`);
}

/** The meter knows better than any reading of messages, unless a person is asked to look. */
function measure(draft: Draft, entries: readonly Entry[], lossless: boolean, finding: Findings): void {
  if (finding.anyReported()) return;
  const billed = entries.reduce((sum, entry) => sum + (energyOf(entry) ?? 0n), 0n);
  const counted = draft.sessions.reduce((sum, { start, stop }) => sum + (readEnergy(stop - start) ?? 0n), 0n);
  const figures = `${wattHours(billed)} Wh billed of ${wattHours(counted)} Wh`;
  if (billed > counted) finding.add(undefined, `too much: ${figures}`);
  if (lossless && billed < counted) finding.add(undefined, `too little: ${figures}`);
}
