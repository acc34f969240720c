/**
 * Stations that call one after the other, a proxy and a processor on one Redis, while a test does something to that
 * Redis. A station that waits in vain reconnects, as a real one does. Each CALL asks for one effect; those that
 * were answered are noted.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { GatewayClientTransport } from '../../../services/transport/gateway-client.ts';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import type { RedisSettings } from '../../../services/transport/redis/connection/settings.ts';
import type { Delivery, Gateway, Outcome } from '../../../services/transport/transport.ts';
import { until } from '../../support/until.ts';

/** A fail-over whose vote is split is tried again seconds later; ms. */
const FLOW_MS = 40_000;

export interface Traffic extends AsyncDisposable {
  /** Ids of the CALLs whose answers reached their stations. */
  readonly acknowledged: ReadonlySet<string>;
  /** Errors, one a CALL or connect that failed. */
  readonly givenUp: readonly string[];
  readonly errors: readonly Error[];
  /** Resolves when so many more CALLs were answered. */
  flows(more?: number): Promise<unknown>;
  /** Ends the stations' calling; those that are open are waited for. */
  quiet(): Promise<void>;
}

export interface TrafficOptions {
  readonly redis: RedisSettings;
  readonly channelPrefix: string;
  readonly stateKeyPrefix?: string;
  readonly stations?: number;
  /** How long a station waits for an answer before it reconnects; ms. */
  readonly patienceMs?: number;
  readonly handle?: (delivery: Delivery) => Promise<Outcome>;
}

/** One effect in the stream `effects`, and an answer. */
export function counted({ frame }: Delivery): Promise<Outcome> {
  const write = { kind: 'append', key: 'effects', fields: { id: frame.id }, maxLength: 1_000_000 } as const;
  return Promise.resolve({ answer: { kind: 'result', payload: {} }, writes: [write], events: [] });
}

export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { stations = 8, patienceMs = 5000, handle = counted } = options;
  const config = { ...options, kind: 'redis', leaseMs: 3000 } as const;
  const processor = createTransport({ ...config, name: 'processor' });
  const gateway = createGateway({ ...config, name: 'proxy' });
  const errors: Error[] = [];
  for (const side of [processor, gateway]) side.onError((error) => errors.push(error));
  processor.onMessage(handle);
  await processor.start();
  await gateway.start();
  const stop = new AbortController();
  const acknowledged = new Set<string>();
  const givenUp: string[] = [];
  const notes = { acknowledged, givenUp, patienceMs, stopped: stop.signal };
  const all = Array.from({ length: stations }, (_, i) => callAll(gateway, `CP-${i}`, notes));
  const quiet = async () => {
    stop.abort();
    await Promise.all(all);
  };
  return {
    acknowledged,
    givenUp,
    errors,
    quiet,
    flows(more = 40) {
      const enough = acknowledged.size + more;
      const said = () => errors.slice(-5).map(({ message }) => message);
      return until(() => acknowledged.size >= enough, `${more} more answers`, FLOW_MS).catch(
        (error: Error) => {
          throw new Error(`${error.message}: ${said().join('; ')}`);
        },
      );
    },
    async [Symbol.asyncDispose]() {
      await quiet();
      await gateway.stop();
      await processor.stop();
    },
  };
}

interface Notes {
  readonly acknowledged: Set<string>;
  readonly givenUp: string[];
  readonly patienceMs: number;
  readonly stopped: AbortSignal;
}

async function callAll(gateway: Gateway, stationId: string, notes: Notes): Promise<void> {
  const { acknowledged, givenUp, patienceMs, stopped } = notes;
  const station = new GatewayClientTransport({ gateway, stationId, protocol: 'ocpp1.6' });
  station.onMessage((text) => acknowledged.add((JSON.parse(text) as [number, string])[1]));
  for (let i = 0; !stopped.aborted; i++) {
    const id = `${stationId}-${i}`;
    try {
      if (!station.isConnected()) await station.start();
      await station.write(JSON.stringify([2, id, 'Heartbeat', {}]));
    } catch (error) {
      givenUp.push(`${id}: ${(error as Error).message}`);
      await wait(100);
      continue;
    }
    const end = performance.now() + patienceMs;
    while (!acknowledged.has(id) && performance.now() < end) await wait(5);
    if (acknowledged.has(id)) continue;
    givenUp.push(`${id}: no answer`);
    await station.stop();
  }
  await station.stop();
}
