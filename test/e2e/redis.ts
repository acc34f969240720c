/** A look into a cluster's embedded Redis, with the redis-cli of its own Pod. */
import { kubectl } from './kubectl.ts';

export interface RedisPod {
  readonly cluster: string;
  readonly namespace: string;
}

/** Redis listens on the Pod's address only, and asks for the password that lies in its Pod. */
const CLIENT =
  'read -r REDISCLI_AUTH < /etc/ocpp/redis-login/password; export REDISCLI_AUTH; exec redis-cli -h "$POD_IP" "$@"';
function exec({ cluster, namespace }: RedisPod, ...command: readonly string[]): string[] {
  const inPod = ['exec', '-i', `${cluster}-redis-0`, '-n', namespace, '--', 'sh', '-c', CLIENT, 'redis-cli'];
  return [...inPod, ...command];
}

export async function redis(pod: RedisPod, ...command: readonly string[]): Promise<string> {
  return (await kubectl(exec(pod, ...command))).trimEnd();
}

/** Entries of a stream, oldest first, as their fields. */
export async function stream(pod: RedisPod, key: string): Promise<Record<string, string>[]> {
  const reply = await redis(pod, '--json', 'XRANGE', key, '-', '+');
  const entries = JSON.parse(reply) as [id: string, fields: string[]][];
  return entries.map(([, fields]) => {
    const record: Record<string, string> = {};
    for (let i = 0; i + 1 < fields.length; i += 2) record[fields[i] as string] = fields[i + 1] as string;
    return record;
  });
}

/** Puts texts on the left of a list, as proxies do, in one go. */
export async function pushAll(pod: RedisPod, key: string, texts: readonly string[]): Promise<void> {
  const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  const commands = texts.map((text) => `*3\r\n${bulk('LPUSH')}${bulk(key)}${bulk(text)}`);
  await kubectl(exec(pod, '--pipe'), commands.join(''));
}

/** Frames as a proxy elsewhere would have queued them. */
export function heartbeats(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `backlog-${first + i}`;
    return JSON.stringify({
      charge_point_id: 'BACKLOG',
      message_type: 2,
      message_id: id,
      action: 'Heartbeat',
      payload: [2, id, 'Heartbeat', {}],
      timestamp: new Date().toISOString(),
      ws_server_id: 'elsewhere',
    });
  });
}
