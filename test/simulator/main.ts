/** `npm run simulate -- --help` */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PROTOCOLS, type Protocol } from '../../services/ocpp/frame.ts';
import type { Credentials } from './link.ts';
import { DEFAULTS, isClean, type SimulationOptions, startSimulation, type Summary } from './simulation.ts';

const HELP = `Simulates charging stations of all OCPP versions, which check every response.

  npm run simulate -- [options]

  --url URL            address of the station endpoint (ws://127.0.0.1:9000/ocpp)
  --stations N         number of stations (100)
  --seconds N          duration; then stations end their transactions and disconnect (60; 0: until Ctrl-C)
  --cadence SECONDS    mean time between two messages of one station (${DEFAULTS.cadenceSeconds})
  --rate N             instead of --cadence: CALLs per second of all stations together
  --connect-rate N     stations that connect per second at the start (${DEFAULTS.connectRate})
  --protocols LIST     OCPP versions, assigned in turn (${PROTOCOLS.join(',')})
  --identity ID        one station with this identity, instead of --stations and --prefix
  --password-file FILE its password (HTTP Basic); also --ca FILE, --cert FILE and --key FILE for TLS
  --prefix TEXT        identities are TEXT-0001 and so on (${DEFAULTS.prefix})
  --seed N             seed of random choices (${DEFAULTS.seed})
  --call-timeout N     seconds that a response may take (${DEFAULTS.callTimeoutSeconds})
  --reconnect-scale F  factor on the pauses before reconnecting (${DEFAULTS.reconnectScale})
  --charging SHARE     share of the stations, 0 to 1, that charge all the time (${DEFAULTS.longChargingShare})
  --obey               stations charge when a command starts them, and never by themselves
  --settle N           seconds to wait for the last responses (${DEFAULTS.settleSeconds})
  --redis HOST:PORT    compares the stations' ledger with the stream of closed transactions
  --channel-prefix T   prefix of that stream's key, T:transactions (ocpp)
  --json               prints the summary as one line of JSON

The exit status is 1 if anything was lost, duplicated or wrong.
`;

class UsageError extends Error {}

const OPTIONS = {
  url: { type: 'string', default: 'ws://127.0.0.1:9000/ocpp' },
  stations: { type: 'string', default: '100' },
  seconds: { type: 'string', default: '60' },
  cadence: { type: 'string' },
  rate: { type: 'string' },
  'connect-rate': { type: 'string' },
  protocols: { type: 'string' },
  prefix: { type: 'string' },
  identity: { type: 'string' },
  'password-file': { type: 'string' },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  seed: { type: 'string' },
  'call-timeout': { type: 'string' },
  'reconnect-scale': { type: 'string' },
  charging: { type: 'string' },
  obey: { type: 'boolean', default: false },
  settle: { type: 'string' },
  redis: { type: 'string' },
  'channel-prefix': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function numberOf(values: Values, name: keyof Values): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text === '' || !(number >= 0)) throw new UsageError(`--${name} needs a number, not "${text}"`);
  return number;
}

function protocolOf(name: string): Protocol {
  const found = PROTOCOLS.find((protocol) => protocol === name.trim());
  if (found === undefined)
    throw new UsageError(`--protocols: known are ${PROTOCOLS.join(', ')}, not "${name}"`);
  return found;
}

function credentialsOf(values: Values): Credentials | undefined {
  const { identity, 'password-file': passwordFile, ca, cert, key } = values;
  if (passwordFile !== undefined && identity === undefined)
    throw new UsageError('--password-file is for one station: name it with --identity');
  const read = (file: string) => readFileSync(file, 'utf8');
  const found = {
    ...(passwordFile !== undefined && { auth: `${identity}:${read(passwordFile).trim()}` }),
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && { cert: read(cert) }),
    ...(key !== undefined && { key: read(key) }),
  };
  return Object.keys(found).length === 0 ? undefined : found;
}

function optionsOf(values: Values): SimulationOptions {
  const stations = values.identity === undefined ? (numberOf(values, 'stations') ?? 0) : 1;
  const rate = numberOf(values, 'rate');
  const seconds = numberOf(values, 'seconds');
  const [host = '', port = '6379'] = (values.redis ?? '').split(':');
  const given = {
    seconds: seconds === 0 ? undefined : seconds,
    cadenceSeconds: rate === undefined ? numberOf(values, 'cadence') : stations / rate,
    connectRate: numberOf(values, 'connect-rate'),
    protocols: values.protocols?.split(',').map(protocolOf),
    prefix: values.prefix,
    identity: values.identity,
    credentials: credentialsOf(values),
    seed: numberOf(values, 'seed'),
    callTimeoutSeconds: numberOf(values, 'call-timeout'),
    reconnectScale: numberOf(values, 'reconnect-scale'),
    longChargingShare: numberOf(values, 'charging'),
    obeys: values.obey,
    settleSeconds: numberOf(values, 'settle'),
    redis:
      values.redis === undefined
        ? undefined
        : { host, port: Number(port), channelPrefix: values['channel-prefix'] ?? 'ocpp' },
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { url: values.url.replace(/\/+$/, ''), stations, ...Object.fromEntries(set) };
}

function report(summary: Summary): string {
  const { latencyMs, moves, transactions, stream } = summary;
  const rows: [string, string][] = [
    ['stations', `${summary.stations}, connected ${summary.connected}, at the end ${summary.online}`],
    ['round trips', `${summary.roundTrips} in ${summary.seconds} s (${summary.roundTripsPerSecond}/s)`],
    ['latency ms', `p50 ${latencyMs.p50}  p90 ${latencyMs.p90}  p99 ${latencyMs.p99}  max ${latencyMs.max}`],
    ['lost', `${summary.lost} (never sent ${summary.unsent})`],
    ['duplicated', `${summary.duplicated}`],
    ['wrong', `${summary.wrong}`],
    ['sent again', `${summary.resent} (timed out ${summary.timeouts}, late answers ${summary.late})`],
    [
      'moves',
      `${moves.reconnects} reconnects, ${moves.closedBy1012} after 1012, ${moves.refused} handshakes refused, at most ${moves.mostOfOneStation} of one station`,
    ],
    ['transactions', `${transactions.started} started, ${transactions.stopped} stopped`],
  ];
  if (stream !== undefined) {
    const { expected, missing, doubled, differing } = stream;
    rows.push([
      'stream',
      `${expected} expected, ${missing} missing, ${doubled} doubled, ${differing} differing`,
    ]);
  }
  rows.push(...summary.samples.map((sample): [string, string] => ['!', sample]));
  return rows.map(([name, text]) => `${name.padEnd(14)}${text}\n`).join('');
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const simulation = startSimulation(optionsOf(values));
  const live = setInterval(() => {
    const { online, stations, roundTrips, lost } = simulation.progress();
    process.stderr.write(`${online}/${stations} online, ${roundTrips} round trips, ${lost} lost\n`);
  }, 5000);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => simulation.stop());
  }
  const summary = await simulation.done.finally(() => clearInterval(live));
  process.stdout.write(values.json ? `${JSON.stringify(summary)}\n` : report(summary));
  return isClean(summary) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`simulate: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
