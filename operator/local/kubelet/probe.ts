/** Startup, readiness and liveness probes: one attempt, and the loop. */
import { get } from 'node:http';
import { connect } from 'node:net';
import { sleep } from '../../../services/runtime/clock.ts';
import { containerPort, type PodSpec, type Probe } from '../kinds.ts';

export interface ProbeTarget {
  readonly host: string;
  readonly spec: PodSpec;
  /** Runs a command in the container; resolves to the problem, if any. */
  exec(command: readonly string[], timeoutMs: number): Promise<string | undefined>;
}

/** One attempt. Resolves to undefined for success, otherwise to the problem. */
export async function attempt(probe: Probe, target: ProbeTarget): Promise<string | undefined> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec !== undefined) return target.exec(probe.exec.command, timeoutMs);
  const wanted = probe.httpGet?.port ?? probe.tcpSocket?.port ?? 0;
  const port = containerPort(target.spec, wanted);
  if (port === undefined) return `there is no container port named ${wanted}`;
  return probe.httpGet === undefined
    ? connects(target.host, port, timeoutMs)
    : answers(target.host, port, probe.httpGet.path ?? '/', timeoutMs);
}

function connects(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const done = (problem?: string) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => done());
    socket.once('timeout', () => done('no connection in time'));
    socket.once('error', (error) => done(error.message));
  });
}

function answers(host: string, port: number, path: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, agent: false, timeout: timeoutMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text = `${text}${chunk}`.slice(0, 500)));
      response.on('close', () => {
        const status = response.statusCode ?? 0;
        resolve(status >= 200 && status < 400 ? undefined : `HTTP ${status}: ${text.trim()}`);
      });
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', (error) => resolve(error.message));
  });
}

/** Probe period of a container that is not healthy: shorter than in a cluster. */
const EAGER_MS = 300;

/**
 * Probes until `signal` aborts. Calls `onTurn` when the result turns: to success after `successThreshold` successes, to
 * failure, with the reason, after failures for as long as `failureThreshold` periods.
 */
export async function probeLoop(
  probe: Probe,
  target: ProbeTarget,
  signal: AbortSignal,
  onTurn: (problem: string | undefined) => void,
): Promise<void> {
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const patienceMs = ((probe.failureThreshold ?? 3) - 1) * periodMs;
  let healthy: boolean | undefined;
  let goodInRow = 0;
  let badSince: number | undefined;
  await sleep((probe.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const problem = await attempt(probe, target);
    if (signal.aborted) return;
    const now = performance.now();
    const good = problem === undefined;
    goodInRow = good ? goodInRow + 1 : 0;
    badSince = good ? undefined : (badSince ?? now);
    const turned =
      badSince === undefined ? goodInRow >= (probe.successThreshold ?? 1) : now - badSince >= patienceMs;
    if (turned && healthy !== good) {
      healthy = good;
      onTurn(problem);
    }
    await sleep(good && healthy === true ? periodMs : Math.min(periodMs, EAGER_MS), signal);
  }
}
