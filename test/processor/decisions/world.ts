/** A processor on a real Redis that asks a decider of the test over HTTP, and stations of each version. */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { ENV } from '../../../services/contract.ts';
import { DEFAULT_SETTINGS } from '../../../services/csms/handler.ts';
import { HANDLERS } from '../../../services/csms/handlers/table.ts';
import { createProcessor, type Processor } from '../../../services/csms/processor.ts';
import type { Protocol } from '../../../services/ocpp/frame.ts';
import { processorSettings, readHandlerTimeout } from '../../../services/processor/config.ts';
import { createProviders, type ProcessorProviders } from '../../../services/processor/providers.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { loadConfig } from '../../../services/runtime/config.ts';
import { Keys } from '../../../services/transport/redis/keys.ts';
import { RedisGateway } from '../../../services/transport/redis/redis-gateway.ts';
import { RedisTransport } from '../../../services/transport/redis/redis-transport.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { startRedis } from '../../support/redis-server.ts';
import { startWebhook, type WebhookRequest, type WebhookServer } from '../../support/webhook-server.ts';
import { Station } from '../session.ts';

export const KEY = Buffer.alloc(32, 5);
export const SECRET = `whsec_${KEY.toString('base64')}`;

type Payload = Record<string, unknown>;

export interface World extends AsyncDisposable {
  readonly webhook: WebhookServer;
  readonly redis: Redis;
  /** `<action> <result>` of each decision. */
  readonly results: string[];
  readonly log: ReturnType<typeof memoryLog>;
  readonly providers: ProcessorProviders;
  readonly secretFile: string;
  readonly gateway: RedisGateway;
  station(stationId: string, protocol?: Protocol): Promise<Station>;
  /** Another processor on the same Redis, instead of the one before. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>;
}

/** @param actions such as `Authorize=Own` */
export async function decisionWorld(
  actions: string,
  answer: WebhookServer['answer'],
  env: Readonly<Record<string, string>> = {},
): Promise<World> {
  const [server, webhook, folder] = await Promise.all([
    startRedis(),
    startWebhook(answer),
    mkdtemp(join(tmpdir(), 'decisions-')),
  ]);
  const secretFile = join(folder, 'secret');
  await writeFile(secretFile, `${SECRET}\n`);
  const redis = { addr: server.addr, db: 0, clientTimeoutMs: 10_000 };
  const keys = new Keys('ocpp');
  const log = memoryLog();
  const results: string[] = [];
  const look = new Redis(server.port, server.host);
  const gateway = new RedisGateway({ redis, keys, name: 'proxy' });
  let providers: ProcessorProviders | undefined;
  let processor: Processor | undefined;
  const start = async (more: Readonly<Record<string, string>> = {}) => {
    const config = loadConfig(
      'processor',
      processorSettings,
      {
        [ENV.decisionUrl]: webhook.url,
        [ENV.decisionSecretFile]: secretFile,
        [ENV.decisionActions]: actions,
        ...env,
        ...more,
      },
      [],
    );
    const { concurrency } = config;
    const handlerTimeoutMs = readHandlerTimeout(config);
    providers = createProviders(config, handlerTimeoutMs, systemClock, {
      config,
      concurrency,
      log,
      observer: { decided: (action, result) => results.push(`${action} ${result}`) },
    });
    processor = createProcessor({
      transport: new RedisTransport({ redis, keys, name: 'processor', maxInFlight: concurrency }),
      handlers: HANDLERS,
      settings: { ...DEFAULT_SETTINGS, unknownTokens: config.unknownTokens },
      providers,
      handlerTimeoutMs,
      clock: systemClock,
      log,
    });
    await processor.start();
  };
  const stop = async () => {
    await processor?.[Symbol.asyncDispose]();
    providers?.[Symbol.dispose]();
  };
  await Promise.all([start(), gateway.start()]);
  return {
    webhook,
    redis: look,
    results,
    log,
    secretFile,
    gateway,
    get providers() {
      return providers ?? ({} as ProcessorProviders);
    },
    station: (stationId, protocol = 'ocpp1.6') => Station.connect(gateway, stationId, protocol),
    async restart(more) {
      await stop();
      await start(more);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await gateway[Symbol.asyncDispose]();
      look.disconnect();
      await Promise.all([
        webhook[Symbol.asyncDispose](),
        server[Symbol.asyncDispose](),
        rm(folder, { recursive: true }),
      ]);
    },
  };
}

/** What a decider computes to check a request, without code of the product. */
export function expectedSignature({ headers, text }: WebhookRequest): string {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${text}`;
  return `v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`;
}

export const TIME = '2026-11-23T09:00:00Z';
export const BOOT_16 = { chargePointVendor: 'Acme', chargePointModel: 'AC-1' };
export const BOOT_2 = { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'DC-9' } };

/** The messages of a version that a decider may decide, and what is its word in the answer. */
export interface Dialect {
  readonly protocol: Protocol;
  readonly authorize: (token: string) => object;
  readonly start: readonly [action: string, request: (token: string, n?: number) => object];
  readonly boot: object;
  readonly info: (answer: Payload) => unknown;
}

const dialect2 = (protocol: Protocol): Dialect => ({
  protocol,
  authorize: (idToken) => ({ idToken: { idToken, type: 'ISO14443' } }),
  start: [
    'TransactionEvent',
    (idToken, n = 1) => ({
      eventType: 'Started',
      seqNo: 0,
      timestamp: TIME,
      triggerReason: 'Authorized',
      transactionInfo: { transactionId: `tx-${n}` },
      evse: { id: n, connectorId: 1 },
      idToken: { idToken, type: 'ISO14443' },
    }),
  ],
  boot: BOOT_2,
  info: ({ idTokenInfo }) => idTokenInfo,
});

export const DIALECTS: readonly Dialect[] = [
  {
    protocol: 'ocpp1.6',
    authorize: (idTag) => ({ idTag }),
    start: [
      'StartTransaction',
      (idTag, n = 1) => ({ connectorId: n, idTag, meterStart: 1500, timestamp: TIME }),
    ],
    boot: BOOT_16,
    info: ({ idTagInfo }) => idTagInfo,
  },
  dialect2('ocpp2.0.1'),
  dialect2('ocpp2.1'),
];
