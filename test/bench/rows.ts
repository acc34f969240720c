/** The rows of the table: what is compared with what, and what we want of it. */
import { authorize, heartbeat, type Message, meterValues, network } from './messages.ts';
import { type PeerSize, serveOcppWsIo } from './ocpp-ws-io.ts';
import {
  type ClusterSize,
  serveBareHops,
  serveCluster,
  serveClusterWithApi,
  serveMonolith,
  servePeer,
  type Served,
} from './servers.ts';

export interface Contender {
  /** Says the fsync policy of whatever has a Redis. */
  readonly name: string;
  readonly serve: () => Promise<Served>;
  /** CALLs a second; left out: a closed loop. */
  readonly rate?: number;
  /** The contender that it is compared with. */
  readonly base?: string;
  /** CPU a CALL at most, as a multiple of the base. */
  readonly target?: number;
}

export interface Row {
  readonly name: string;
  readonly what: string;
  readonly message: Message;
  readonly stations: number;
  readonly contenders: readonly Contender[];
}

const RPC = 'ocpp-rpc';
const rpc: Contender = { name: RPC, serve: () => servePeer('ocpp-rpc') };
const strictRpc: Contender = {
  name: 'ocpp-rpc, strict mode',
  base: RPC,
  serve: () => servePeer('ocpp-rpc', { STRICT: '1' }),
};

/** Its stations are connected to one process each, and Redis says to which one. */
function redisPeer(size: PeerSize): Contender {
  const { processes, fsync } = size;
  const name = `${processes} ocpp-ws-io with Redis adapter, payloads not validated; fsync ${fsync}`;
  return { name, serve: () => serveOcppWsIo(size) };
}

function cluster(size: ClusterSize, ratio: number): Contender {
  const { proxies, processors, fsync } = size;
  const name = `${proxies} proxy, Redis, ${processors} processor; fsync ${fsync}`;
  return { name, serve: () => serveCluster(size), base: RPC, target: ratio };
}

const monolith = (target: number): Contender => ({
  name: 'npm run monolith',
  serve: () => serveMonolith(),
  base: RPC,
  target,
});

/** What no cluster of this kind can be cheaper than. */
function bareHops(name: string, stores: boolean): Contender {
  return {
    name: `${name}; fsync no`,
    serve: () => serveBareHops('no', stores),
    base: RPC,
  };
}
const bare = bareHops('proxy, Redis, processor without OCPP', false);

/** Reads of the API a second. */
const READS = 50;

/** The API has a connection to Redis of its own, so a CALL of a station must not become dearer. */
function besideApi(): Row {
  const size = { proxies: 1, processors: 1, fsync: 'no' } as const;
  const alone = 'cluster alone';
  return {
    name: 'beside-api',
    what: `Heartbeat, 1000 stations in a closed loop, beside ${READS} reads a second of the API; without the CPU of the API`,
    message: heartbeat,
    stations: 1000,
    contenders: [
      { name: alone, serve: () => serveCluster(size) },
      {
        name: 'cluster beside the API',
        serve: () => serveClusterWithApi(size, READS),
        base: alone,
        target: 1.05,
      },
    ],
  };
}

/** CALLs a second. */
const OPEN_RATES = [300, 2000];

/** Proxies and processors share nothing but Redis, so more of them must not make a CALL dearer. */
function openLoop(profiles: string | undefined, sizes: readonly number[]): Contender[] {
  return sizes.flatMap((processors) => {
    // Both rates talk to the same programs.
    let served: Promise<Served> | undefined;
    const serve = () => (served ??= serveCluster({ proxies: 2, processors, fsync: 'no', profiles }));
    const name = (rate: number, count: number) => `${rate}/s, 2 proxies, ${count} processors; fsync no`;
    return OPEN_RATES.map((rate): Contender => {
      const contender = { name: name(rate, processors), serve, rate };
      if (processors === 1) return { ...contender, base: `${rate}/s, ${RPC}`, target: 5 };
      return processors === 8 ? { ...contender, base: name(rate, 1), target: 1.5 } : contender;
    });
  });
}

/** What a process of its own costs at these rates: little is batched there either. */
function rpcAt(rates: readonly number[]): Contender[] {
  let served: Promise<Served> | undefined;
  const serve = () => (served ??= servePeer('ocpp-rpc'));
  return rates.map((rate) => ({ name: `${rate}/s, ocpp-rpc`, serve, rate }));
}

/** Of 100 000 stations of which a fifth charges: 0.007 messages a second each. */
const NETWORK_RATE = 700;

function networkAtRate(): Contender[] {
  const size = { proxies: 2, processors: 2, fsync: 'everysec' } as const;
  const base = `${NETWORK_RATE}/s, ${RPC}`;
  const peer = redisPeer({ processes: 2, fsync: 'everysec' });
  return [
    {
      name: `${NETWORK_RATE}/s, 2 proxies, 2 processors; fsync everysec`,
      serve: () => serveCluster(size),
      rate: NETWORK_RATE,
      base,
      target: 5,
    },
    { name: base, serve: () => servePeer('ocpp-rpc'), rate: NETWORK_RATE },
    { ...peer, name: `${NETWORK_RATE}/s, ${peer.name}`, rate: NETWORK_RATE },
  ];
}

/**
 * The programs here beside those of another checkout, for a change that must not make a CALL dearer. Each pair has rows of
 * its own: programs that wait meanwhile disturb those that are measured.
 */
export function rowsAgainst(before: string): Row[] {
  const size = { proxies: 1, processors: 1, fsync: 'no' } as const;
  const pair = (program: string, serve: (root?: string) => Promise<Served>): Contender[] => [
    { name: `${program} before`, serve: () => serve(before) },
    { name: program, serve: () => serve(), base: `${program} before`, target: 1.05 },
  ];
  const pairs = [
    pair('cluster', (root) => serveCluster({ ...size, root })),
    pair('monolith', (root) => serveMonolith(root)),
  ];
  return rows().flatMap(({ name, what, message, stations }) =>
    ['open-loop', 'authorize', 'beside-api'].includes(name)
      ? []
      : pairs.map((contenders) => ({ name, what, message, stations, contenders })),
  );
}

export function rows(profiles?: string): Row[] {
  const size = { proxies: 1, processors: 1, profiles };
  const single = [rpc, strictRpc];
  return [
    {
      name: 'heartbeat',
      what: 'Heartbeat, 1000 stations in a closed loop',
      message: heartbeat,
      stations: 1000,
      contenders: [
        cluster({ ...size, fsync: 'no' }, 1.9),
        cluster({ ...size, fsync: 'everysec' }, 1.9),
        cluster({ ...size, fsync: 'always' }, 1.9),
        monolith(1),
        ...single,
        bare,
        { name: 'ws echo', serve: () => servePeer('ws-echo') },
      ],
    },
    {
      name: 'meter-values',
      what: 'MeterValues of 1 kB in an open transaction, 1000 stations in a closed loop',
      message: meterValues,
      stations: 1000,
      contenders: [
        cluster({ ...size, fsync: 'no' }, 2.5),
        cluster({ ...size, fsync: 'always' }, 2.5),
        monolith(1.3),
        ...single,
        bare,
        bareHops('the same, with a record that is read and written', true),
      ],
    },
    {
      name: 'network',
      what: 'A real network: the messages of stations of which a fifth charges (readings, heartbeats, status, sessions, reconnects), in a closed loop and at the rate of 100 000 stations',
      message: network,
      stations: 1000,
      contenders: [
        cluster({ ...size, fsync: 'no' }, 2),
        cluster({ ...size, fsync: 'everysec' }, 2),
        monolith(1.1),
        ...single,
        redisPeer({ processes: 1, fsync: 'no' }),
        ...networkAtRate(),
      ],
    },
    besideApi(),
    {
      name: 'open-loop',
      what: 'Heartbeat, 1000 stations that call at a rate of their own',
      message: heartbeat,
      stations: 1000,
      contenders: [...openLoop(profiles, [1, 4, 8]), ...rpcAt(OPEN_RATES)],
    },
    {
      name: 'authorize',
      what: 'Authorize, for which a driver waits, 1000 stations that call at a rate of their own',
      message: authorize,
      stations: 1000,
      contenders: [...openLoop(profiles, [1]), ...rpcAt(OPEN_RATES)],
    },
  ];
}
