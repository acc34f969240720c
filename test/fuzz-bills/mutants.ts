/**
 * Builds that are broken on purpose, each by one thing that an engineer might well do about a kind of sloppiness. The
 * histories must catch them all (`npm run fuzz:bills -- --mutant NAME`, or `--mutant all`).
 */
import type { Kind } from './mutations/mutation.ts';

export interface Change {
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  readonly kind: Kind;
  readonly what: string;
  /** Texts of the sources under services/; each is there once. */
  readonly changes: readonly Change[];
}

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'stops-by-id-and-meter': {
    kind: 'A',
    what: 'the time is no part of the key of a stop whose id was never given',
    changes: [
      {
        from: "businessKey('stop', context.stationId, id, meter, saidAt)",
        to: "businessKey('stop', context.stationId, id, meter)",
      },
    ],
  },
  'events-by-number': {
    kind: 'B',
    what: 'an event is recognised by its seqNo alone',
    changes: [
      {
        from: "businessKey('event', context.stationId, transactionId, seqNo, ...said)",
        to: "businessKey('event', context.stationId, transactionId, seqNo)",
      },
    ],
  },
  'ids-are-used-once': {
    kind: 'B′',
    what: 'a Started after the end of a transaction of that id is a repetition',
    changes: [
      {
        from: "      if (isLater(timestamp, startedAt, now)) return 'reuses';\n",
        to: '',
      },
    ],
  },
  'strict-strings': {
    kind: 'C',
    what: 'a text with a control character in a string is not repaired',
    changes: [{ from: 'code < 0x20) {', to: 'code < 0) {' }],
  },
  'stops-have-ids': {
    kind: 'D',
    what: 'a stop without transaction id is refused',
    changes: [
      {
        from: "  TransactionEvent: ['/eventType', '/transactionInfo/transactionId'],\n",
        to: "  TransactionEvent: ['/eventType', '/transactionInfo/transactionId'],\n  StopTransaction: ['/transactionId'],\n",
      },
    ],
  },
  'times-by-date-parse': {
    kind: 'E',
    what: 'a time is what Date.parse reads',
    changes: [
      {
        from: '  const trimmed = text.trim();\n',
        to: '  const trimmed = text.trim();\n  if (trimmed !== "") return Number.isNaN(Date.parse(trimmed)) ? undefined : Date.parse(trimmed);\n',
      },
    ],
  },
  'digits-are-no-number': {
    kind: 'F',
    what: 'digits as text are not read as a number',
    changes: [
      {
        from: "const decimal = typeof text === 'string' ? readDecimal(text) : undefined;",
        to: "const decimal = typeof value === 'number' ? readDecimal(value) : undefined;",
      },
    ],
  },
  'one-is-no-list': {
    kind: 'G',
    what: 'one object in the place of a list is removed',
    changes: [
      {
        from: "if (wanted === 'array' && value !== undefined) return set('one-for-list', [value]);",
        to: "if (wanted === 'array' && value !== undefined) return REMOVE;",
      },
    ],
  },
  'only-transactions-are-repaired': {
    kind: 'H',
    what: 'another message that breaks its schema is refused',
    changes: [
      {
        from: 'return tolerant ? repair(',
        to: 'return tolerant && TRANSACTION_MESSAGES.has(action) ? repair(',
      },
    ],
  },
  'first-phase': {
    kind: 'I',
    what: 'of a register by phase the first phase is billed',
    changes: [
      {
        from: 'const energy = [...byPhase.values()].reduce((sum, one) => add(sum, one));',
        to: 'const energy = [...byPhase.values()].reduce((sum, one) => (one === sum ? add(sum, one) : sum));',
      },
    ],
  },
  'units-have-case': {
    kind: 'J',
    what: 'a unit in other letters is unknown',
    changes: [
      { from: "['wh', 0],", to: "['Wh', 0]," },
      { from: "['kwh', 3],", to: "['kWh', 3]," },
      {
        from: '?? UNIT).toLowerCase()',
        to: '?? UNIT)',
      },
    ],
  },
  'unknown-units-are-wh': {
    kind: 'J',
    what: 'a unit that is not known is taken for Wh',
    changes: [
      {
        from: 'const power = POWERS.get(',
        to: 'const power = POWERS.get("wh") ?? POWERS.get(',
      },
    ],
  },
  'half-numbers': {
    kind: 'J′',
    what: 'of a value with a comma or a space the first part is read',
    changes: [
      {
        from: "typeof value === 'string' ? value.trim() : '';",
        to: "typeof value === 'string' ? value.trim().replace(/[ ,].*/, '') : '';",
      },
    ],
  },
  'stops-are-not-linked': {
    kind: 'L',
    what: 'a stop that says -1 is never linked to its start',
    changes: [
      {
        from: 'const found = named ?? (isUsable(id) ? undefined : await linked(request, context));',
        to: 'const found = named ?? (isUsable(id) || linked.length > 9 ? undefined : undefined);',
      },
    ],
  },
  'nothing-is-abandoned': {
    kind: 'L',
    what: 'a transaction that is never stopped stays open in silence',
    changes: [
      {
        from: '  const { reportAfterMs, abandonAfterMs } = policy;\n',
        to: '  const [reportAfterMs, abandonAfterMs] = [policy.reportAfterMs * 100, 0];\n',
      },
    ],
  },
  'starts-are-remembered': {
    kind: 'M',
    what: 'the same start is a repetition after its stop too',
    changes: [
      {
        from: "...(startKey === undefined ? [] : [{ kind: 'forget', businessKey: startKey } as const]),",
        to: '',
      },
    ],
  },
  'clocks-are-right': {
    kind: 'M',
    what: 'a higher register of an older time is left out',
    changes: [
      {
        from: 'if (!isAfter(at, known.lastMeterAt, now) && !isHigher(reading, known)) return {};',
        to: 'if (known.lastMeterAt !== undefined && !isNewer(at, known.lastMeterAt, now)) return {};',
      },
    ],
  },
  'negative-energy': {
    kind: 'M′',
    what: 'a stop below its start is billed as it is',
    changes: [
      {
        from: 'const below = energy.digits < 0n ||',
        to: 'const below = energy.digits < -(10n ** 60n) &&',
      },
    ],
  },
  'late-starts-are-dropped': {
    kind: 'O',
    what: 'a Started after its Ended changes nothing',
    changes: [
      {
        from: "if (startedAt === undefined) return isLater(timestamp, closed, now) ? 'reuses' : 'completes';",
        to: "if (startedAt === undefined) return isLater(timestamp, closed, now) ? 'reuses' : 'repeats';",
      },
    ],
  },
  'connectors-are-shared': {
    kind: 'Q',
    what: 'a second start on a connector leaves the first one open',
    changes: [
      {
        from: 'const replaced = openHere.filter(({ record }) => isReplaced(record, request, now.getTime()));',
        to: 'const replaced = openHere.filter(({ record }) => isReplaced(record, request, now.getTime()) && now.getTime() < 0);',
      },
    ],
  },
  'stops-are-billed-again': {
    kind: 'once',
    what: 'a stop that is sent again on another connection is billed again',
    changes: [
      {
        from: "businessKey('stop', stationId, transactionId)",
        to: "businessKey('stop', stationId, transactionId, context.connection)",
      },
      { from: "if (isOpen(record) || kind === 'abandoned') {", to: 'if (true) {' },
    ],
  },
};
