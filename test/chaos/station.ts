/**
 * An honest station on a bad day: one CALL at a time, transaction messages sent again, with the same content, until they are
 * answered, on this connection or the next, under the same message id or another, and a reading now and then behind the next one.
 * It executes commands and keeps the ledger.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Charge, Ledger } from './ledger.ts';
import { boot, meter, type Message, send, start, stop } from './messages.ts';
import type { StationPlan } from './plan.ts';
import { Chance } from './random.ts';

export interface StationWorld {
  readonly ledger: Ledger;
  /** Where proxies are reached, `ws://127.0.0.1:PORT/ocpp`. */
  readonly urls: readonly string[];
  /** Looks into the store: the last meter of an open transaction; undefined when there is no such record. */
  readonly lastMeter: (charge: Charge) => Promise<number | undefined>;
  /** Looks into the store: the newest value of the station's event stream. */
  readonly lastSent: (stationId: string) => Promise<number | undefined>;
  readonly signal: AbortSignal;
  /** A patient station waits so long, longer than any fault lasts, and is answered unless its connection ends; ms. */
  readonly patientMs: number;
}

/** An impatient station asks again after this. */
const IMPATIENT_MS = 800;
const HANDSHAKE_MS = 2500;
const RETRY_MS = 150;
const CLOSE_MS = 500;
let connections = 0;

interface Link {
  readonly number: number;
  readonly ws: WebSocket;
}

export class Station {
  readonly #plan: StationPlan;
  readonly #world: StationWorld;
  readonly #chance: Chance;
  readonly #patient: boolean;
  #link: Link | undefined;
  /** SENDs written, and the connection of the last one. */
  #sent = { number: 0, connection: 0 };
  #answers = new Map<string, (frame: readonly unknown[] | undefined) => void>();

  constructor(plan: StationPlan, world: StationWorld) {
    this.#plan = plan;
    this.#world = world;
    this.#chance = new Chance(plan.seed);
    this.#patient = this.#chance.happens(0.6);
  }

  /** The whole day: boot, charge, charge. Ends early when the run is abandoned. */
  async run(): Promise<void> {
    await this.#ask(boot(this.#plan.protocol));
    for (let i = 0; i < this.#plan.transactions; i++) await this.#chargeOnce(i);
  }

  /** Stays connected for commands until the run ends. */
  async leave(): Promise<void> {
    const ws = this.#link?.ws;
    this.#link = undefined;
    if (ws === undefined || ws.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => ws.once('close', resolve));
    ws.close(1000);
    await Promise.race([closed, wait(CLOSE_MS)]);
    ws.terminate();
  }

  /** On a connection that has been the station's all along, what it sent last is what is stored last. */
  async checkSent(): Promise<void> {
    const { number, connection } = this.#sent;
    const { ledger, lastSent, patientMs } = this.#world;
    const { id } = this.#plan;
    const link = this.#link;
    if (number === 0 || link?.number !== connection) return;
    const end = Date.now() + patientMs;
    let stored = await lastSent(id);
    for (; stored !== number && Date.now() < end; stored = await lastSent(id)) await wait(100);
    if (stored === number) return void ledger.counts.sendsKept++;
    const alive = await this.#askOnce(link, randomUUID(), { action: 'Heartbeat', payload: {} });
    if (alive !== undefined)
      ledger.violated(`${id}: SEND ${number} was the last on ${connection}, ${stored} is stored`);
  }

  /** Three at once. */
  #send(): void {
    const link = this.#link;
    if (this.#plan.protocol !== 'ocpp2.1' || link?.ws.readyState !== WebSocket.OPEN) return;
    this.#sent.connection = link.number;
    for (let i = 0; i < 3; i++) {
      const { action, payload } = send(++this.#sent.number);
      link.ws.send(JSON.stringify([6, randomUUID(), action, payload]));
    }
  }

  /** Connects if it must. */
  async stay(): Promise<void> {
    await this.#connected();
  }

  async #chargeOnce(index: number): Promise<void> {
    const { id, protocol, meters, pauseMs } = this.#plan;
    const { ledger, lastMeter, signal } = this.#world;
    const meterStart = 1000 * (index + 1);
    const charge: Charge = {
      stationId: id,
      protocol,
      transactionId: protocol === 'ocpp1.6' ? undefined : randomUUID(),
      meterStart,
      meterStop: undefined,
      started: false,
      stopped: false,
    };
    ledger.charges.push(charge);
    for (let times = this.#chance.happens(0.15) ? 2 : 1; times > 0; times--) {
      const payload = await this.#ask(start(charge));
      if (payload === undefined) return;
      charge.started = true;
      if (protocol === 'ocpp1.6') ledger.named(charge, String(payload['transactionId']));
    }
    for (let step = 1; step <= meters; step++) {
      await wait(pauseMs, undefined, { signal }).catch(() => undefined);
      const value = meterStart + step * 10;
      this.#send();
      // Some firmware empties its queue once more.
      const steps = step > 1 && this.#chance.happens(0.2) ? [step, step - 1] : [step];
      for (const one of steps) {
        if ((await this.#ask(meter(charge, one, meterStart + one * 10))) === undefined) return;
        const stored = await lastMeter(charge);
        if (stored !== value) ledger.violated(`${id}: meter ${value} was answered, ${stored} is stored`);
      }
    }
    charge.meterStop = meterStart + 500;
    for (let times = this.#chance.happens(0.15) ? 2 : 1; times > 0; times--) {
      if ((await this.#ask(stop(charge, meters + 1, charge.meterStop))) === undefined) return;
      charge.stopped = true;
    }
  }

  /** Asks until it is answered; undefined when the run is abandoned. */
  async #ask(message: Message): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { ledger, signal } = this.#world;
    let messageId: string = randomUUID();
    for (let attempt = 0; !signal.aborted; attempt++) {
      if (attempt > 0) {
        ledger.counts.resent++;
        await wait(this.#chance.between(0, RETRY_MS));
        if (this.#chance.happens(0.5)) messageId = randomUUID();
        if (this.#chance.happens(0.5)) await this.leave();
      }
      const link = await this.#connected();
      if (link === undefined) continue;
      const answer = await this.#askOnce(link, messageId, message);
      if (answer === undefined) continue;
      const [type, , payload] = answer;
      if (type === 3) return payload as Readonly<Record<string, unknown>>;
      const what = `${this.#plan.id}: ${message.action} was answered with ${JSON.stringify(answer)}`;
      ledger.violated(what);
      return undefined;
    }
    return undefined;
  }

  async #askOnce(link: Link, messageId: string, message: Message): Promise<readonly unknown[] | undefined> {
    const { promise, resolve } = Promise.withResolvers<readonly unknown[] | undefined>();
    const { ledger, patientMs } = this.#world;
    const nothing = () => resolve(undefined);
    const tooLate = () => {
      if (this.#patient) ledger.violated(`${this.#plan.id}: no answer to ${messageId} in ${patientMs} ms`);
      nothing();
    };
    this.#answers.set(messageId, resolve);
    link.ws.once('close', nothing);
    const timer = setTimeout(tooLate, this.#patient ? patientMs : IMPATIENT_MS);
    ledger.asked(link.number, messageId);
    link.ws.send(JSON.stringify([2, messageId, message.action, message.payload]));
    const found = await promise;
    clearTimeout(timer);
    link.ws.off('close', nothing);
    this.#answers.delete(messageId);
    return found;
  }

  async #connected(): Promise<Link | undefined> {
    if (this.#link?.ws.readyState === WebSocket.OPEN) return this.#link;
    this.#link?.ws.terminate();
    this.#link = undefined;
    const ws = new WebSocket(`${this.#chance.one(this.#world.urls)}/${this.#plan.id}`, this.#plan.protocol, {
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
    });
    const link = { number: ++connections, ws };
    const open = new Promise<boolean>((resolve) => {
      ws.once('open', () => resolve(true));
      ws.once('close', () => resolve(false));
      ws.on('error', () => undefined);
    });
    ws.on('message', (data: Buffer) => this.#hear(link, String(data)));
    if (await open) return (this.#link = link);
    await wait(this.#chance.between(50, 300));
    return undefined;
  }

  #hear({ number, ws }: Link, text: string): void {
    const { ledger } = this.#world;
    const frame = JSON.parse(text) as readonly unknown[];
    const [type, id] = frame as [number, string];
    if (type === 2) return this.#execute(ws, id, frame[3] as { data: string });
    ledger.answered(number, id, this.#plan.id);
    this.#answers.get(id)?.(frame);
  }

  /** Mostly it accepts at once; sometimes late, sometimes never. */
  #execute(ws: WebSocket, id: string, { data: key }: { data: string }): void {
    const { ledger } = this.#world;
    ledger.executed(key);
    if (this.#chance.happens(0.1)) return;
    const reply = () => {
      if (ws.readyState !== WebSocket.OPEN) return;
      ledger.replied(key);
      ws.send(JSON.stringify([3, id, { status: 'Accepted' }]));
    };
    if (this.#chance.happens(0.3)) setTimeout(reply, this.#chance.between(10, 1000));
    else reply();
  }
}
