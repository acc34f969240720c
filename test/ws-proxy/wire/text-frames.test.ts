/** Frames of texts, read by the receiver of ws as a station would. */
import type { Writable } from 'node:stream';
import test from 'ava';
import * as ws from 'ws';
import { textFrame } from '../../../services/station-server/station-web-socket.ts';

/** Exported, and without types. */
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

const read = (frames: Buffer): Promise<string[]> =>
  new Promise((resolve, reject) => {
    const texts: string[] = [];
    const receiver = new Receiver({ isServer: false });
    receiver.on('message', (data: Buffer, isBinary: boolean) =>
      texts.push(isBinary ? 'binary' : String(data)),
    );
    receiver.on('error', reject).on('finish', () => resolve(texts));
    receiver.end(frames);
  });

test('a text of any length arrives whole: 7, 16 and 64 bits of length', async (t) => {
  const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000];
  const texts = sizes.flatMap((size) => ['x'.repeat(size), 'é'.repeat(size / 2), '🔌'.repeat(size / 4)]);
  t.deepEqual(await read(Buffer.concat(texts.map(textFrame))), texts);
});

test('a lone surrogate becomes the replacement character, as a WebSocket carries UTF-8 only', async (t) => {
  t.deepEqual(await read(textFrame('a\ud800b')), ['a\ufffdb']);
});
