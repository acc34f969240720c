/**
 * Stands for the Deployment controller, the ws-proxy Pods and their stations, on a real API server. Each Pod is a small HTTP
 * server on 127.0.0.1 that answers as the admin port does. A moved station connects at once to the set that the Service selects.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  METRIC,
  PATH,
  type DrainOrder,
  type DrainReport,
  type RolloutReport,
} from '../../../services/contract.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { hashOf, type Scene, type Workload } from '../api-server/operator-scene.ts';

const EVERY_MS = 50;

interface Service extends KubeObject {
  readonly spec: { readonly selector: Readonly<Record<string, string>> };
}

class Pod {
  readonly name: string;
  readonly set: string;
  readonly server: Server;
  sessions = 0;
  moved = 0;
  accepted = 0;
  order: DrainOrder | undefined;

  constructor(name: string, set: string, answer: (pod: Pod, request: IncomingMessage) => Promise<Answer>) {
    this.name = name;
    this.set = set;
    this.server = createServer((request, response) => {
      void answer(this, request).then(({ status, body }) => {
        response
          .writeHead(status, { connection: 'close' })
          .end(typeof body === 'string' ? body : JSON.stringify(body));
      });
    }).listen(0, '127.0.0.1');
  }

  get report(): DrainReport {
    const { rollout, moves, mode = 'accepting' } = this.order ?? {};
    return {
      mode,
      ...(rollout !== undefined && { rollout }),
      ...(moves !== undefined && { moves }),
      sessions: this.sessions,
      inTransaction: 0,
      moved: this.moved,
      handshakes: { accepted: this.accepted, failed: 0 },
    };
  }
}

interface Answer {
  readonly status: number;
  readonly body: object | string;
}

const done = (body: object | string): Answer => ({ status: 200, body });
const NONE: Answer = { status: 404, body: 'not found' };

export interface SimulatedOptions {
  /** Bearer token of the admin ports. */
  readonly token: string;
  /** Deployment of an earlier release: its Pods have no admin paths. */
  readonly legacy?: string;
  /** Stations of the first Pods, in total. */
  readonly stations: number;
}

export class SimulatedPods implements AsyncDisposable {
  /** What happened to the sets, in order and without repetitions: `<set>: 2 Pods`, `tested`, `selected`, and each order to a Pod. */
  readonly history: string[] = [];
  /** Closes that a rollout or the end of a Pod caused. */
  moves = 0;
  /** While true, a Pod that drains keeps its stations. */
  holdsStations = false;
  readonly #scene: Scene;
  readonly #options: SimulatedOptions;
  readonly #running: Promise<void>;
  readonly #pods: Pod[] = [];
  readonly #last = new Map<string, string>();
  #selector: Service['spec']['selector'] = {};
  #counts = { id: '', moves: 0 };
  #serial = 0;
  #ended = false;

  constructor(scene: Scene, options: SimulatedOptions) {
    this.#scene = scene;
    this.#options = options;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#running;
    for (const { server } of this.#pods) server.close();
  }

  /** Stations by set. */
  get stations(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const { set, sessions } of this.#pods) sums[set] = (sums[set] ?? 0) + sessions;
    return sums;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const sets = await this.#scene.proxySets();
      // Not before: a set that is new was not there when the Service selected every Pod.
      await this.#see();
      for (const pod of this.#pods) this.#drain(pod);
      for (const set of sets) await this.#control(set).catch(unlessDeleted);
      for (const place of ['deployments/city-processor', 'statefulsets/city-redis'])
        await this.#scene.settle(place);
      await delay(EVERY_MS);
    }
  }

  async #see(): Promise<void> {
    this.#selector = (await this.#scene.get<Service>('services/city-ws-proxy'))?.spec.selector ?? {};
    const { 'ocpp.dev/proxy-set': set, 'pod-template-hash': hash } = this.#selector;
    this.#note('Service', `${set ?? (hash === undefined ? 'every set' : `hash ${hash}`)}: selected`);
  }

  /** As its controller does: as many Pods as it wants, and a status. */
  async #control(set: Workload): Promise<void> {
    const { name } = set.metadata;
    const own = this.#pods.filter((pod) => pod.set === name);
    this.#note(`Pods of ${name}`, `${name}: ${set.spec.replicas} Pods`);
    for (let missing = set.spec.replicas - own.length; missing > 0; missing -= 1) await this.#start(set);
    for (const pod of own.slice(set.spec.replicas)) await this.#end(pod);
    await this.#scene.showReady(set);
  }

  async #start(set: Workload): Promise<void> {
    this.#serial += 1;
    const pod = new Pod(`pod-${this.#serial}`, set.metadata.name, (...of) => this.#answer(...of));
    await once(pod.server, 'listening');
    await this.#scene.podOf(set, (pod.server.address() as AddressInfo).port, pod.name);
    if (this.#serial <= set.spec.replicas) pod.sessions = this.#options.stations / set.spec.replicas;
    this.#pods.push(pod);
  }

  /** A Pod moves its stations when it terminates. */
  async #end(pod: Pod): Promise<void> {
    this.#pods.splice(this.#pods.indexOf(pod), 1);
    await this.#scene.delete(`pods/${pod.name}?gracePeriodSeconds=0`);
    this.#move(pod, pod.sessions);
    pod.server.close();
  }

  async #answer(pod: Pod, request: IncomingMessage): Promise<Answer> {
    const path = request.url?.split('?')[0];
    if (path === PATH.metrics)
      return done(`# TYPE ${METRIC.proxySessions} gauge\n${METRIC.proxySessions} ${pod.sessions}\n`);
    if (pod.set === this.#options.legacy) return NONE;
    if (request.headers.authorization !== `Bearer ${this.#options.token}`) return { status: 401, body: '' };
    switch (`${request.method} ${path}`) {
      case `GET ${PATH.drain}`:
        return done(pod.report);
      case `PUT ${PATH.drain}`:
        return done(this.#obey(pod, (await bodyOf(request)) as DrainOrder));
      case `POST ${PATH.selfTest}`:
        this.#note(`test of ${pod.set}`, `${pod.set}: tested`);
        return done({ ok: true, failures: [] });
      case `GET ${PATH.rollout}`:
        return done(
          this.#report(new URL(request.url ?? '', 'http://localhost').searchParams.get('id') ?? ''),
        );
      default:
        return NONE;
    }
  }

  #obey(pod: Pod, order: DrainOrder): DrainReport {
    if (order.rollout !== pod.order?.rollout) pod.moved = 0;
    pod.order = order;
    const { mode, moves } = order;
    if (mode !== 'accepting')
      this.#note(pod.name, `${pod.set}: ${moves === undefined ? mode : `${mode} ${moves}`}`);
    this.#drain(pod);
    return pod.report;
  }

  /** An order is given once, so a Pod goes on with it when it no longer holds its stations. */
  #drain(pod: Pod): void {
    if (pod.order?.mode !== 'draining' || this.holdsStations) return;
    const { rollout, moves = Infinity } = pod.order;
    const count = Math.min(pod.sessions, moves - pod.moved);
    if (count <= 0) return;
    if (this.#counts.id !== rollout) this.#counts = { id: rollout, moves: 0 };
    pod.moved += count;
    this.#counts.moves += count;
    this.#move(pod, count);
  }

  #move(pod: Pod, count: number): void {
    pod.sessions -= count;
    this.moves += count;
    const takers = this.#pods.filter(
      (one) => one !== pod && this.#selects(one) && one.order?.mode !== 'refusing',
    );
    if (takers.length === 0 && count > 0) throw new Error(`${count} stations of ${pod.name} find no Pod`);
    for (let station = 0; station < count; station += 1) {
      const taker = takers[station % takers.length];
      if (taker === undefined) return;
      taker.sessions += 1;
      taker.accepted += 1;
    }
  }

  #selects({ set }: Pod): boolean {
    const { 'ocpp.dev/proxy-set': name, 'pod-template-hash': hash } = this.#selector;
    return (name ?? set) === set && (hash ?? hashOf(set)) === hashOf(set);
  }

  #report(id: string): RolloutReport {
    const stations = this.#counts.id === id ? this.#counts.moves : 0;
    const none = { movedAgain: 0, forced: 0, away: 0, missing: 0 };
    return {
      id,
      moves: stations,
      stations,
      ...none,
      gapSeconds: { p50: 0.1, p99: 0.2 },
      peakReturnsPerSecond: stations,
    };
  }

  /** @param subject of which only changes are of interest */
  #note(subject: string, event: string): void {
    if (this.#last.get(subject) !== event) this.history.push(event);
    this.#last.set(subject, event);
  }
}

function unlessDeleted(error: unknown): void {
  if ((error as { code?: string }).code !== 'not-found') throw error;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text);
}
