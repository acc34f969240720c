/** Reads what the CSMS wrote down for billing: the stream of closed transactions. */
import { Redis } from 'ioredis';

export interface StreamAddress {
  readonly host: string;
  readonly port: number;
  readonly password?: string;
  /** As OCPP_CHANNEL_PREFIX; `ocpp` by default. */
  readonly channelPrefix?: string;
}

const PAGE = 1000;

/** All entries, oldest first, each as its fields. */
export async function readStream(address: StreamAddress): Promise<Record<string, string>[]> {
  const { host, port, password, channelPrefix = 'ocpp' } = address;
  const redis = new Redis({ host, port, ...(password !== undefined && { password }), lazyConnect: true });
  let problem = '';
  redis.on('error', (error) => (problem = error.message));
  try {
    await redis.connect();
    const entries: Record<string, string>[] = [];
    let from = '-';
    for (;;) {
      const page = await redis.xrange(`${channelPrefix}:transactions`, from, '+', 'COUNT', PAGE);
      entries.push(...page.map(([, fields]) => recordOf(fields)));
      const last = page.at(-1)?.[0];
      if (last === undefined || page.length < PAGE) return entries;
      from = `(${last}`;
    }
  } catch (error) {
    throw new Error(`the transactions in the Redis at ${host}:${port} cannot be read: ${problem}`, {
      cause: error,
    });
  } finally {
    redis.disconnect();
  }
}

/** Fields as Redis returns them, names and values in turn. */
function recordOf(fields: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let index = 0; index + 1 < fields.length; index += 2) {
    record[fields[index] ?? ''] = fields[index + 1] ?? '';
  }
  return record;
}
