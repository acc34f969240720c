/** The stations of one ws-proxy Pod move to the others: kubectl evicts it, which its PodDisruptionBudget may refuse, and the Pod drains as it ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command, Run } from '../command.ts';
import { failure, usageError } from '../exit.ts';
import type { ProxyPod } from '../kubectl.ts';
import { writeJson, writeRows } from '../output.ts';
import { age, type Column, printable } from '../table.ts';

/** Between two looks at the Pod; ms. */
const LOOK = 2000;

async function drain(run: Run): Promise<void> {
  const { args, kubectl, terminal, isJson } = run;
  const cluster = run.cluster ?? run.config.read()?.cluster ?? {};
  const [wanted] = args;
  const name = await kubectl.nameOf(cluster);
  const pods = await kubectl.proxyPods(cluster, name);
  if (wanted === undefined)
    return writeRows(run, pods, columns(terminal.now()), `${name} has no ws-proxy Pod`);
  const pod = pods.find((one) => one.name === wanted);
  if (pod === undefined)
    throw failure(`"${printable(wanted)}" is no ws-proxy Pod of ${name}: ocppctl drain lists them`);
  const began = terminal.now();
  if (!pod.isEnding) await kubectl.evict(cluster, pod);
  if (!isJson)
    terminal.note(
      `${pod.name} refuses new stations and moves its own to other Pods, at the rate of spec.proxy.drain`,
    );
  while (!terminal.stopped.aborted) {
    const left = await kubectl.proxyPods(cluster, name);
    if (!left.some(({ uid }) => uid === pod.uid)) {
      const seconds = Math.round((terminal.now() - began) / 1000);
      if (isJson) writeJson(run, { pod: pod.name, seconds });
      else terminal.write(`${pod.name} has ended after ${seconds} s; the operator's Deployment replaces it`);
      return;
    }
    await sleep(LOOK, undefined, { signal: terminal.stopped }).catch(() => undefined);
  }
  terminal.note(`${pod.name} continues without ocppctl`);
}

const columns = (now: number): readonly Column<ProxyPod>[] => [
  { head: 'POD', of: ({ name }) => name },
  { head: 'STATE', of: ({ isReady, isEnding }) => (isEnding ? 'draining' : isReady ? 'ready' : 'not ready') },
  { head: 'AGE', of: ({ since }) => age(since, now) },
];

export const DRAIN: Command = {
  name: 'drain',
  group: 'Kubernetes',
  args: [{ name: 'POD', optional: true }],
  options: [],
  summary:
    'Move the stations of a ws-proxy Pod to the other Pods, and replace it; without POD, list these Pods',
  details: [
    'It needs kubectl and the right to create evictions. A Pod is not evicted while too few others are ready. Each station reconnects once;',
    'those that charge move last (spec.proxy.drain). With Ctrl-C the Pod drains on.',
  ],
  run: (run) => {
    if (run.options.text('url') !== undefined)
      throw usageError('"drain" needs kubectl: leave out --url', 'drain');
    return drain(run);
  },
};
