/**
 * Writes the types of the API that the console uses, from the OpenAPI document of the sources. They are not committed: `npm run types`
 * and `npm run lint` make them. The generator is installed in docs/api, as it needs another TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { createApiMetrics } from '../api/metrics.ts';
import { createApi } from '../api/server.ts';
import { createWebhookMetrics } from '../api/webhooks/metrics.ts';
import { memoryClient } from '../client/memory-client.ts';
import { createLog } from '../runtime/log.ts';
import { createMemoryBus } from '../transport/memory/bus.ts';

const FILE = join(import.meta.dirname, 'api/openapi.generated.ts');
const TOOLS = join(import.meta.dirname, '../../docs/api');
const GENERATOR = join(TOOLS, 'node_modules/.bin/openapi-typescript');

function run(command: string, args: readonly string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.error?.message ?? done.stderr);
}

async function documentOfSources(): Promise<string> {
  const api = await createApi({
    client: memoryClient(createMemoryBus()),
    access: { callerOf: () => Promise.resolve({ name: 'none', scope: 'read' }) },
    requestsPerSecond: 1,
    log: createLog('console-types', 'error'),
    metrics: createApiMetrics(new Registry()),
    version: 'dev',
    webhooks: { settings: [], metrics: createWebhookMetrics(new Registry(), Date.now) },
  });
  try {
    return (await api.inject('/openapi.json')).body;
  } finally {
    await api.close();
  }
}

function typesOf(document: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-openapi-'));
  try {
    const input = join(folder, 'openapi.json');
    const output = join(folder, 'types.ts');
    writeFileSync(input, document);
    run(GENERATOR, [input, '-o', output, '--export-type']);
    return readFileSync(output, 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (!existsSync(GENERATOR)) run('npm', ['ci', '--prefix', TOOLS, '--no-audit', '--no-fund']);
const types = typesOf(await documentOfSources());
// Unchanged, it stays as old as it is: the console is not built again.
if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== types) writeFileSync(FILE, types);
