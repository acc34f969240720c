/** What the control channels tell of stations: each connection begins once and ends once, one after the other, younger ones later. */
import type { Redis } from 'ioredis';
import type { Ledger } from './ledger.ts';

export interface SessionEvent {
  readonly event: 'connect' | 'disconnect';
  readonly charge_point_id: string;
  /** Its epoch. */
  readonly connection: number;
}

/** Listens to both channels. What is published while Redis is away is lost, so a run that kills it cannot be judged. */
export class SessionWatch {
  readonly #ear: Redis;
  readonly #heard: SessionEvent[] = [];
  #gaps = 0;

  private constructor(ear: Redis) {
    this.#ear = ear;
    ear.on('error', () => undefined);
    ear.on('close', () => this.#gaps++);
    ear.on('message', (_, text: string) => this.#heard.push(JSON.parse(text) as SessionEvent));
  }

  static async start(look: Redis): Promise<SessionWatch> {
    const watch = new SessionWatch(look.duplicate());
    await watch.#ear.subscribe('ocpp:control:connect', 'ocpp:control:disconnect');
    return watch;
  }

  get gaps(): number {
    return this.#gaps;
  }

  of(stationId: string): SessionEvent[] {
    return this.#heard.filter((one) => one.charge_point_id === stationId);
  }

  stop(): void {
    this.#ear.disconnect();
  }
}

/** @param events all events of one station in their order, when it has left for good */
export function checkSessions(
  stationId: string,
  events: readonly SessionEvent[],
  ledger: Pick<Ledger, 'violated'>,
): void {
  let last = 0;
  let open: number | undefined;
  for (const { event, connection } of events) {
    if (event === 'connect') {
      if (open !== undefined)
        ledger.violated(`${stationId}: connection ${connection} began before ${open} had ended`);
      if (connection <= last) ledger.violated(`${stationId}: connection ${connection} began after ${last}`);
      open = last = connection;
    } else {
      if (open !== connection)
        ledger.violated(`${stationId}: connection ${connection} ended, and ${open ?? 'none'} was open`);
      open = undefined;
    }
  }
  if (open !== undefined) ledger.violated(`${stationId}: connection ${open} was never said to have ended`);
}
