/** Settings that change while a program runs, from the files of a folder. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { LeveledLog } from '../../services/runtime/log.ts';
import { LiveSettings } from '../../services/runtime/live-settings.ts';
import { readSettings } from '../../services/runtime/config.ts';
import { programSettings } from '../../services/runtime/program-settings.ts';
import { duration, positiveInt } from '../../services/runtime/config.ts';
import { SettingsFolder } from '../support/settings-folder.ts';

const TABLE = {
  logLevel: programSettings.logLevel,
  rate: { doc: 'r', format: positiveInt, default: 100, env: 'RATE', live: true },
  wait: { doc: 'w', format: duration, default: 5000, env: 'WAIT', live: true },
  key: { doc: 'k', format: String, default: 'none', env: 'KEY', live: true, sensitive: true },
  port: { doc: 'p', format: 'port', default: 1, env: 'PORT' },
} as const;

function logOf() {
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: LeveledLog = { level: 'info', debug: write, info: write, warn: write, error: write };
  return { log, lines };
}

function scene(folder: string, env: Readonly<Record<string, string>> = {}) {
  const { log, lines } = logOf();
  let now = 1;
  const { values } = readSettings(TABLE, env);
  const settings = new LiveSettings(TABLE, values, { folder, log, env, clock: { now: () => (now += 1) } });
  return { settings, log, lines };
}

test('a file wins over the variable, the variable over the default; what is taken out falls back', async (t) => {
  await using folder = await SettingsFolder.make({});
  const { settings } = scene(folder.path, { RATE: '50' });
  const { values } = settings;
  t.deepEqual([values.rate, values.wait], [50, 5000]);
  await folder.replace({ RATE: '7\n', WAIT: '1m', PORT: '9' });
  await settings.check();
  t.deepEqual([values.rate, values.wait, values.port], [7, 60_000, 1], 'the port is not live');
  await folder.replace({ WAIT: '2s' });
  await settings.check();
  t.deepEqual([values.rate, values.wait], [50, 2000]);
});

test('what changed is logged once, with the values before and after, and never a secret', async (t) => {
  await using folder = await SettingsFolder.make({ RATE: '7', KEY: 'hidden', LOG_LEVEL: 'debug' });
  const { settings, log, lines } = scene(folder.path);
  const before = settings.appliedAt;
  await settings.check();
  await settings.check();
  t.deepEqual(lines, ['settings applied {"changes":["LOG_LEVEL: info -> debug","RATE: 100 -> 7","KEY"]}']);
  t.is(log.level, 'debug');
  t.true(settings.appliedAt > before);
});

test('one bad file keeps all the last good values, is logged once with its reason, and is noticed until it is mended', async (t) => {
  await using folder = await SettingsFolder.make({ RATE: '7', WAIT: '1m' });
  const { settings, lines } = scene(folder.path);
  await settings.check();
  const { appliedAt } = settings;
  await folder.replace({ RATE: '-1', WAIT: '2m', KEY: 'hidden' });
  await settings.check();
  await settings.check();
  t.deepEqual([settings.values.rate, settings.values.wait, settings.rejected], [7, 60_000, true]);
  t.is(settings.appliedAt, appliedAt);
  t.is(lines.length, 2);
  t.regex(lines[1] ?? '', /not applied.*RATE: must be a whole number from 1 \(it is .*-1/);
  t.notRegex(lines.join('\n'), /hidden/);
  await folder.replace({ RATE: '8', WAIT: '1m' });
  await settings.check();
  t.deepEqual([settings.values.rate, settings.rejected], [8, false]);
});

test('a folder that is missing, or a file that is no setting, changes nothing and is noticed', async (t) => {
  const missing = scene('/nonexistent/settings');
  await missing.settings.check();
  await missing.settings.check();
  t.true(missing.settings.rejected);
  t.is(missing.lines.length, 1);
  await using folder = await SettingsFolder.make({ RATE: '7' });
  const { settings } = scene(folder.path);
  await settings.check();
  await folder.replace({ RATE: '9'.repeat(2000) });
  await settings.check();
  t.deepEqual([settings.values.rate, settings.rejected], [7, true]);
});

test('files in a plain folder count too', async (t) => {
  await using folder = await SettingsFolder.make({});
  const plain = join(folder.path, '..1');
  await writeFile(join(plain, 'RATE'), '12');
  await chmod(join(plain, 'RATE'), 0o400);
  const { settings } = scene(plain);
  await settings.check();
  t.is(settings.values.rate, 12);
});
