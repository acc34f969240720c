/** Mutations of the WebSocket frames that carry a text. Each returns the bytes that a client sends. */
import type { Chance } from '../chaos/random.ts';
import { frameOf, OPCODE } from './web-socket.ts';

export type FramingMutation = readonly [name: string, bytes: (text: Buffer, chance: Chance) => Buffer];

const maskOf = (chance: Chance): Buffer =>
  Buffer.from(Array.from({ length: 4 }, () => chance.between(0, 255)));

const textFrame = (text: Buffer, chance: Chance): Buffer =>
  frameOf(OPCODE.text, text, { mask: maskOf(chance) });

const control = (opcode: number, payload: string, chance: Chance): Buffer =>
  frameOf(opcode, Buffer.from(payload), { mask: maskOf(chance) });

/** The text as fragments, each followed by what `between` returns. */
function fragments(
  text: Buffer,
  count: number,
  chance: Chance,
  between: () => Buffer = () => Buffer.alloc(0),
): Buffer {
  const size = Math.ceil(text.length / count);
  const parts = Array.from({ length: count }, (_, index) => {
    const opcode = index === 0 ? OPCODE.text : OPCODE.continuation;
    const fin = index === count - 1;
    const part = frameOf(opcode, text.subarray(index * size, (index + 1) * size), {
      fin,
      mask: maskOf(chance),
    });
    return fin ? part : Buffer.concat([part, between()]);
  });
  return Buffer.concat(parts);
}

/** How a text usually travels: in one frame, sometimes in fragments. */
export function carried(text: Buffer, chance: Chance): Buffer {
  return chance.happens(0.9) ? textFrame(text, chance) : fragments(text, chance.between(2, 8), chance);
}

const CLOSE_CODES = [
  0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1012, 1014, 1015, 2999, 3000, 4999, 5000, 65_535,
];

export const FRAMING_MUTATIONS: readonly FramingMutation[] = [
  ['fragments', (text, chance) => fragments(text, chance.between(2, 40), chance)],
  [
    'control frames between fragments',
    (text, chance) =>
      fragments(text, chance.between(2, 6), chance, () =>
        control(OPCODE.ping, `p${chance.between(0, 99)}`, chance),
      ),
  ],
  [
    'a fragment without content',
    (text, chance) =>
      Buffer.concat([
        frameOf(OPCODE.text, Buffer.alloc(0), { fin: false, mask: maskOf(chance) }),
        frameOf(OPCODE.continuation, text, { fin: false, mask: maskOf(chance) }),
        frameOf(OPCODE.continuation, Buffer.alloc(0), { mask: maskOf(chance) }),
      ]),
  ],
  [
    'fragments without end',
    (text, chance) => frameOf(OPCODE.text, text, { fin: false, mask: maskOf(chance) }),
  ],
  [
    'a text within fragments',
    (text, chance) =>
      Buffer.concat([
        frameOf(OPCODE.text, text, { fin: false, mask: maskOf(chance) }),
        textFrame(text, chance),
      ]),
  ],
  ['more fragments than permitted', (text, chance) => fragments(text, chance.between(1020, 1100), chance)],
  [
    'a continuation of nothing',
    (text, chance) => frameOf(OPCODE.continuation, text, { mask: maskOf(chance) }),
  ],
  [
    'a reserved bit',
    (text, chance) => frameOf(OPCODE.text, text, { reserved: chance.between(1, 7), mask: maskOf(chance) }),
  ],
  [
    'a reserved bit of a control frame',
    (_, chance) =>
      frameOf(OPCODE.ping, Buffer.from('x'), { reserved: chance.between(1, 7), mask: maskOf(chance) }),
  ],
  ['no mask', (text) => frameOf(OPCODE.text, text)],
  [
    'an opcode that does not exist',
    (text, chance) => frameOf(chance.one([3, 4, 5, 6, 7, 11, 12, 15]), text, { mask: maskOf(chance) }),
  ],
  ['binary', (text, chance) => frameOf(OPCODE.binary, text, { mask: maskOf(chance) })],
  [
    'binary fragments',
    (text, chance) =>
      Buffer.concat([
        frameOf(OPCODE.binary, text, { fin: false, mask: maskOf(chance) }),
        frameOf(OPCODE.continuation, text, { mask: maskOf(chance) }),
      ]),
  ],
  [
    'a length in too many bytes',
    (text, chance) => frameOf(OPCODE.text, text, { lengthBits: chance.one([16, 64]), mask: maskOf(chance) }),
  ],
  [
    'a length that is too great',
    (text, chance) =>
      frameOf(OPCODE.text, text, {
        claimed: chance.one([300_000n, 2n ** 31n, 2n ** 40n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]),
        mask: maskOf(chance),
      }),
  ],
  [
    'a length that never comes',
    (text, chance) =>
      frameOf(OPCODE.text, text, {
        claimed: BigInt(text.length + chance.between(1, 2000)),
        mask: maskOf(chance),
      }),
  ],
  [
    'a length that is too small',
    (text, chance) =>
      frameOf(OPCODE.text, text, {
        claimed: BigInt(chance.between(0, Math.max(0, text.length - 1))),
        mask: maskOf(chance),
      }),
  ],
  ['too long a text', (_, chance) => textFrame(Buffer.alloc(chance.between(262_145, 300_000), ' '), chance)],
  [
    'the longest text',
    (text, chance) => {
      const padded = Buffer.alloc(262_144, ' ');
      text.copy(padded);
      return textFrame(padded, chance);
    },
  ],
  [
    'fragments that are too long together',
    (_, chance) => fragments(Buffer.alloc(chance.between(262_145, 300_000), ' '), 5, chance),
  ],
  ['a ping', (_, chance) => control(OPCODE.ping, 'p'.repeat(chance.between(0, 125)), chance)],
  [
    'pings',
    (text, chance) =>
      Buffer.concat([
        ...Array.from({ length: chance.between(2, 20) }, (_, i) => control(OPCODE.ping, `${i}`, chance)),
        textFrame(text, chance),
      ]),
  ],
  [
    'a pong that was not asked for',
    (text, chance) => Buffer.concat([control(OPCODE.pong, 'x', chance), textFrame(text, chance)]),
  ],
  [
    'a control frame that is too long',
    (_, chance) => control(chance.one([8, 9, 10]), 'x'.repeat(chance.between(126, 70_000)), chance),
  ],
  [
    'a control frame in fragments',
    (_, chance) => frameOf(chance.one([8, 9, 10]), Buffer.from('xx'), { fin: false, mask: maskOf(chance) }),
  ],
  [
    'a Close',
    (_, chance) => {
      const payload = Buffer.alloc(chance.one([2, 2, 12, 125]), 'bye');
      payload.writeUInt16BE(chance.one(CLOSE_CODES), 0);
      return frameOf(OPCODE.close, payload, { mask: maskOf(chance) });
    },
  ],
  [
    'a Close without code',
    (_, chance) => frameOf(OPCODE.close, Buffer.alloc(chance.between(0, 1)), { mask: maskOf(chance) }),
  ],
  [
    'a Close with a reason that is not UTF-8',
    (_, chance) => frameOf(OPCODE.close, Buffer.from([0x03, 0xe8, 0xff, 0xfe]), { mask: maskOf(chance) }),
  ],
  [
    'a message behind a Close',
    (text, chance) =>
      Buffer.concat([
        frameOf(OPCODE.close, Buffer.from([0x03, 0xe8]), { mask: maskOf(chance) }),
        textFrame(text, chance),
      ]),
  ],
  [
    'several messages in one packet',
    (text, chance) =>
      Buffer.concat(Array.from({ length: chance.between(2, 5) }, () => textFrame(text, chance))),
  ],
  [
    'flipped bits of the frame',
    (text, chance) => {
      const bytes = textFrame(text, chance);
      for (let i = chance.between(1, 3); i > 0; i--) {
        const at = chance.between(0, chance.happens(0.7) ? 7 : bytes.length - 1);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.between(0, 7));
      }
      return bytes;
    },
  ],
  [
    'random bytes',
    (_, chance) => Buffer.from(Array.from({ length: chance.between(1, 60) }, () => chance.between(0, 255))),
  ],
  ['an HTTP request', () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  [
    'half a frame',
    (text, chance) => {
      const bytes = textFrame(text, chance);
      return bytes.subarray(0, chance.between(1, bytes.length - 1));
    },
  ],
];
