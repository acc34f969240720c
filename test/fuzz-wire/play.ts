/** Plays one input on a target and says what was wrong with the behaviour of the server: nothing, in most cases. */
import type { Protocol } from '../../services/ocpp/frame.ts';
import { Connection } from './connection.ts';
import { ACCEPT, plainHandshake } from './handshakes/draft.ts';
import type { Handshake } from './handshakes/table.ts';
import type { FrameInput } from './input.ts';
import { answers, expectedAnswer, type ExpectedAnswer, faultOfAnswer } from './oracle.ts';
import { type ClientBytes, readClient, type ServerRules } from './web-socket.ts';

/** Longer than a CALL may stay open; a busy machine needs no more. */
const PATIENCE = 45_000;

export interface Rules extends ServerRules {
  readonly tolerant: boolean;
}

/** A place that stations connect to. */
export interface Endpoint {
  readonly port: number;
  /** The listener with HTTP Basic. */
  readonly securedPort: number;
  readonly rules: Rules;
}

export interface Played {
  /** What was wrong; undefined: nothing. */
  readonly finding?: string;
  /** Whether the connection can be used for another input. */
  readonly isOpen: boolean;
}

/** Opens the connection of a correct station. @throws Error with the answer that refuses it */
export async function openStation(port: number, station: string, protocol: Protocol): Promise<Connection> {
  const connection = await Connection.open(port);
  connection.write(plainHandshake(station, protocol));
  await connection.until(() => connection.head !== undefined || connection.ended, PATIENCE);
  if (connection.head?.startsWith('HTTP/1.1 101 ') === true) return connection;
  connection.drop();
  throw new Error(`${station} is refused: ${connection.head ?? 'no answer'}`);
}

/** Plays frames on an open connection. */
export async function playFrames(connection: Connection, input: FrameInput, rules: Rules): Promise<Played> {
  const { packets, protocol, number } = input;
  const bytes = Buffer.concat(packets);
  const client = readClient(bytes, rules);
  await connection.writeAll(packets);
  if (client.end === 'unfinished') {
    connection.drop();
    return { isOpen: false, ...finding(judge(connection, client, protocol, rules, false)) };
  }
  if (client.end !== 'open') return playClose(connection, client, protocol, rules);
  const probe = `probe-${number}`;
  connection.say(`[2,"${probe}","Heartbeat",{}]`);
  const isProbe = (text: string) => text.startsWith(`[3,"${probe}",`);
  const isAnswered = await connection.until(
    () => connection.texts.some(isProbe) || connection.closeCode !== undefined || connection.ended,
    PATIENCE,
  );
  if (connection.closeCode !== undefined || connection.ended) {
    connection.drop();
    return { isOpen: false, finding: `closed with ${connection.closeCode ?? 'no Close'} without a reason` };
  }
  if (!isAnswered) {
    connection.drop();
    return { isOpen: false, finding: 'the next CALL is not answered' };
  }
  connection.texts = connection.texts.filter((text) => !isProbe(text));
  const wrong = judge(connection, client, protocol, rules, true);
  if (wrong !== undefined) connection.drop();
  return { isOpen: wrong === undefined, ...finding(wrong) };
}

async function playClose(
  connection: Connection,
  client: ClientBytes,
  protocol: Protocol,
  rules: Rules,
): Promise<Played> {
  const codes = client.end as readonly number[];
  await connection.until(() => connection.closeCode !== undefined || connection.ended, PATIENCE);
  const wrong = judge(connection, client, protocol, rules, false);
  const { closeCode } = connection;
  connection.leave();
  const isOver = await connection.until(() => connection.ended, PATIENCE);
  if (!isOver) connection.drop();
  if (closeCode === undefined || !codes.includes(closeCode)) {
    return {
      isOpen: false,
      finding: `closed with ${closeCode ?? 'no Close'} instead of ${codes.join(' or ')}`,
    };
  }
  if (!isOver) return { isOpen: false, finding: 'the TCP connection stays open after its Close' };
  return { isOpen: false, ...finding(wrong) };
}

const finding = (wrong: string | undefined) => (wrong === undefined ? {} : { finding: wrong });

/** Takes the answers from the connection and compares them. @param isWhole whether all answers must have arrived */
export function judge(
  connection: Pick<Connection, 'texts' | 'pongs' | 'fault'>,
  client: ClientBytes,
  protocol: Protocol,
  rules: Rules,
  isWhole: boolean,
): string | undefined {
  const { texts, pongs, fault } = connection;
  connection.texts = [];
  connection.pongs = [];
  if (fault !== undefined) return fault;
  const wanted = client.pings.map((ping) => ping.toString('hex'));
  const got = pongs.map((pong) => pong.toString('hex'));
  const arePongsRight = isWhole ? wanted.join() === got.join() : wanted.join().startsWith(got.join());
  if (!arePongsRight) return `pongs ${got.join()} instead of ${wanted.join()}`;
  return judgeAnswers(texts, client, protocol, rules, isWhole);
}

function judgeAnswers(
  texts: readonly string[],
  client: ClientBytes,
  protocol: Protocol,
  rules: Rules,
  isWhole: boolean,
): string | undefined {
  const open: { text: string; expected: ExpectedAnswer }[] = client.texts.flatMap((data) => {
    const text = data.toString();
    const expected = expectedAnswer(text, protocol, rules.tolerant);
    return expected === undefined ? [] : [{ text, expected }];
  });
  for (const answer of texts) {
    const fault = faultOfAnswer(answer, protocol);
    if (fault !== undefined) return `${fault}: ${answer.slice(0, 300)}`;
    const index = open.findIndex(({ text, expected }) => answers(answer, expected, text, protocol));
    if (index === -1) return `an answer to nothing, or a wrong one: ${answer.slice(0, 300)}`;
    open.splice(index, 1);
  }
  const missing = open.find(({ expected }) => expected.isRequired);
  return isWhole && missing !== undefined ? `no answer to ${missing.text.slice(0, 200)}` : undefined;
}

/** Plays a handshake on a connection of its own. */
export async function playHandshake(
  { port, securedPort }: Pick<Endpoint, 'port' | 'securedPort'>,
  handshake: Handshake,
  number: number,
): Promise<string | undefined> {
  const connection = await Connection.open(handshake.isSecured === true ? securedPort : port);
  connection.write(handshake.bytes);
  if (handshake.isHalf === true) connection.half();
  const isDone = await connection.until(() => connection.head !== undefined || connection.ended, PATIENCE);
  try {
    if (!isDone) return 'no answer, and the connection stays open';
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(connection.head ?? '')?.[1] ?? 0);
    if (!handshake.statuses.includes(status)) {
      return `status ${status} instead of ${handshake.statuses.join(' or ')}: ${connection.head?.slice(0, 200)}`;
    }
    return status === 101 && handshake.isHalf !== true
      ? await playUpgraded(connection, handshake, number)
      : undefined;
  } finally {
    connection.drop();
  }
}

async function playUpgraded(
  connection: Connection,
  { protocol }: Handshake,
  number: number,
): Promise<string | undefined> {
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, 'im').exec(connection.head ?? '')?.[1];
  const named = field('sec-websocket-protocol');
  if (protocol !== undefined && field('sec-websocket-accept') !== ACCEPT)
    return 'a wrong Sec-WebSocket-Accept';
  if (field('sec-websocket-extensions') !== undefined) return 'an extension was agreed on';
  if (protocol !== undefined && named !== (protocol === 'none' ? undefined : protocol)) {
    return `the subprotocol ${named} instead of ${protocol}`;
  }
  if (named === undefined) {
    await connection.until(() => connection.closeCode !== undefined || connection.ended, PATIENCE);
    return connection.closeCode === 1002
      ? undefined
      : `closed with ${connection.closeCode} without subprotocol`;
  }
  const probe = `probe-${number}`;
  connection.say(`[2,"${probe}","Heartbeat",{}]`);
  const isAnswered = () => connection.texts.some((text) => text.startsWith(`[3,"${probe}",`));
  await connection.until(
    () => isAnswered() || connection.closeCode !== undefined || connection.ended,
    PATIENCE,
  );
  if (isAnswered()) return undefined;
  // Bytes behind a request are the first frame of the station.
  return protocol === undefined
    ? undefined
    : `the first CALL is not answered: ${connection.closeCode ?? 'no Close'}`;
}
