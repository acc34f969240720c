/** One container: its process, restarted with back-off whenever it ends, and its startup, readiness and liveness probes. */
import { sleep } from '../../../services/runtime/clock.ts';
import type { Container, ContainerStatus, Probe } from '../kinds.ts';
import { type ProbeTarget, probeLoop } from './probe.ts';
import { type Child, endProcess, type Exit } from './process.ts';

export interface ContainerOptions {
  readonly container: Container;
  readonly target: ProbeTarget;
  readonly graceMs: number;
  /** Starts the process. */
  launch(): Child;
  /** status() has changed. */
  onChange(): void;
  /** For the terminal: the process ended, or a probe failed. */
  onWarning(message: string): void;
}

const FIRST_PAUSE_MS = 1000;
/** Kubernetes waits up to five minutes. */
const LONGEST_PAUSE_MS = 15_000;
/** A process that ran this long resets the back-off. */
const WELL_AFTER_MS = 60_000;

export class ContainerRun {
  readonly #options: ContainerOptions;
  readonly #stopping = new AbortController();
  readonly #finished: Promise<void>;
  #child: Child | undefined;
  #started = false;
  #ready = false;
  #restarts = 0;
  #state: object = { waiting: { reason: 'ContainerCreating' } };

  constructor(options: ContainerOptions) {
    this.#options = options;
    this.#finished = this.#run();
  }

  status(): ContainerStatus {
    const { name, image } = this.#options.container;
    return {
      name,
      image,
      ready: this.#ready,
      started: this.#started,
      restartCount: this.#restarts,
      state: this.#state,
    };
  }

  /** Ends the process: SIGTERM, then SIGKILL after the grace period or `graceMs` if that is shorter. */
  async stop(graceMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#stopping.abort();
    this.#set({ ready: false });
    if (this.#child !== undefined) await endProcess(this.#child, Math.min(graceMs, this.#options.graceMs));
    await this.#finished;
  }

  /** Kills the process. */
  kill(): void {
    this.#stopping.abort();
    this.#child?.kill('SIGKILL');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const began = performance.now();
      const exit = await this.#runOnce();
      if (signal.aborted) return;
      if (performance.now() - began > WELL_AFTER_MS) pause = FIRST_PAUSE_MS;
      const how = describeExit(exit);
      this.#options.onWarning(`${how}; restart in ${pause / 1000} s`);
      this.#set({
        ready: false,
        started: false,
        state: { waiting: { reason: 'CrashLoopBackOff', message: how } },
      });
      await sleep(pause, signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      this.#restarts += 1;
    }
  }

  /** From the start of the process to its end. */
  async #runOnce(): Promise<Exit> {
    const { container } = this.#options;
    const child = this.#options.launch();
    this.#child = child;
    const over = new AbortController();
    const started = container.startupProbe === undefined;
    this.#set({ state: { running: { startedAt: new Date().toISOString() } } });
    if (container.startupProbe !== undefined) {
      this.#watch('startup', container.startupProbe, child, over.signal, () =>
        this.#begin(child, over.signal),
      );
    }
    if (started) this.#begin(child, over.signal);
    const exit = await child.exited;
    over.abort();
    return exit;
  }

  /** The container has started: its other probes begin. */
  #begin(child: Child, signal: AbortSignal): void {
    const { container, target } = this.#options;
    if (this.#started || signal.aborted) return;
    this.#set({ started: true, ready: container.readinessProbe === undefined });
    if (container.livenessProbe !== undefined) {
      this.#watch('liveness', container.livenessProbe, child, signal, () => undefined);
    }
    if (container.readinessProbe !== undefined) {
      void probeLoop(container.readinessProbe, target, signal, (problem) =>
        this.#set({ ready: problem === undefined && !this.#stopping.signal.aborted }),
      );
    }
  }

  /** A probe whose failure ends the process. */
  #watch(kind: string, probe: Probe, child: Child, signal: AbortSignal, onSuccess: () => void): void {
    void probeLoop(probe, this.#options.target, signal, (problem) => {
      if (problem === undefined) return onSuccess();
      if (this.#stopping.signal.aborted) return;
      this.#options.onWarning(`its ${kind} probe failed (${problem}), restarting`);
      void endProcess(child, this.#options.graceMs);
    });
  }

  #set(change: { ready?: boolean; started?: boolean; state?: object }): void {
    this.#ready = change.ready ?? this.#ready;
    this.#started = change.started ?? this.#started;
    this.#state = change.state ?? this.#state;
    this.#options.onChange();
  }
}

function describeExit(exit: Exit): string {
  if (exit.error !== undefined) return `could not be started: ${exit.error}`;
  return exit.signal === null ? `ended with status ${exit.code}` : `was ended by ${exit.signal}`;
}
