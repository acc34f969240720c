/** What Redis says of its own work: commands that clients sent, and what each kind cost. */
import { Redis } from 'ioredis';

export interface CommandUse {
  readonly calls: number;
  /** µs */
  readonly cost: number;
}
export type CommandUses = ReadonlyMap<string, CommandUse>;

/** What our programs send while stations talk; what scripts call inside is counted under its own name too. */
const SENT = ['evalsha', 'eval', 'blmove', 'lpush', 'hgetall'];

export async function commandUses(addr: {
  readonly host: string;
  readonly port: number;
}): Promise<CommandUses> {
  const redis = new Redis(addr.port, addr.host);
  try {
    const info = await redis.info('commandstats');
    const uses = new Map<string, CommandUse>();
    for (const [, name = '', calls, cost] of info.matchAll(/^cmdstat_(\S+?):calls=(\d+),usec=(\d+)/gm)) {
      uses.set(name, { calls: Number(calls), cost: Number(cost) });
    }
    return uses;
  } finally {
    redis.disconnect();
  }
}

/** What was done between two looks, the most first. */
export function difference(before: CommandUses, after: CommandUses): [string, CommandUse][] {
  return [...after]
    .map(([name, { calls, cost }]): [string, CommandUse] => {
      const was = before.get(name) ?? { calls: 0, cost: 0 };
      return [name, { calls: calls - was.calls, cost: cost - was.cost }];
    })
    .filter(([, { calls }]) => calls > 0)
    .sort(([, a], [, b]) => b.cost - a.cost);
}

/** Commands that our programs sent. @param answers acknowledge.lua pushes each of them with an LPUSH of its own */
export function sentCommands(before: CommandUses, after: CommandUses, answers: number): number {
  return callsOf(SENT, after) - callsOf(SENT, before) - answers;
}

export const callsOf = (names: readonly string[], uses: CommandUses) =>
  names.reduce((sum, name) => sum + (uses.get(name)?.calls ?? 0), 0);
