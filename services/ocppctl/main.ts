#!/usr/bin/env node
/**
 * ocppctl: the API of an OcppCluster on the command line. Named kubectl-ocpp it is a plugin of kubectl: `kubectl ocpp status`
 * (docs/ocppctl.md).
 */
import { basename } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { text as textOf } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import { createApi } from './api-client.ts';
import { COMMANDS, helpFor } from './commands.ts';
import { readCommandLine } from './command-line.ts';
import type { Terminal } from './command.ts';
import { configFile } from './config-file.ts';
import { clusterOf, createConnection } from './connection.ts';
import { EXIT, ExitError } from './exit.ts';
import { createKubectl } from './kubectl.ts';
import { readEnvironment } from './settings.ts';

const PLUGIN = /^kubectl-ocpp/;

async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  const { command, args, options } = readCommandLine(words, COMMANDS);
  if (command === undefined || options.flag('help')) {
    for (const line of helpFor(command?.name.split(' ') ?? [])) terminal.write(line);
    return options.flag('help') ? EXIT.ok : EXIT.usage;
  }
  const isPlugin = PLUGIN.test(basename(process.argv[1] ?? '')) || PLUGIN.test(basename(process.argv0));
  const settings = readEnvironment();
  const config = configFile(settings.configFile);
  const kubectl = createKubectl();
  const connection = createConnection({ options, settings, config, kubectl, isPlugin });
  const cluster = clusterOf(options, isPlugin);
  try {
    await command.run({
      args,
      options,
      isJson: options.text('output') === 'json',
      terminal,
      api: createApi(() => connection.open(), terminal.stopped),
      afterStop: createApi(() => connection.open(), new AbortController().signal),
      apiAt: (url, token) => createApi(async () => ({ url, token }), terminal.stopped),
      config,
      kubectl,
      cluster,
    });
    return EXIT.ok;
  } finally {
    await connection.close();
  }
}

function terminalOf(stopped: AbortSignal): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    write: (line) => void stdout.write(`${line}\n`),
    paint: (text) => void stdout.write(text),
    note: (line) => void stderr.write(`${line}\n`),
    input: () => textOf(stdin),
    secret: (prompt) => (stdin.isTTY ? hiddenLine(prompt, stopped) : textOf(stdin)),
    size: () =>
      stdout.isTTY ? { columns: known(stdout.columns, 80), rows: known(stdout.rows, 24) } : undefined,
    now: Date.now,
    stopped,
  };
}

/** Some terminals, such as those of CI, report a size of 0. */
const known = (size: number, usual: number) => (size > 0 ? size : usual);

/** A line of the terminal that is not shown while it is typed. */
async function hiddenLine(prompt: string, signal: AbortSignal): Promise<string> {
  process.stderr.write(prompt);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question('', { signal });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

// A reader such as head may end first.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
try {
  process.exitCode = await main(process.argv.slice(2), terminalOf(interrupt.signal));
} catch (error) {
  const text =
    error instanceof ExitError ? error.message : String(error instanceof Error ? error.stack : error);
  if (!interrupt.signal.aborted) process.stderr.write(`ocppctl: ${text}\n`);
  const status = error instanceof ExitError ? error.status : EXIT.failed;
  process.exitCode = interrupt.signal.aborted ? EXIT.interrupted : status;
}
