/**
 * Pages of the console in a real Chromium, the one of the system. Without one the tests are skipped, loudly; with CI=true a missing one is a
 * failure. Whatever a page logs as an error, and each request that leaves its origin, fails the test.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import axe from 'axe-core';
import type { ExecutionContext } from 'ava';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

const ROOT = join(import.meta.dirname, '../..');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** Of an expectation of the page; ms. */
const PATIENCE = 10_000;

/** Path of the browser: CHROMIUM, or the one of the system. */
export const CHROMIUM = process.env['CHROMIUM'] ?? NAMES.map(whereIs).find((path) => path !== undefined);

export const NO_CHROMIUM =
  'there is no Chromium: apt-get install chromium, or set CHROMIUM to the path of one, to run the tests of the console';

function whereIs(name: string): string | undefined {
  const { status, stdout } = spawnSync('which', [name], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Builds the console where the API of the sources finds it; does nothing while it is built. */
export function buildConsole(): void {
  execFileSync(process.execPath, [join(ROOT, 'services/console/build.ts')], { stdio: 'inherit' });
}

export async function startBrowser(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error(NO_CHROMIUM);
  // Tests run as root, where the sandbox of Chromium cannot.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

export interface OpenOptions extends BrowserContextOptions {
  /** Access token of the tab; '' for none. */
  readonly token?: string;
  /** Such as `#/stations`. */
  readonly hash?: string;
  /** Parts of messages of the browser's console that are expected, such as those of failed requests. */
  readonly expected?: readonly RegExp[];
}

/** Opens the console in a context of its own, which ends with the test. @param t the test, or what lives as long @param url of the API */
export async function openConsole(
  t: Pick<ExecutionContext, 'teardown'>,
  browser: Browser,
  url: string,
  { token = 'admin', hash = '', expected = [], ...options }: OpenOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  const faults: string[] = [];
  t.teardown(async () => {
    await context.close();
    if (faults.length > 0) throw new Error(faults.join('\n'));
  });
  const page = await context.newPage();
  const isExpected = (text: string) => expected.some((one) => one.test(text));
  page.on('pageerror', (error) => faults.push(`the page failed: ${error.stack}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !isExpected(message.text()))
      faults.push(`the page logged: ${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      faults.push(`a request leaves the origin: ${request.url()}`);
  });
  if (token !== '')
    await page.addInitScript((text) => {
      // The first time only: a test may sign out.
      if (sessionStorage.getItem('seeded') === null) sessionStorage.setItem('ocpp-token', text);
      sessionStorage.setItem('seeded', 'yes');
    }, token);
  await page.goto(`${url}/${hash}`);
  return page;
}

/** What axe finds that is serious or critical: empty is good. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  // The policy of the page permits no script of another origin; the protocol of the browser does.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: readonly Finding[] }> } };
    interface Finding {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
    }
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
      );
  });
}
