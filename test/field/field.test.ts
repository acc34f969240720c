/**
 * Every case of the corpus, over memory (the path of the monolith) and over a real Redis, with tolerant and with strict
 * validation. A failing test is named by its case.
 */
import test from 'ava';
import { type Validation, VALIDATIONS } from '../../services/csms/handler.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type Case, loadCases } from './cases.ts';
import { differencesOf } from './run.ts';
import { memoryWorld, redisWorld, type World } from './world.ts';

/** Cases that run at once. */
const AT_ONCE = 24;
const PATHS = ['memory', 'redis'] as const;
type Path = (typeof PATHS)[number];

let redis: Promise<RedisServer> | undefined;
const shared = new Map<string, Promise<World>>();
let running = 0;
const waiting: (() => void)[] = [];

test.after.always(async () => {
  await Promise.all([...shared.values()].map(async (world) => (await world)[Symbol.asyncDispose]()));
  await (await redis)?.[Symbol.asyncDispose]();
});

for (const [number, found] of loadCases().entries()) {
  for (const path of PATHS) {
    for (const mode of VALIDATIONS) {
      test(`${found.kind}: ${found.name} (${found.protocol}, ${path}, ${mode})`, async (t) => {
        t.timeout(120_000);
        await turn();
        try {
          const stationId = `CP-${number}`;
          const differences = needsItsOwn(found)
            ? await alone(found, path, mode, stationId)
            : await differencesOf(found, mode, await sharedWorld(found, path, mode), stationId);
          if (differences.length > 0) t.fail(`${found.file}\n${differences.join('\n')}`);
          else t.pass();
        } finally {
          done();
        }
      });
    }
  }
}

/** Resolves when fewer than AT_ONCE run. */
async function turn(): Promise<void> {
  if (running < AT_ONCE) running++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
}

/** The next one takes this one's place. */
function done(): void {
  const next = waiting.shift();
  if (next === undefined) running--;
  else next();
}

/** The clock is everybody's, and the proxy's log leaves out what it has just said of another station. */
function needsItsOwn({ steps, log }: Case): boolean {
  return (
    log !== undefined || steps.some(({ advance, sweep }) => advance !== undefined || sweep !== undefined)
  );
}

async function alone(found: Case, path: Path, mode: Validation, stationId: string): Promise<string[]> {
  await using world = await newWorld(found, path, mode, `alone:${found.kind}:${found.name}:${mode}`);
  return await differencesOf(found, mode, world, stationId);
}

function sharedWorld(found: Case, path: Path, mode: Validation): Promise<World> {
  const prefix = `${path}:${mode}:${JSON.stringify(found.settings ?? {})}`;
  const known = shared.get(prefix) ?? newWorld(found, path, mode, prefix);
  shared.set(prefix, known);
  return known;
}

async function newWorld(
  { settings = {} }: Case,
  path: Path,
  validation: Validation,
  prefix: string,
): Promise<World> {
  if (path === 'memory') return memoryWorld({ validation, settings });
  return redisWorld(await (redis ??= startRedis()), prefix, { validation, settings });
}
