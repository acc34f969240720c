/**
 * How a suite runs: it registers tests with any test runner, and skips the parts that an implementation lacks. Assertions
 * are those of node:assert.
 */
import assert from 'node:assert/strict';

/** `test` of AVA, its `test.serial`, or `test` of node:test; others need a function with `skip`. */
export interface TestRunner {
  (title: string, body: (context?: unknown) => Promise<void>): unknown;
  readonly skip: (title: string, body: (context?: unknown) => Promise<void>) => unknown;
}

/** Adds one test to a part. */
export type Run<H> = (title: string, body: (harness: H) => Promise<void>) => void;
/** Adds all tests of a part. */
export type Part<H> = (run: Run<H>) => void;
/** Parts that an implementation lacks, each with the reason. */
export type Lacks<P extends string> = { readonly [part in P]?: string };

export interface Suite<H extends AsyncDisposable, P extends string> {
  readonly test: TestRunner;
  /** Names the implementation; titles begin with it. */
  readonly name: string;
  /** Called once per test. */
  readonly createHarness: () => Promise<H>;
  readonly parts: Readonly<Record<P, Part<H>>>;
  readonly lacks: Lacks<P>;
}

interface Case<H> {
  readonly title: string;
  readonly body: (harness: H) => Promise<void>;
}

/** Parts that hold the contract of transport.ts and gateway.ts. */
const ESSENTIAL: ReadonlySet<string> = new Set(['deliveries', 'effects', 'facts', 'sessions', 'frames']);

/** A test of a part that is said to be lacking counts as failed after this time; ms. */
const PATIENCE_MS = 10_000;

/** @throws Error when a reason is empty, or when every part is lacking */
export function registerSuite<H extends AsyncDisposable, P extends string>(suite: Suite<H, P>): void {
  const { test, name, parts, lacks } = suite;
  const names = Object.keys(parts) as P[];
  if (names.every((part) => lacks[part] !== undefined)) {
    throw new Error(`${name} lacks every part of the suite: nothing is left to test`);
  }
  for (const part of Object.keys(lacks)) {
    if (ESSENTIAL.has(part))
      throw new Error(`${name}: "${part}" is the delivery contract, which no implementation may lack`);
  }
  for (const part of names) {
    const cases: Case<H>[] = [];
    parts[part]((title, body) => cases.push({ title, body }));
    const reason = lacks[part];
    if (reason === '') throw new Error(`${name}: say why it lacks "${part}"`);
    for (const { title, body } of cases) {
      if (reason === undefined)
        test(
          `${name}: ${title}`,
          passing(() => runOnce(suite, body)),
        );
      else test.skip(`${name}: ${title} (lacks ${part}: ${reason})`, async () => {});
    }
    if (reason !== undefined)
      test(
        `${name}: lacks ${part}: ${reason}`,
        passing(() => proveLack(suite, part, cases)),
      );
  }
}

async function runOnce<H extends AsyncDisposable>(
  { createHarness }: Pick<Suite<H, string>, 'createHarness'>,
  body: (harness: H) => Promise<void>,
): Promise<void> {
  await using harness = await createHarness();
  await body(harness);
}

/** A lack is proved by the first test that fails. */
async function proveLack<H extends AsyncDisposable>(
  suite: Pick<Suite<H, string>, 'createHarness' | 'name'>,
  part: string,
  cases: readonly Case<H>[],
): Promise<void> {
  for (const { body } of cases) if (!(await passes(runOnce(suite, body)))) return;
  assert.fail(`${suite.name} passes every test of "${part}": remove it from \`lacks\``);
}

async function passes(running: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE_MS);
  });
  const passed = running.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([passed, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** AVA fails a test that calls none of its own assertions. */
function passing(body: () => Promise<void>): (context?: unknown) => Promise<void> {
  return async (context) => {
    await body();
    (context as { readonly pass?: () => void } | undefined)?.pass?.();
  };
}
