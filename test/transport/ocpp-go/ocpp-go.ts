/**
 * Programs of ocpp-go as far as Redis sees them, after recorded traffic (traffic.jsonl: chrisn-au/ocpp-go,
 * commit d4f4704): plain BRPOP and LPUSH, sessions written and deleted by the events on the control channels.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';

interface Recorded {
  readonly by: string;
  readonly command: readonly string[];
}

export interface OcppGoEnvelope {
  readonly charge_point_id: string;
  readonly message_type: number;
  readonly message_id: string;
  readonly action?: string;
  readonly payload: readonly unknown[];
  readonly timestamp: string;
  readonly ws_server_id: string;
}

const TRAFFIC = readFileSync(join(import.meta.dirname, 'traffic.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded);

/** What was pushed onto lists that begin with `key`, as it was written. */
export function recorded(key: string): string[] {
  return TRAFFIC.filter(({ command }) => command[0] === 'lpush' && command[1]?.startsWith(key) === true).map(
    ({ command }) => command[2] ?? '',
  );
}

/** An answer as ocpp-go writes it; without `action`, with nanoseconds. */
export function ocppGoAnswer(stationId: string, payload: readonly unknown[]): string {
  const [message_type, message_id] = payload;
  const timestamp = new Date().toISOString().replace('Z', '123456Z');
  const ws_server_id = 'redis-ocpp-server';
  return JSON.stringify({
    charge_point_id: stationId,
    message_type,
    message_id,
    payload,
    timestamp,
    ws_server_id,
  });
}

/** A processor of ocpp-go: answers CALLs with `answer`, records all that it reads, and writes sessions. */
export async function startOcppGoProcessor(
  addr: { readonly host: string; readonly port: number },
  answer: (request: OcppGoEnvelope) => readonly unknown[] | undefined,
) {
  const [taking, writing, control] = Array.from({ length: 3 }, () => new Redis(addr.port, addr.host)) as [
    Redis,
    Redis,
    Redis,
  ];
  const taken: OcppGoEnvelope[] = [];
  const stopped = new AbortController();
  const noteActivity = (stationId: string) =>
    writing.hmset(`ocpp:session:${stationId}`, 'last_activity', new Date().toISOString());
  control.on('message', (channel: string, text: string) => {
    const { charge_point_id: id, ws_server_id, remote_addr } = JSON.parse(text) as Record<string, string>;
    const key = `ocpp:session:${id}`;
    if (channel === 'ocpp:control:disconnect')
      void writing
        .multi()
        .del(key)
        .srem('ocpp:active', id ?? '')
        .exec();
    else
      void writing
        .multi()
        .hmset(key, { charge_point_id: id, ws_server_id, remote_addr, metadata: '{}' })
        .sadd('ocpp:active', id ?? '')
        .exec();
  });
  await control.subscribe('ocpp:control:connect', 'ocpp:control:disconnect');
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      const popped = await taking.brpop('ocpp:requests', 1).catch(() => null);
      if (popped === null) continue;
      const request = JSON.parse(popped[1]) as OcppGoEnvelope;
      taken.push(request);
      await noteActivity(request.charge_point_id);
      const said = request.message_type === 2 ? answer(request) : undefined;
      if (said === undefined) continue;
      await writing.lpush(
        `ocpp:responses:${request.charge_point_id}`,
        ocppGoAnswer(request.charge_point_id, said),
      );
      await noteActivity(request.charge_point_id);
    }
  })();
  return {
    taken,
    /** A CALL of the CSMS. */
    call: (stationId: string, payload: readonly unknown[]) =>
      writing.lpush(`ocpp:responses:${stationId}`, ocppGoAnswer(stationId, payload)),
    async [Symbol.asyncDispose]() {
      stopped.abort();
      taking.disconnect();
      await loop;
      for (const redis of [writing, control]) redis.disconnect();
    },
  };
}
