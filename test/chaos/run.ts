/** One run: stations and commands against the network while the faults of the plan strike it, then the reckoning. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { checkEffects, checkLeftovers, untilQuiet } from './aftermath.ts';
import { type Charge, Ledger } from './ledger.ts';
import type { CommandPlan, Fault, Plan } from './plan.ts';
import { command, type Caller } from './requester.ts';
import { checkSessions, SessionWatch } from './sessions.ts';
import { Station } from './station.ts';

export interface Patience {
  /** After the last fault everybody must come to an end within this; ms. */
  readonly endMs: number;
  /** As long as a patient station waits for an answer; ms. */
  readonly answerMs: number;
}

const USUAL: Patience = { endMs: 40_000, answerMs: 9000 };

/** What a run happens to: a network, perhaps with more beside it. */
export interface Stricken {
  /** Where stations connect. */
  readonly urls: readonly string[];
  /** A connection of the harness; no fault touches its link. */
  readonly look: Redis;
  requester(name: CommandPlan['requester']): Caller;
  /** Strikes, and heals after its time; resolves when it is healed. One fault at a time for each that it strikes. */
  strike(fault: Fault): Promise<void>;
  /** All that was struck is whole again: what ended is started. */
  heal(): Promise<void>;
}

export async function run(
  plan: Plan,
  network: Stricken,
  { endMs, answerMs }: Patience = USUAL,
): Promise<Ledger> {
  const ledger = new Ledger();
  const watch = await SessionWatch.start(network.look);
  const abandon = new AbortController();
  const { signal } = abandon;
  const world = {
    ledger,
    urls: network.urls,
    signal,
    patientMs: answerMs,
    lastMeter: (charge: Charge) => lastMeter(network, charge),
    lastSent: async (id: string) => {
      const stored = await network.look.hget(`ocpp:event-stream:${id}:1`, 'lastValue');
      return stored === null ? undefined : Number(stored);
    },
  };
  const stations = plan.stations.map((one) => new Station(one, world));
  const days = stations.map((station) => station.run());
  const commands = plan.commands.map(async (one) => {
    await wait(one.at);
    const outcome = await command(one, () => network.requester(one.requester), signal);
    if (outcome !== undefined) ledger.ended(one.key, outcome);
  });
  const ofStreams = new AbortController();
  const streams = watchStreams(network, plan, ledger, ofStreams.signal);
  const faults = plan.faults.map(async (fault) => {
    await wait(fault.at);
    await network.strike(fault);
  });
  await Promise.all(faults);
  await network.heal();
  const late = setTimeout(() => abandon.abort(), endMs);
  // Those that have charged stay for the commands that wait for them.
  const over = new AbortController();
  const staying = Promise.all(
    stations.map(async (station, i) => {
      await days[i];
      while (!over.signal.aborted) {
        await station.stay();
        await wait(100);
      }
    }),
  );
  await Promise.all([...days, ...commands]);
  over.abort();
  await staying;
  clearTimeout(late);
  if (signal.aborted) ledger.violated(`not everybody came to an end within ${endMs} ms`);
  await Promise.all(stations.map((station) => station.checkSent()));
  await Promise.all(stations.map((station) => station.leave()));
  ledger.close(plan.commands.map(({ key }) => key));
  await untilQuiet(network.look, ledger);
  ofStreams.abort();
  await streams;
  if (watch.gaps === 0) for (const { id } of plan.stations) checkSessions(id, watch.of(id), ledger);
  ledger.counts.watched = watch.gaps === 0 ? 1 : 0;
  watch.stop();
  await checkEffects(network.look, plan, ledger);
  await checkLeftovers(network.look, ledger);
  return ledger;
}

/** The newest value of a stream never gets older: SENDs of a connection take effect in its order, those of a replaced one not at all. */
async function watchStreams(
  { look }: Stricken,
  plan: Plan,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  const newest = new Map<string, number>();
  while (!signal.aborted) {
    for (const { id, protocol } of plan.stations) {
      if (protocol !== 'ocpp2.1') continue;
      const stored = Number((await look.hget(`ocpp:event-stream:${id}:1`, 'lastValue')) ?? 0);
      const before = newest.get(id) ?? 0;
      if (stored < before) ledger.violated(`${id}: SEND ${stored} took effect after SEND ${before}`);
      newest.set(id, stored);
    }
    await wait(10);
  }
}

async function lastMeter({ look }: Stricken, { stationId, protocol, transactionId = '' }: Charge) {
  const key =
    protocol === 'ocpp1.6' ? `transaction:${transactionId}` : `transaction:${stationId}:${transactionId}`;
  const stored = await look.hget(`ocpp:${key}`, 'lastMeter');
  return stored === null ? undefined : Number(stored);
}
