/** What a proxy paces: handshakes, boots and closes, each at its share of the rate of the whole cluster. */
import { HandshakeLine } from '../../station-server/rates/handshake-line.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Gateway, StationSessions } from '../../transport/gateway.ts';
import type { RateName } from '../../transport/rates.ts';
import { BootPacing } from './boot-pacing.ts';
import { ClosePace } from './close-pace.ts';
import { ClusterRates } from './cluster-rates.ts';
import type { ProxySettings } from '../config.ts';
import { LostSessions } from './lost-sessions.ts';
import type { ProxyMetricsSources } from '../metrics.ts';

/** The rates are read each time, as they may change. */
export type PacingSettings = Pick<ProxySettings, 'drainRate' | 'connectRate' | 'bootRate' | 'callTimeout'>;

/** What the drain needs of the rate of closes. */
export interface DrainDemand {
  /** Number of sockets that it has to close; undefined unless all of them. */
  readonly draining: () => number | undefined;
  /** Number of sockets that it has to close, of others that stay. Those whose session is lost come first. */
  readonly shedding: () => number;
}

export class Pacing implements Disposable {
  /** Where accepted handshakes wait. */
  readonly line: HandshakeLine;
  /** Opens the sessions of the gateway, with paced boots and paced losses. */
  readonly sessions: StationSessions;
  /** How fast a drain may close sockets now. */
  readonly closes: ClosePace;
  readonly #rates: ClusterRates;
  readonly #lost: LostSessions;
  readonly #boots: BootPacing;

  constructor(settings: PacingSettings, gateway: Gateway, clock: Clock, { draining, shedding }: DrainDemand) {
    const toClose = () => draining() ?? (this.#lost.waiting || shedding());
    const rates: ClusterRates = new ClusterRates({
      lease: gateway.leaseRates,
      rates: ratesOf(settings),
      demands: {
        closes: toClose,
        handshakes: () => this.line.takeDemand(),
        boots: () => this.#boots.takeDemand(),
      },
      waiting: { closes: toClose, handshakes: () => this.line.waiting, boots: () => this.#boots.waiting },
      isPressed: () => this.line.waiting > rates.perSecond('handshakes'),
    });
    const rate = () => settings.drainRate;
    const closes = new ClosePace({ rates, gateway, rate, isClosing: () => toClose() > 0 });
    // A drain closes lost ones too, in its own order.
    const closesPerSecond = () => (draining() === undefined ? closes.perSecond() : 0);
    this.#rates = rates;
    this.closes = closes;
    this.line = new HandshakeLine({
      perSecond: () => rates.perSecond('handshakes'),
      expectedPerSecond: (demand) => rates.expectedPerSecond('handshakes', demand),
      isRateKnown: () => rates.isLeased,
      clock,
    });
    this.#lost = new LostSessions(gateway, { closesPerSecond, clock });
    const maxWaitMs = settings.callTimeout / 2;
    this.#boots = new BootPacing(this.#lost, {
      bootsPerSecond: () => rates.perSecond('boots'),
      maxWaitMs,
      clock,
    });
    this.sessions = this.#boots;
  }

  get figures(): Pick<ProxyMetricsSources, 'bootsWaiting' | 'handshakesWaiting' | 'lost' | 'share'> {
    return {
      bootsWaiting: () => this.#boots.waiting,
      handshakesWaiting: () => this.line.waiting,
      lost: () => this.#lost.waiting,
      share: (name) => this.#rates.perSecond(name),
    };
  }

  /** Call it after the gateway has started; resolves with the first share, or after some time without one. */
  async start(): Promise<void> {
    await this.#rates.start();
    this.closes.start();
  }

  /** Stops renewing the lease; the gateway releases it when it stops, which must follow. */
  stop(): void {
    this.closes.stop();
    this.#rates.stop();
  }

  /** Call it after the connections are closed. */
  [Symbol.dispose](): void {
    this.line[Symbol.dispose]();
    this.#lost[Symbol.dispose]();
    this.#boots[Symbol.dispose]();
  }
}

const ratesOf = (settings: PacingSettings): Readonly<Record<RateName, number>> => ({
  get closes() {
    return settings.drainRate;
  },
  get handshakes() {
    return settings.connectRate;
  },
  get boots() {
    return settings.bootRate;
  },
});
