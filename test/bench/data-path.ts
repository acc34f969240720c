/**
 * What a CALL costs between proxy and processor: many stations in a closed loop through a gateway and a
 * transport in this process and a redis-server of its own, without sockets and handlers.
 *
 * `npm run bench -- [stations] [seconds] [always|everysec|no]`. The last is Redis' fsync policy; `no` means no file
 * at all. Prints round trips/s, CPU of both sides and of Redis in µs a CALL, and Redis commands a CALL. Compare
 * medians of several runs on a quiet machine; single figures say little.
 */
import { Redis } from 'ioredis';
import { parseFrame } from '../../services/ocpp/frame.ts';
import { createGateway, createTransport } from '../../services/transport/factory.ts';
import { startRedis } from '../support/redis-server.ts';

const WARM_UP_MS = 2000;
const [stations = 1000, seconds = 5] = process.argv.slice(2, 4).map(Number);
const fsync = process.argv[4] ?? 'no';

await using redis = await startRedis(
  fsync === 'no' ? {} : { args: ['--appendonly', 'yes', '--appendfsync', fsync] },
);
const config = {
  kind: 'redis',
  redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
  channelPrefix: 'ocpp',
} as const;
await using transport = createTransport({ ...config, name: 'processor' });
await using gateway = createGateway({ ...config, name: 'proxy' });
transport.onMessage(async () => ({
  answer: { kind: 'result', payload: { currentTime: '2026-01-01T00:00:00Z' } },
  writes: [],
  events: [],
}));
await transport.start();
await gateway.start();

let answered = 0;
let running = true;

async function connect(stationId: string): Promise<void> {
  let sequence = 0;
  const call = () => {
    const text = `[2,"m${++sequence}","Heartbeat",{}]`;
    const result = parseFrame(text, 'ocpp1.6');
    if (!result.ok) throw new Error(result.fault.reason);
    void connection.forward({ frame: result.frame, text, receivedAt: Date.now(), sequence });
  };
  const connection = await gateway.open(
    { stationId, protocol: 'ocpp1.6', remoteAddress: 'bench' },
    {
      deliver() {
        answered++;
        if (running) call();
        return true;
      },
      revoked(reason) {
        throw new Error(`${stationId}: ${reason}`);
      },
    },
  );
  call();
}

const look = new Redis(redis.port, redis.host);

interface Use {
  /** s */
  readonly redisCpu: number;
  /** s */
  readonly ownCpu: number;
  /** Sent by clients; what scripts call inside is not counted. */
  readonly commands: number;
  readonly answered: number;
  /** s */
  readonly at: number;
}

async function use(): Promise<Use> {
  const info = `${await look.info('cpu')}${await look.info('commandstats')}`;
  const number = (pattern: string) => Number(new RegExp(`${pattern}([\\d.]+)`).exec(info)?.[1] ?? 0);
  const calls = (name: string) => number(`cmdstat_${name}:calls=`);
  const { user, system } = process.cpuUsage();
  return {
    redisCpu: number('used_cpu_user:') + number('used_cpu_sys:'),
    ownCpu: (user + system) / 1e6,
    // finish.lua pushes each answer itself.
    commands: calls('evalsha') + calls('blmove') + calls('lpush') - answered,
    answered,
    at: performance.now() / 1000,
  };
}

for (let i = 0; i < stations; i++) await connect(`CP-${i}`);
await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
const before = await use();
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const after = await use();
running = false;
look.disconnect();

const count = after.answered - before.answered;
const each = (value: number, digits: number) => Number((value / count).toFixed(digits));
console.log(
  JSON.stringify({
    stations,
    fsync,
    roundTripsPerSecond: Math.round(count / (after.at - before.at)),
    bothSidesCpuMicros: each((after.ownCpu - before.ownCpu) * 1e6, 1),
    redisCpuMicros: each((after.redisCpu - before.redisCpu) * 1e6, 1),
    redisCommands: each(after.commands - before.commands, 3),
  }),
);
