/**
 * How fast a process may close sockets now: its share of the closes, less while the receiving side struggles. Each closed
 * socket is a handshake at another proxy soon, and a boot in the queue.
 */
import type { Gateway } from '../../transport/gateway.ts';
import type { ClusterRates } from './cluster-rates.ts';

/** The receiving side, as far as this process knows it. Not finite or negative counts as unknown, which is no strain. */
export interface ReceivingSide {
  /** How long handshakes wait in line, anywhere in the cluster; s. */
  readonly handshakeWait: number;
  /** Age of the oldest request that no processor has claimed; s. */
  readonly queueAge: number;
  /** Handshakes that are refused, as a part of all; 0 to 1. */
  readonly refused: number;
}

/** The lowest factor: closing goes on, so that an unfounded signal stops nothing. */
const LEAST = 0.1;
/** Where strain begins, and where it is complete. The ends are below 10 s of line, and the usual 30 s of a station's patience. */
const HANDSHAKE_WAIT = { from: 1, to: 6 } as const;
const QUEUE_AGE = { from: 2, to: 12 } as const;
const REFUSED = { from: 0.02, to: 0.5 } as const;

/**
 * The factor on the rate of closing, 0.1 to 1: the worst of the signals counts.
 * @param needed the part of the rate that the nearest deadline needs; the factor is not below it, and never above 1
 */
export function closeFactor({ handshakeWait, queueAge, refused }: ReceivingSide, needed = 0): number {
  const strain = Math.max(
    part(handshakeWait, HANDSHAKE_WAIT),
    part(queueAge, QUEUE_AGE),
    part(refused, REFUSED),
  );
  const least = Math.min(1, Math.max(LEAST, Number.isNaN(needed) ? 0 : needed));
  return Math.max(least, 1 - strain * (1 - LEAST));
}

/** Where a value is between two bounds; 0 to 1. */
function part(value: number, { from, to }: { readonly from: number; readonly to: number }): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(0, (value - from) / (to - from))) : 0;
}

/** What the closes are for. */
export interface Closing {
  /** Sockets that are to be closed by a deadline. */
  readonly sockets?: number;
  /** How long until then; ms. */
  readonly inMs?: number;
  /** Lower than the rate of the setting; of the whole cluster, per second. */
  readonly atMost?: number;
}

export interface ClosePaceOptions {
  readonly rates: ClusterRates;
  readonly gateway: Pick<Gateway, 'load' | 'isFull' | 'isHealthy'>;
  /** Closes per second of the whole cluster. */
  readonly rate: () => number;
  /** Whether this process has sockets to close. */
  readonly isClosing: () => boolean;
}

/** How often the age of the queue is read while sockets are closed; ms. */
const SAMPLE_INTERVAL = 1000;

export class ClosePace {
  readonly #options: ClosePaceOptions;
  #queueAge = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClosePaceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_INTERVAL).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Closes that this process may make per second now. */
  perSecond({ sockets = 0, inMs = Infinity, atMost = Infinity }: Closing = {}): number {
    const { rates, rate } = this.#options;
    const share = rates.perSecond('closes') * Math.min(1, atMost / rate());
    const needed = (sockets * 1000) / Math.max(1, inMs);
    return share * closeFactor(this.#receivingSide(), needed / share);
  }

  #receivingSide(): ReceivingSide {
    const { rates, gateway } = this.#options;
    // A second of the rate is served while it arrives; handshakes that are refused for want of room are in the demand too.
    const handshakeWait = rates.load('handshakes') - 1;
    // While the store is away or full every proxy refuses every handshake.
    const refused = gateway.isHealthy() && !gateway.isFull() ? 0 : 1;
    return { handshakeWait, queueAge: this.#queueAge, refused };
  }

  async #sample(): Promise<void> {
    const { gateway, isClosing } = this.#options;
    if (!isClosing()) {
      this.#queueAge = 0;
      return;
    }
    try {
      this.#queueAge = (await gateway.load()).oldestSeconds;
    } catch {
      // The store is away: see `refused`.
    }
  }
}
