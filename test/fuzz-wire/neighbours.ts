/**
 * Well-behaved stations beside the fuzzer, in a thread of their own: each sends one CALL after the other and expects each to
 * be answered on the same connection. What they lose is a finding; how long they wait is reported.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROTOCOLS } from '../../services/ocpp/frame.ts';
import { openStation } from './play.ts';

export interface Waits {
  readonly answered: number;
  /** What was lost, in words. */
  readonly lost: readonly string[];
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
}

export const NEIGHBOURS = 6;
/** Between an answer and the next CALL; ms. */
const PAUSE = 40;
const PATIENCE = 45_000;

export class Neighbours implements AsyncDisposable {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(port: number): Promise<Neighbours> {
    const worker = new Worker(new URL(import.meta.url), { workerData: { neighboursOf: port } });
    const neighbours = new Neighbours(worker);
    await neighbours.waits();
    return neighbours;
  }

  /** Since the last call. */
  waits(): Promise<Waits> {
    return new Promise((resolve, reject) => {
      this.#worker.once('message', resolve).once('error', reject);
      this.#worker.postMessage('waits', []);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

let times: number[] = [];
let lost: string[] = [];

async function station(port: number, number: number): Promise<void> {
  const protocol = PROTOCOLS[number % PROTOCOLS.length] ?? 'ocpp1.6';
  const name = `NEIGHBOUR-${number}`;
  const connection = await openStation(port, name, protocol);
  for (let i = 0; ; i++) {
    const id = `n${i}`;
    const at = performance.now();
    connection.say(JSON.stringify([2, id, ...callOf(i)]));
    await connection.until(
      () => connection.texts.length > 0 || connection.closeCode !== undefined || connection.ended,
      PATIENCE,
    );
    const [answer = 'nothing', ...others] = connection.texts;
    connection.texts = [];
    if (!answer.startsWith(`[3,"${id}",`) || others.length > 0) {
      lost.push(
        `${name} got ${[answer, ...others].join(' and ').slice(0, 200)} for ${id}, Close ${connection.closeCode ?? '-'}`,
      );
      if (connection.ended || connection.closeCode !== undefined) return;
    } else times.push(performance.now() - at);
    await sleep(PAUSE);
  }
}

/** Two kinds of messages that every version has in the same form. */
function callOf(i: number): readonly [string, object] {
  return i % 3 === 0 ? ['DataTransfer', { vendorId: 'org.example', data: `${i}` }] : ['Heartbeat', {}];
}

function takeWaits(): Waits {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const waits = { answered: sorted.length, lost, median: at(0.5), p99: at(0.99) };
  times = [];
  lost = [];
  return waits;
}

function serve(port: number): void {
  for (let i = 0; i < NEIGHBOURS; i++) {
    station(port, i).catch((error: unknown) => void lost.push(`NEIGHBOUR-${i}: ${String(error)}`));
  }
  parentPort?.on('message', () => parentPort?.postMessage(takeWaits(), []));
}

const { neighboursOf } = (workerData ?? {}) as { readonly neighboursOf?: number };
if (!isMainThread && neighboursOf !== undefined) serve(neighboursOf);
