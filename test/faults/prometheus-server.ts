/** A Prometheus of a test's own, on a free loopback port. Debian has it in the package `prometheus`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { endWithUs } from '../support/children.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

/** False, and a loud word, where it is not installed. */
export function hasPrometheus(): boolean {
  const there = spawnSync('prometheus', ['--version']).status === 0;
  const message = 'no prometheus on the PATH (Debian: apt-get install prometheus)';
  if (!there && process.env['CI'] === 'true') throw new Error(message);
  if (!there) console.warn(`SKIPPED: ${message}`);
  return there;
}

export interface PrometheusServer extends AsyncDisposable {
  readonly url: string;
  /** As a crash does: it marks no series as ended. */
  kill(): Promise<void>;
  /** On the same port, with the same data. */
  restart(): Promise<void>;
}

/**
 * @param scrapeConfigs as in its configuration file
 * @param groups of rules, which it evaluates every second
 */
export async function startPrometheus(
  scrapeConfigs: readonly object[],
  groups: readonly object[] = [],
): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-prometheus-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = join(folder, 'prometheus.yaml');
  const rules = join(folder, 'rules.yaml');
  writeFileSync(rules, stringify({ groups }));
  const global = { evaluation_interval: '1s' };
  writeFileSync(config, stringify({ global, rule_files: [rules], scrape_configs: scrapeConfigs }));
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ];
  let child: ChildProcess;
  const start = async () => {
    child = endWithUs(spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'inherit'] }));
    await until(async () => (await fetch(`${url}/-/ready`)).ok, 'a ready Prometheus', 60_000, 50);
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    url,
    kill,
    restart: start,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
