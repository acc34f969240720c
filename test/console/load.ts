/**
 * `npm run console-load`: the console with a large, busy network, in Chromium. It fills Redis with stations, sends events of them, scrolls, and
 * prints how long frames take and what memory the page holds. The exit status is 1 beyond the limits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import type { CDPSession, Page } from 'playwright-core';
import { startApiCluster } from '../api/cluster.ts';
import { startSimulation } from '../simulator/simulation.ts';
import { buildConsole, startBrowser } from './browser.ts';

const HELP = `npm run console-load [-- --stations N --rate N --seconds N]

  --stations N   stations of the network (10000)
  --rate N       events per second (100)
  --seconds N    how long frames are measured (20)

npm run console-load -- --live-view MINUTES [--rate N]

  The live view of one station instead, which sends that many messages per second: whether the page grows in the second half.
`;

/** ms, at the 95th percentile; MB of JavaScript after a garbage collection. */
const LONGEST_FRAME = 50;
const MOST_MEMORY = 200;
/** Times that the live view is measured; MB that it may grow in the second half. */
const PARTS = 10;
const MOST_GROWTH = 5;
/** Events that are stored at once, per second. */
const BATCHES = 20;
const TYPES = ['connector-status', 'connector-status', 'transaction-started', 'transaction-stopped'] as const;
const STATUSES = ['Available', 'Preparing', 'Charging', 'Finishing', 'Faulted'] as const;

const nameOf = (number: number): string => `LOAD-${String(number).padStart(6, '0')}`;

async function fill(redis: Redis, stations: number): Promise<void> {
  const pipeline = redis.pipeline();
  for (let number = 0; number < stations; number++) {
    const id = nameOf(number);
    pipeline.zadd('ocpp:known-stations', 0, id);
    pipeline.hset(`ocpp:session:${id}`, {
      charge_point_id: id,
      remote_addr: '192.0.2.1',
      ws_server_id: `proxy-${number % 3}`,
      connected_at: new Date().toISOString(),
      connection: String(number + 1),
      protocol: 'ocpp1.6',
    });
    pipeline.sadd('ocpp:active', id);
    pipeline.hset(`ocpp:station:${id}`, {
      vendor: `Vendor ${number % 7}`,
      model: `Model ${number % 11}`,
      serial: `S${number}`,
      firmware: '1.0.0',
      protocol: 'ocpp1.6',
      boot: 'Accepted',
      bootedAt: new Date().toISOString(),
      'status:1': JSON.stringify({ status: 'Available', at: new Date().toISOString() }),
      'status:2': JSON.stringify({ status: 'Available', at: new Date().toISOString() }),
    });
  }
  await pipeline.exec();
}

/** Until the returned function is called. */
function sendEvents(redis: Redis, stations: number, rate: number): () => void {
  let sent = 0;
  const timer = setInterval(() => {
    const pipeline = redis.pipeline();
    for (let one = 0; one < rate / BATCHES; one++, sent++) {
      const type = TYPES[sent % TYPES.length] ?? 'connector-status';
      const status = STATUSES[sent % STATUSES.length] ?? 'Available';
      const facts = type === 'connector-status' ? ['status', status] : ['transactionId', String(sent)];
      const station = nameOf((sent * 7919) % stations);
      pipeline.xadd('ocpp:events', '*', 'type', type, 'stationId', station, 'connector', '1', ...facts);
    }
    void pipeline.exec();
  }, 1000 / BATCHES);
  return () => clearInterval(timer);
}

/** Frames while the table is scrolled; ms each. */
const frames = (page: Page, seconds: number): Promise<readonly number[]> =>
  page.evaluate<readonly number[]>(`new Promise((resolve) => {
    const box = document.querySelector('.table-box');
    const found = [];
    const end = performance.now() + ${seconds * 1000};
    let last = performance.now();
    const step = (now) => {
      found.push(now - last);
      last = now;
      if (now > end) return resolve(found);
      box.scrollTop = (box.scrollTop + 700) % (box.scrollHeight - box.clientHeight);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`);

/** MB that JavaScript of the page holds after a garbage collection. */
async function memoryOf(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { readonly usedSize: number };
  return usedSize / 1e6;
}

const OPTIONS = {
  stations: { type: 'string', default: '10000' },
  rate: { type: 'string', default: '100' },
  seconds: { type: 'string', default: '20' },
  'live-view': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return process.exit(2);
  }
}

const values = readOptions();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
buildConsole();
await using cluster = await startApiCluster();
const browser = await startBrowser();
const isWithin = await (values['live-view'] === undefined
  ? largeNetwork(Number(values.stations), Number(values.rate), Number(values.seconds))
  : liveView(Number(values['live-view']), Number(values.rate)));
await browser.close();
process.exitCode = isWithin ? 0 : 1;

async function openPage(hash: string, token: string) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.addInitScript(`sessionStorage.setItem('ocpp-token', '${token}')`);
  await page.goto(`${cluster.api.apiUrl}/${hash}`);
  return { page, session: await page.context().newCDPSession(page) };
}

async function largeNetwork(stations: number, rate: number, seconds: number): Promise<boolean> {
  const redis = new Redis(cluster.redis.port);
  await fill(redis, stations);
  const begin = performance.now();
  const { page, session } = await openPage('#/stations', 'read');
  await page.getByText(`${new Intl.NumberFormat('en').format(stations)} stations`, { exact: true }).waitFor();
  const complete = performance.now() - begin;
  const stop = sendEvents(redis, stations, rate);
  const found = (await frames(page, seconds)).toSorted((a, b) => a - b);
  const memory = await memoryOf(session);
  stop();
  redis.disconnect();
  const at = (share: number): number => found[Math.floor(share * (found.length - 1))] ?? Number.NaN;
  const p95 = at(0.95);
  process.stdout.write(
    `${stations} stations, ${rate} events/s: all rows after ${(complete / 1000).toFixed(1)} s; ` +
      `frames p50 ${at(0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, longest ${at(1).toFixed(1)} ms; ${memory.toFixed(0)} MB\n`,
  );
  return p95 < LONGEST_FRAME && memory < MOST_MEMORY;
}

/** The live view keeps the last messages: what it holds after it is full must not grow. */
async function liveView(minutes: number, rate: number): Promise<boolean> {
  const simulation = startSimulation({
    url: cluster.proxy.url,
    stations: 1,
    seconds: minutes * 60 + 60,
    cadenceSeconds: 1 / rate,
    prefix: 'LIVE',
  });
  const { page, session } = await openPage('#/stations/LIVE-0001', 'command');
  await page.getByRole('button', { name: 'Start recording' }).click();
  const measured: number[] = [];
  for (let part = 1; part <= PARTS; part++) {
    await sleep((minutes * 60_000) / PARTS);
    measured.push(await memoryOf(session));
    const nodes = await page.evaluate<number>("document.querySelectorAll('*').length");
    process.stdout.write(
      `after ${((minutes * part) / PARTS).toFixed(1)} min: ${measured.at(-1)?.toFixed(1)} MB, ${nodes} elements\n`,
    );
  }
  simulation.stop();
  await simulation.done;
  const [full = 0, end = 0] = [measured[PARTS / 2 - 1], measured.at(-1)];
  return end - full < MOST_GROWTH;
}
