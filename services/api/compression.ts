/** Compresses long answers for clients that accept it. Events are sent past it, and files of the console are compressed when they are built. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';

const compress = promisify(gzip);

/** Of shorter answers compression saves no packet; characters. */
const LEAST = 4096;
/** For what is compressed once. */
const SMALLEST = { level: constants.Z_BEST_COMPRESSION };
/** JSON of lists is a tenth of its size at every level; this one costs the least CPU. */
const OPTIONS = { level: constants.Z_BEST_SPEED };

/** Hook of fastify: the body that is sent. */
export async function compressLong(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (typeof payload !== 'string' || payload.length < LEAST || reply.hasHeader('content-encoding'))
    return payload;
  void reply.header('vary', 'accept-encoding');
  if (!acceptsGzip(headers['accept-encoding'])) return payload;
  void reply.header('content-encoding', 'gzip');
  return compress(payload, OPTIONS);
}

/** Of a long text that every request gets. @returns the body for the headers of a request: the compressed one is a Buffer */
export function compressedOnce(
  text: string,
  smallest = (long: string): Promise<Buffer> => compress(long, SMALLEST),
): (headers: FastifyRequest['headers']) => Promise<string | Buffer> {
  let compressed: Promise<Buffer> | undefined;
  return async (headers) => {
    if (!acceptsGzip(headers['accept-encoding'])) return text;
    compressed ??= smallest(text);
    return compressed;
  };
}

/** Of the header Accept-Encoding (RFC 9110, 12.5.3): gzip by its name, or by `*`; q=0 excludes. */
function acceptsGzip(accept: string | string[] | undefined): boolean {
  const codings = String(accept ?? '')
    .toLowerCase()
    .split(',')
    .map((one) => one.split(';').map((part) => part.trim()));
  const found = ['gzip', '*'].map((name) => codings.find(([coding]) => coding === name)).find(Boolean);
  return found !== undefined && !found.some((part) => /^q\s*=\s*0(?:\.0*)?$/.test(part));
}
