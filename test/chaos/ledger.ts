/**
 * What stations and requesters have seen, and whether it may be. Pure bookkeeping: a broken promise
 * is written down with what happened.
 */
import type { CallOutcome } from '../../services/transport/station-call.ts';

/** A charging session as its station knows it; the station's truth. Meters in Wh. */
export interface Charge {
  readonly stationId: string;
  readonly protocol: string;
  /** 1.6: undefined until the answer to StartTransaction came. */
  transactionId: string | undefined;
  readonly meterStart: number;
  meterStop: number | undefined;
  /** The CSMS has answered its start, its end. */
  started: boolean;
  stopped: boolean;
}

interface Command {
  executed: number;
  replied: boolean;
  outcome: CallOutcome | undefined;
}

export class Ledger {
  readonly violations: string[] = [];
  readonly charges: Charge[] = [];
  readonly counts = {
    calls: 0,
    answers: 0,
    resent: 0,
    sendsKept: 0,
    watched: 0,
    commands: {} as Record<string, number>,
  };
  readonly #commands = new Map<string, Command>();
  /** By connection and message id: CALLs written, less answers heard. */
  readonly #unanswered = new Map<string, number>();

  violated(what: string): void {
    this.violations.push(what);
  }

  /** A station writes a CALL. @param connection a number that no other connection of the run has */
  asked(connection: number, messageId: string): void {
    this.counts.calls++;
    const name = `${connection} ${messageId}`;
    this.#unanswered.set(name, (this.#unanswered.get(name) ?? 0) + 1);
  }

  /** An answer came by a connection: late perhaps, but for a CALL of that connection, and for each only one. */
  answered(connection: number, messageId: string, what: string): void {
    this.counts.answers++;
    const name = `${connection} ${messageId}`;
    const left = this.#unanswered.get(name);
    if (left === undefined) {
      this.violated(`${what}: ${messageId} was answered on connection ${connection}, which never asked it`);
    } else if (left === 0) {
      this.violated(`${what}: ${messageId} was answered twice on connection ${connection}`);
    }
    this.#unanswered.set(name, Math.max(0, (left ?? 0) - 1));
  }

  /** A 1.6 station learns the id of its transaction, perhaps not for the first time. */
  named(charge: Charge, transactionId: string): void {
    const before = charge.transactionId;
    if (before !== undefined && before !== transactionId) {
      this.violated(`${charge.stationId}: one StartTransaction has the ids ${before} and ${transactionId}`);
    }
    const other = this.charges.find((one) => one !== charge && one.transactionId === transactionId);
    if (other !== undefined && charge.protocol === 'ocpp1.6') {
      this.violated(`transaction ${transactionId} belongs to ${charge.stationId} and to ${other.stationId}`);
    }
    charge.transactionId = transactionId;
  }

  /** A station got a command. */
  executed(key: string): void {
    const command = this.#command(key);
    command.executed++;
    if (command.executed > 1) this.violated(`command ${key} was executed ${command.executed} times`);
    this.#judge(key, command);
  }

  /** A station's reply to it was given to the network. */
  replied(key: string): void {
    this.#command(key).replied = true;
  }

  /** A requester learned the outcome. */
  ended(key: string, outcome: CallOutcome): void {
    const command = this.#command(key);
    const before = command.outcome;
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(outcome)) {
      this.violated(`command ${key} ended as ${JSON.stringify(before)} and as ${JSON.stringify(outcome)}`);
    }
    command.outcome = outcome;
    const word = outcome.kind === 'answered' ? outcome.kind : `${outcome.kind} ${outcome.reason}`;
    if (before === undefined) this.counts.commands[word] = (this.counts.commands[word] ?? 0) + 1;
    this.#judge(key, command);
  }

  /** Nothing more will happen: a command without an outcome never gets one. */
  close(keys: readonly string[]): void {
    for (const key of keys) {
      if (this.#command(key).outcome === undefined) this.violated(`command ${key} has no outcome`);
    }
  }

  #judge(key: string, { executed, replied, outcome }: Command): void {
    if (outcome?.kind === 'answered' && (executed === 0 || !replied)) {
      this.violated(`command ${key} is answered, and no station replied`);
    }
    if (outcome?.kind === 'not-sent' && executed > 0) {
      this.violated(`command ${key} is not sent (${outcome.reason}), and was executed`);
    }
  }

  #command(key: string): Command {
    const known = this.#commands.get(key) ?? { executed: 0, replied: false, outcome: undefined };
    this.#commands.set(key, known);
    return known;
  }
}
