/** All incidents, in the order of docs/incidents.md. */
import { certificateExpires } from './certificate-expires.ts';
import type { Incident } from './incident.ts';
import { processorBroken } from './processor-broken.ts';
import { reconnectStorm } from './reconnect-storm.ts';
import { redisSlow } from './redis-slow.ts';
import { unevenProxies } from './uneven-proxies.ts';
import { webhookDown } from './webhook-down.ts';

export const INCIDENTS: readonly Incident[] = [
  redisSlow,
  processorBroken,
  reconnectStorm,
  unevenProxies,
  certificateExpires,
  webhookDown,
];
