/** Signals a container's process from outside, as a crash, the kernel's memory killer or a hanging node would. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * A signal to the process of this Pod that was started with `program`. Works where the nodes' processes
 * are processes of this machine (the test cluster, kind) and we are root.
 */
export function signalContainer(podUid: string, program: string, signal: NodeJS.Signals): void {
  const forms = [podUid, podUid.replaceAll('-', '_')];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return ''; // ended meanwhile, or not ours to see
    }
  };
  const victims = pids.filter((pid) => {
    const cgroup = read(pid, 'cgroup');
    return forms.some((uid) => cgroup.includes(uid)) && read(pid, 'cmdline').includes(program);
  });
  if (victims.length !== 1) {
    throw new Error(
      `found ${victims.length} processes ${program} of Pod ${podUid}: are its node's processes visible here?`,
    );
  }
  process.kill(Number(victims[0]), signal);
}

export const killContainer = (podUid: string, program: string) => signalContainer(podUid, program, 'SIGKILL');
