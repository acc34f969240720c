/** An input of the fuzzer: what one client sends. Seed and number make it; nothing else does. */
import { PROTOCOLS, type Protocol } from '../../services/ocpp/frame.ts';
import { Chance } from '../chaos/random.ts';
import { carried, FRAMING_MUTATIONS } from './framing.ts';
import { credentialsOf } from './handshakes/credentials.ts';
import { type Handshake, handshakeOf } from './handshakes/table.ts';
import { SAMPLES } from './samples.ts';
import { LONGEST, TEXT_MUTATIONS } from './texts.ts';

export interface FrameInput {
  readonly kind: 'frames';
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
  /** What is sent on an open connection, in so many packets. */
  readonly packets: readonly Buffer[];
}

export interface HandshakeInput {
  readonly kind: 'handshake';
  readonly number: number;
  readonly name: string;
  readonly handshake: Handshake;
}

export type Input = FrameInput | HandshakeInput;

const HANDSHAKES = 0.15;
/** Of them. */
const WITH_CREDENTIALS = 0.25;
const FRAMINGS = 0.2;
/** Identities of handshakes: few, as each of them leaves data behind; many, as each may connect every two seconds only. */
const STATIONS = 6000;

export function inputOf(seed: number, number: number): Input {
  const chance = new Chance((Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0x85ebca6b)) >>> 0);
  const protocol = chance.one(PROTOCOLS);
  const roll = chance.next();
  if (roll < HANDSHAKES) {
    const handshake = chance.happens(WITH_CREDENTIALS)
      ? credentialsOf(chance, number, protocol)
      : handshakeOf(chance, `H${number % STATIONS}`, protocol);
    return { kind: 'handshake', number, name: handshake.name, handshake };
  }
  const sample = chance.one(SAMPLES[protocol]);
  const [name, bytes] = roll < HANDSHAKES + FRAMINGS ? framed(sample, chance) : texted(sample, chance);
  return { kind: 'frames', number, name, protocol, packets: packetsOf(bytes, chance) };
}

function framed(sample: string, chance: Chance): [string, Buffer] {
  const [name, bytesOf] = chance.one(FRAMING_MUTATIONS);
  return [`frames: ${name}`, bytesOf(Buffer.from(sample), chance)];
}

/** Most texts are changed once: what is changed often is refused early. */
function texted(sample: string, chance: Chance): [string, Buffer] {
  const names: string[] = [];
  let text: string | Buffer = sample;
  for (let times = chance.one([1, 1, 1, 2, 3]); times > 0; times--) {
    const [name, change] = chance.one(TEXT_MUTATIONS);
    names.push(name);
    text = change(typeof text === 'string' ? text : text.toString(), chance).slice(0, LONGEST);
  }
  return [`text: ${names.join(', ')}`, carried(Buffer.from(text), chance)];
}

function packetsOf(bytes: Buffer, chance: Chance): Buffer[] {
  if (chance.happens(0.9)) return [bytes];
  const size = Math.max(1, Math.ceil(bytes.length / chance.between(2, 5)));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}
