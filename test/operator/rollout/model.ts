/**
 * A model of Service, Pods, stations and Redis counts, on which plans of rollouts are carried out in steps of one second.
 * A station whose socket is closed connects again to a Pod that the Service selects and that accepts, after 1 to 10 s.
 */
import type { ProxyScaleInStatus, RolloutStatus } from '../../../operator/api/ocpp-cluster.ts';
import { planRollout } from '../../../operator/rollout/plan.ts';
import type { ProxyPod, ProxySet } from '../../../operator/rollout/proxy-set.ts';
import { planScaleIn } from '../../../operator/rollout/scale-in.ts';
import { isRunning, type RolloutInput } from '../../../operator/rollout/step.ts';
import type { DrainOrder, RolloutReport } from '../../../services/contract.ts';

export interface Release {
  readonly template: string;
  /** Time until a Pod is ready; absent: it never is. */
  readonly readyAfter?: number;
  /** It answers handshakes with an error. */
  readonly refuses?: boolean;
  /** It crashes this long after it got ready. */
  readonly crashesAfter?: number;
  /** Of an earlier release: without the admin paths. */
  readonly isOld?: boolean;
}

interface ModelPod {
  readonly id: string;
  readonly set: string;
  readonly release: Release;
  createdAt: number;
  startedAt: number;
  restarts: number;
  terminating: boolean;
  tested: boolean;
  order: DrainOrder;
  moved: number;
  accepted: number;
  failed: number;
}

interface Station {
  readonly id: number;
  readonly transactionUntil: number;
  pod: ModelPod | undefined;
  returnsAt: number;
}

const ACCEPTING: DrainOrder = { mode: 'accepting', rollout: '' };

export class Model {
  now = 1_700_000_000_000;
  state: RolloutStatus | undefined;
  serving: string | undefined;
  release: Release;
  /** What the spec asks for. */
  replicas: number;
  scaleIn: ProxyScaleInStatus | undefined;
  hold = false;
  retry: string | undefined;
  /** The Pod whose admin port does not answer, and until when. */
  mute = -1;
  muteUntil = 0;
  /** No operator runs. */
  isDown = false;
  readonly pods: ModelPod[] = [];
  readonly stations: Station[];
  /** Of all rollouts, by station: closes that a rollout caused. */
  readonly moves = new Map<number, number>();
  /** By station: closes by a Pod that drains, on order or because it ends. */
  readonly closes = new Map<number, number>();
  /** Most Pods that were ending at the same time; that were closing stations. */
  mostEnding = 0;
  mostDraining = 0;
  readonly phases: string[] = [];
  readonly #deployments = new Map<
    string,
    { template: string; replicas: number; createdAt: number; release: Release }
  >();
  readonly #releases = new Map<string, Release>();
  readonly #random: () => number;
  #emptied: ReadonlySet<string> = new Set();
  #counts: { id: string; moves: Map<number, number>; away: Map<number, number> } | undefined;
  #serial = 0;

  constructor(
    first: Release,
    options: { stations: number; replicas: number; charging: number; random: () => number },
  ) {
    this.release = first;
    this.#random = options.random;
    this.replicas = options.replicas;
    this.stations = Array.from({ length: options.stations }, (_, id) => ({
      id,
      transactionUntil: id < options.charging ? this.now + 900_000 : 0,
      pod: undefined,
      returnsAt: 0,
    }));
  }

  /** One second: the operator's pass, then Kubernetes, Pods and stations. */
  step(): void {
    this.now += 1000;
    this.#releases.set(this.release.template, this.release);
    if (!this.isDown) this.#reconcile();
    this.#runPods();
    this.#returnStations();
  }

  steps(count: number): void {
    for (let i = 0; i < count; i += 1) this.step();
  }

  /** Until no station is away and the rollout has ended. */
  settle(limit = 3000): boolean {
    for (let i = 0; i < limit; i += 1) {
      this.step();
      const ended =
        this.state === undefined || this.state.phase === 'Completed' || this.state.phase === 'Aborted';
      const sized = this.scaleIn === undefined && this.pods.length === this.replicas;
      const accepting = this.pods.every(
        (pod) => pod.release.isOld === true || pod.order.mode === 'accepting',
      );
      if (ended && sized && accepting && this.away === 0 && this.#leftovers() === 0) return true;
    }
    return false;
  }

  get away(): number {
    return this.stations.filter(({ pod }) => pod === undefined).length;
  }

  get mostCloses(): number {
    return Math.max(0, ...this.closes.values());
  }

  get mostMoves(): number {
    return Math.max(0, ...this.moves.values());
  }

  /** Template of the Pods that hold each station. */
  templates(): Set<string> {
    return new Set(this.stations.map(({ pod }) => pod?.release.template ?? 'none'));
  }

  kill(index: number): ModelPod | undefined {
    const pod = this.pods[index % Math.max(1, this.pods.length)];
    if (pod === undefined) return undefined;
    for (const station of this.stations) if (station.pod === pod) this.#close(station);
    pod.startedAt = this.now;
    pod.restarts += 1;
    pod.order = ACCEPTING;
    pod.moved = 0;
    return pod;
  }

  /** With its Pods. */
  deleteSet(name: string): void {
    this.#deployments.delete(name);
    for (const station of this.stations) if (station.pod?.set === name) this.#close(station);
    for (const pod of this.pods.filter(({ set }) => set === name))
      this.pods.splice(this.pods.indexOf(pod), 1);
  }

  get sets(): readonly string[] {
    return [...this.#deployments.keys()].sort();
  }

  #leftovers(): number {
    return this.pods.filter(({ set }) => set !== this.serving).length;
  }

  #reconcile(): void {
    const sets = this.#sets();
    const scaleIn = planScaleIn({
      state: this.scaleIn,
      set: sets.find(({ name }) => name === this.serving),
      wanted: this.replicas,
      givesOrders: true,
      blocked: isRunning(this.state),
      limitMs: 600_000,
      now: this.now,
    });
    this.scaleIn = scaleIn.state;
    this.#emptied = scaleIn.emptied;
    const input: RolloutInput = {
      settings: {
        strategy: 'BlueGreen',
        minReadySeconds: 5,
        propagationSeconds: 10,
        returnWithinSeconds: 30,
        revisionHistoryLimit: 2,
      },
      transactions: 'Close',
      baseName: 'city-ws-proxy',
      template: this.release.template,
      replicas: scaleIn.replicas,
      sets,
      serving: this.serving,
      state: this.state,
      counts: this.#report(),
      retry: this.retry,
      hold: this.hold,
      now: this.now,
    };
    const plan = planRollout(input);
    this.state = plan.state;
    this.serving = plan.serving;
    if (plan.state !== undefined && this.phases.at(-1) !== plan.state.phase)
      this.phases.push(plan.state.phase);
    const planned = new Map(plan.sets.map((set) => [set.name, set]));
    for (const name of this.#deployments.keys()) if (!planned.has(name)) this.#deployments.delete(name);
    for (const { name, replicas, isRendered } of planned.values()) {
      const known = this.#deployments.get(name);
      const { release } = this;
      const fresh = { template: release.template, release, createdAt: this.now };
      this.#deployments.set(name, {
        ...(known ?? fresh),
        ...(isRendered && { template: release.template }),
        replicas,
      });
    }
    this.#scale();
    const orders = new Map([...scaleIn.orders, ...plan.orders]);
    for (const pod of this.pods) this.#order(pod, orders.get(pod.id));
    for (const id of plan.selfTests) {
      const pod = this.pods.find((one) => one.id === id);
      if (pod !== undefined) pod.tested = true;
    }
  }

  #order(pod: ModelPod, order: DrainOrder | undefined): void {
    if (order === undefined || pod.release.isOld === true || this.#isMute(pod)) return;
    if (pod.order.rollout !== order.rollout) pod.moved = 0;
    pod.order = order;
  }

  #isMute(pod: ModelPod): boolean {
    return this.now < this.muteUntil && this.pods.indexOf(pod) === this.mute;
  }

  #scale(): void {
    for (const pod of this.pods) if (!this.#deployments.has(pod.set)) pod.terminating = true;
    for (const [set, { replicas, release, createdAt }] of this.#deployments) {
      const own = this.pods.filter((pod) => pod.set === set && !pod.terminating);
      for (let i = own.length; i < replicas; i += 1) this.pods.push(this.#newPod(set, release));
      // As the ReplicaSet controller: those that are not ready, then by the cost.
      const rank = (pod: ModelPod) => (this.#isReady(pod) ? 2 : 0) + (this.#emptied.has(pod.id) ? 0 : 1);
      const last = own.sort((a, b) => rank(b) - rank(a)).slice(replicas);
      for (const pod of last) pod.terminating = true;
      void createdAt;
    }
  }

  #newPod(set: string, release: Release): ModelPod {
    const id = `${set}-${(this.#serial += 1)}`;
    const { now } = this;
    return {
      id,
      set,
      release,
      createdAt: now,
      startedAt: now,
      restarts: 0,
      terminating: false,
      tested: false,
      order: ACCEPTING,
      moved: 0,
      accepted: 0,
      failed: 0,
    };
  }

  #runPods(): void {
    let budget = 5;
    this.mostEnding = Math.max(this.mostEnding, this.pods.filter(({ terminating }) => terminating).length);
    const ordered = ({ order: { mode, moves = Infinity }, moved }: ModelPod) =>
      mode === 'draining' && moved < moves;
    const draining = this.pods.filter((pod) => pod.terminating || ordered(pod));
    const holding = draining.filter((pod) => this.stations.some((one) => one.pod === pod));
    this.mostDraining = Math.max(this.mostDraining, holding.length);
    for (const pod of Array.from(this.pods)) {
      const { crashesAfter, readyAfter = Infinity } = pod.release;
      if (crashesAfter !== undefined && this.now - pod.startedAt > (readyAfter + crashesAfter) * 1000) {
        this.kill(this.pods.indexOf(pod));
      }
      const drains = pod.terminating || pod.order.mode === 'draining';
      const held = this.stations.filter((one) => one.pod === pod);
      if (drains) {
        const byOrder = !pod.terminating || pod.order.rollout !== '';
        const limit = pod.terminating ? Infinity : (pod.order.moves ?? Infinity) - pod.moved;
        const ranked = held.sort((a, b) => a.transactionUntil - b.transactionUntil);
        for (const station of ranked.slice(0, Math.max(0, Math.min(budget, limit)))) {
          budget -= 1;
          this.closes.set(station.id, (this.closes.get(station.id) ?? 0) + 1);
          if (byOrder) this.#move(station, pod);
          this.#close(station);
        }
      }
      if (pod.terminating && !this.stations.some((one) => one.pod === pod))
        this.pods.splice(this.pods.indexOf(pod), 1);
    }
  }

  #move(station: Station, pod: ModelPod): void {
    pod.moved += 1;
    this.moves.set(station.id, (this.moves.get(station.id) ?? 0) + 1);
    const { rollout } = pod.order;
    if (this.#counts?.id !== rollout) this.#counts = { id: rollout, moves: new Map(), away: new Map() };
    this.#counts.moves.set(station.id, (this.#counts.moves.get(station.id) ?? 0) + 1);
    this.#counts.away.set(station.id, this.now);
  }

  #close(station: Station): void {
    station.pod = undefined;
    station.returnsAt = this.now + 1000 + Math.floor(this.#random() * 9000);
  }

  #returnStations(): void {
    for (const station of this.stations) {
      if (station.pod !== undefined || station.returnsAt > this.now) continue;
      const selected = this.pods.filter(
        (pod) => pod.set === this.serving && this.#isReady(pod) && !pod.terminating,
      );
      const pod = selected[Math.floor(this.#random() * selected.length)];
      if (pod === undefined || pod.order.mode !== 'accepting' || pod.release.refuses === true) {
        if (pod?.order.mode === 'accepting') pod.failed += 1;
        station.returnsAt = this.now + 1000 + Math.floor(this.#random() * 5000);
        continue;
      }
      pod.accepted += 1;
      station.pod = pod;
      this.#counts?.away.delete(station.id);
    }
  }

  #isReady(pod: ModelPod): boolean {
    return pod.order.leaving !== true && this.#isUp(pod);
  }

  #isUp(pod: ModelPod): boolean {
    return this.now - pod.startedAt >= (pod.release.readyAfter ?? Infinity) * 1000;
  }

  #sets(): ProxySet[] {
    return [...this.#deployments].map(([name, { template, replicas, createdAt }]) => ({
      name,
      template,
      replicas,
      lastUsedAt: createdAt,
      pods: this.pods.filter(({ set }) => set === name).map((pod) => this.#observed(pod)),
    }));
  }

  #observed(pod: ModelPod): ProxyPod {
    const { id, createdAt, restarts, terminating, release, tested, order, moved, accepted, failed } = pod;
    const ready = this.#isReady(pod) && !terminating;
    const held = this.stations.filter((one) => one.pod === pod);
    const report = {
      mode: order.mode,
      ...(order.rollout !== '' && { rollout: order.rollout }),
      ...(order.moves !== undefined && { moves: order.moves }),
      ...(order.leaving === true && { leaving: true }),
      sessions: held.length,
      inTransaction: held.filter(({ transactionUntil }) => transactionUntil > this.now).length,
      moved,
      handshakes: { accepted, failed },
    };
    const isOld = release.isOld === true;
    return {
      id,
      name: id,
      ready,
      createdAt,
      restarts,
      terminating,
      ...(ready && { readySince: pod.startedAt + (release.readyAfter ?? 0) * 1000 }),
      ...(!ready && { unreadySince: createdAt }),
      ...(isOld && {
        report: 'unsupported' as const,
        selfTest: 'unsupported' as const,
        sessions: held.length,
      }),
      ...(!isOld && this.#isUp(pod) && { sessions: held.length }),
      ...(!isOld && this.#isUp(pod) && !this.#isMute(pod) && { report }),
      ...(!isOld && tested && { selfTest: { ok: true, failures: [] } }),
    };
  }

  #report(): RolloutReport | undefined {
    if (this.state === undefined) return undefined;
    const counts = this.#counts?.id === this.state.id ? this.#counts : undefined;
    const moves = [...(counts?.moves.values() ?? [])];
    const away = [...(counts?.away.values() ?? [])];
    return {
      id: this.state.id,
      moves: moves.reduce((sum, one) => sum + one, 0),
      stations: moves.length,
      movedAgain: moves.filter((count) => count > 1).length,
      forced: 0,
      away: away.length,
      missing: away.filter((at) => this.now - at > 30_000).length,
      ...(moves.length > away.length && { gapSeconds: { p50: 5, p99: 10 } }),
      peakReturnsPerSecond: 5,
    };
  }
}
