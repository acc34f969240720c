/** V8's CPU profiles of one folder, summed up: which functions the time went into themselves. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** Node id of each sample, and the time since the one before; µs. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const MOST = 30;
/** V8's own word for waiting. */
const IDLE = '(idle)';

export async function printProfiles(folder: string, say: (text: string) => void): Promise<void> {
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
    const functions = selfTimes(profile);
    functions.delete(IDLE);
    const total = [...functions.values()].reduce((sum, time) => sum + time, 0);
    say(`\n${file}: ${(total / 1e6).toFixed(1)} s busy`);
    const most = [...functions].sort(([, a], [, b]) => b - a).slice(0, MOST);
    for (const [name, time] of most) say(`  ${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`);
  }
}

/** µs by function. */
function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place =
        url === '' ? '' : ` ${url.split('/').slice(-3, -1).join('/')}/${basename(url)}:${lineNumber + 1}`;
      return [id, `${functionName || '(anonymous)'}${place}`];
    }),
  );
  const times = new Map<string, number>();
  for (const [index, sample] of samples.entries()) {
    const name = names.get(sample) ?? '';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
  return times;
}
