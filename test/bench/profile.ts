/** V8's CPU profiles of one folder, summed up: whose code the time went into, and which functions themselves. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  /** Node id of each sample, and the time since the one before; µs. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const MOST = 20;
/** V8's own word for waiting. */
const IDLE = '(idle)';

export async function printProfiles(folder: string, say: (text: string) => void): Promise<void> {
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
    const owners = selfTimes(profile, ownerOf);
    const total = [...owners.values()].reduce((sum, time) => sum + time, 0);
    say(`\n${file}: ${(total / 1e6).toFixed(1)} s busy`);
    for (const times of [owners, selfTimes(profile, placeOf)]) {
      const most = [...times].sort(([, a], [, b]) => b - a).slice(0, MOST);
      for (const [name, time] of most) {
        say(`  ${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`);
      }
      say('');
    }
  }
}

/** µs by name, without the time in which nothing ran. */
function selfTimes(
  { nodes, samples, timeDeltas }: CpuProfile,
  nameOf: (frame: CallFrame) => string,
): Map<string, number> {
  const frames = nodes.filter(({ callFrame }) => callFrame.functionName !== IDLE);
  const names = new Map(frames.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [index, sample] of samples.entries()) {
    const name = names.get(sample);
    if (name !== undefined) times.set(name, (times.get(name) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
  return times;
}

/** A package, a folder of ours, Node.js, or what has no source: the engine and the kernel below it. */
function ownerOf({ functionName, url }: CallFrame): string {
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  const own = /\/(services\/[^/]+)/.exec(url)?.[1];
  if (own !== undefined) return own;
  if (/^write[A-Z]|^writev$/.test(functionName)) return 'writes to sockets (native and kernel)';
  return url === '' ? functionName : 'Node.js';
}

function placeOf({ functionName, url, lineNumber }: CallFrame): string {
  const place =
    url === '' ? '' : ` ${url.split('/').slice(-3, -1).join('/')}/${basename(url)}:${lineNumber + 1}`;
  return `${functionName || '(anonymous)'}${place}`;
}
