/** The drain of a proxy: its settings, its metrics and log lines, and its part in counting a rollout. */
import { sleep, systemClock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { StationServer } from '../../station-server/station-server.ts';
import type { StationSocket } from '../../station-server/station-socket.ts';
import type { Gateway } from '../../transport/gateway.ts';
import type { ProxySettings } from '../config.ts';
import { Drain, type DrainProgress, type DrainSettings } from './drain.ts';
import { MODES } from './drain-order.ts';
import type { ProxyMetrics } from '../metrics.ts';
import type { Pacing } from '../pacing/pacing.ts';

export interface DrainParts {
  readonly settings: ProxySettings;
  readonly server: StationServer;
  readonly gateway: Pick<Gateway, 'rollouts' | 'isHealthy' | 'isFull'>;
  readonly pacing: Pick<Pacing, 'closes' | 'figures'>;
  readonly metrics: ProxyMetrics;
  readonly log: Log;
}

/** How long the first close waits for the register of open transactions; ms. */
const CHARGING_TIMEOUT = 2000;

export function createDrain(parts: DrainParts): Drain<StationSocket> {
  const { settings, server, gateway, pacing } = parts;
  const { rollouts } = gateway;
  const { lost } = pacing.figures;
  return new Drain(server, readDrain(settings), progressOf(parts), {
    clock: systemClock,
    random: Math.random,
    sleep,
    // What has no deadline waits until the sockets whose session is lost are closed.
    rate: (atMost, inMs) =>
      inMs === Infinity && lost() > 0 ? 0 : pacing.closes.perSecond({ sockets: server.size, inMs, atMost }),
    // Every proxy refuses handshakes meanwhile.
    mayMove: () => gateway.isHealthy() && !gateway.isFull(),
    charging: (stationIds) => within(CHARGING_TIMEOUT, rollouts.charging(stationIds)),
  });
}

function readDrain(settings: ProxySettings): DrainSettings {
  return {
    propagationMs: settings.drainPropagation,
    get socketsPerSecond() {
      return settings.drainRate;
    },
    get deadlineMs() {
      const { drainDeadline, drainLimit } = settings;
      return drainLimit === 0 ? drainDeadline : Math.min(drainDeadline, drainLimit);
    },
    get transactions() {
      return settings.drainTransactions;
    },
  };
}

function progressOf({ gateway: { rollouts }, metrics, log }: DrainParts): DrainProgress<StationSocket> {
  return {
    mode: (mode) => {
      for (const one of MODES) metrics.mode.set({ mode: one }, one === mode ? 1 : 0);
      metrics.draining.set(mode === 'draining' ? 1 : 0);
    },
    moved({ session: { stationId }, connection }, rollout, forced) {
      metrics.moved.inc();
      if (rollout === undefined || connection === undefined) return;
      rollouts.recordMoves(rollout, [{ stationId, epoch: connection.epoch, forced }]);
    },
    phase: (phase, sessions) => log.info({ phase, sessions }, 'the drain is in a new phase'),
    forced: (sessions) => {
      metrics.drainForced.inc(sessions);
      log.warn({ sessions }, 'the drain deadline has passed: closing the remaining sockets');
    },
  };
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(ms, done.signal).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
