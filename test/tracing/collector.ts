/** An OpenTelemetry collector of a test's own: OTLP over HTTP, decoded here, without the library that encodes it. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

type Value = string | number;

export interface Span {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** '' of a root. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: string;
  /** ns since 1970 */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly string[];
  readonly isError: boolean;
}

export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly Span[];
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Everything that came, as text, to look for what must not be there. */
  readonly bytes: string;
  /** `hang`: it takes requests and answers none. A number: the status of its answers. */
  answer: number | 'hang';
}

export async function startCollector(answer: Collector['answer'] = 200): Promise<Collector> {
  const spans: Span[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const all: Buffer[] = [];
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      requests.push({ path: incoming.url ?? '', headers: incoming.headers });
      if (collector.answer === 'hang') return;
      const body = Buffer.concat(parts);
      all.push(body);
      if (collector.answer === 200) spans.push(...readRequest(body));
      response.writeHead(collector.answer, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    get bytes() {
      return Buffer.concat(all).toString('latin1');
    },
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return collector;
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];

/** ExportTraceServiceRequest of opentelemetry-proto 1. */
function readRequest(body: Buffer): Span[] {
  return messages(body, 1).flatMap((resourceSpans) => {
    const resource = messages(resourceSpans, 1).flatMap((one) => messages(one, 1));
    const service = String(attributesOf(resource)['service.name']);
    return messages(resourceSpans, 2).flatMap((scope) =>
      messages(scope, 2).map((span) => readSpan(span, service)),
    );
  });
}

function readSpan(span: Buffer, service: string): Span {
  const fields = fieldsOf(span);
  const hex = (number: number) => (one(fields, number) as Buffer | undefined)?.toString('hex') ?? '';
  const status = messages(span, 15)[0];
  return {
    service,
    traceId: hex(1),
    spanId: hex(2),
    parentId: hex(4),
    name: textOf(one(fields, 5)),
    kind: KINDS[Number(one(fields, 6))] ?? '',
    start: one(fields, 7) as bigint,
    end: one(fields, 8) as bigint,
    attributes: attributesOf(messages(span, 9)),
    events: messages(span, 11).map((event) => textOf(one(fieldsOf(event), 2))),
    isError: status !== undefined && one(fieldsOf(status), 3) === 2n,
  };
}

function attributesOf(pairs: readonly Buffer[]): Record<string, Value> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const fields = fieldsOf(pair);
      const [[number, value] = [0, 0n]] = fieldsOf(one(fields, 2) as Buffer);
      return [textOf(one(fields, 1)), number === 1 ? textOf(value) : Number(value)];
    }),
  );
}

type Field = readonly [number: number, value: Buffer | bigint];

const one = (fields: readonly Field[], number: number) => fields.find(([n]) => n === number)?.[1];
const textOf = (value: Buffer | bigint | undefined) => String(value ?? '');
const messages = (buffer: Buffer, number: number): Buffer[] =>
  fieldsOf(buffer).flatMap(([n, value]) => (n === number && typeof value === 'object' ? [value] : []));

/** The fields of a message of protobuf, in their order. */
function fieldsOf(buffer: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < buffer.length) {
    const tag = Number(varint());
    const [number, type] = [tag >> 3, tag & 7];
    if (type === 0) fields.push([number, varint()]);
    else {
      const size = type === 1 ? 8 : type === 5 ? 4 : Number(varint());
      const bytes = buffer.subarray(at, at + size);
      at += size;
      fields.push([
        number,
        type === 1 ? bytes.readBigUInt64LE() : type === 5 ? BigInt(bytes.readUInt32LE()) : bytes,
      ]);
    }
  }
  return fields;
}
