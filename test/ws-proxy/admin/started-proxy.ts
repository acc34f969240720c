/** A proxy with its admin port, over a gateway that a test can inspect. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATH } from '../../../services/contract.ts';
import { loadConfig } from '../../../services/runtime/config.ts';
import { createLog } from '../../../services/runtime/log.ts';
import { type ProxySettings, proxySettings } from '../../../services/ws-proxy/config.ts';
import { Proxy } from '../../../services/ws-proxy/proxy.ts';
import type { Gateway } from '../../../services/transport/gateway.ts';
import { ProbedGateway } from '../endpoint.ts';
import { RawStation } from '../raw-station.ts';

const TOKEN = 'token-of-the-test';

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Of a successful request. */
  readonly json: any;
}

/** The settings of an admin port that takes TOKEN. */
export function withToken(): Partial<ProxySettings> {
  const adminTokenFile = join(mkdtempSync(join(tmpdir(), 'proxy-')), 'token');
  writeFileSync(adminTokenFile, TOKEN);
  return { adminTokenFile };
}

export class Started<G extends Gateway = ProbedGateway> implements AsyncDisposable {
  readonly gateway: G;
  readonly proxy: Proxy;
  #stopped = false;

  constructor(settings: Partial<ProxySettings>, gateway: G) {
    this.gateway = gateway;
    const defaults = loadConfig('ws-proxy', proxySettings, {}, []);
    const local = { host: '127.0.0.1', stationPort: 0, adminPort: 0, drainPropagation: 0 };
    this.proxy = new Proxy({ ...defaults, ...local, ...settings }, this.gateway, createLog('test', 'silent'));
  }

  open(id: string) {
    return RawStation.open(this.proxy.stationPorts[0] ?? 0, `/ocpp/${id}`);
  }

  async ask(path: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.proxy.adminPort}${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** A request to the admin port with the token. */
  async order(method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown): Promise<Answer> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const url = `http://127.0.0.1:${this.proxy.adminPort}${path}`;
    const response = await fetch(url, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, json: response.ok ? JSON.parse(text) : undefined };
  }

  async figure(name: string): Promise<number | undefined> {
    const { text } = await this.ask(PATH.metrics);
    const line = text.split('\n').find((it) => it.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length));
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.proxy.stop('SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) await this.stop();
  }
}

export async function startProxy(
  settings: Partial<ProxySettings> = {},
  prepare?: (it: Started) => void,
): Promise<Started> {
  const started = new Started(settings, new ProbedGateway());
  prepare?.(started);
  await started.proxy.start();
  return started;
}
