/** A key that is not the one of the stored passwords: no program begins to work with it, and nothing is written. */
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import test from 'ava';
import { freePort } from '../../support/free-port.ts';
import { startProgram } from '../../support/program.ts';
import { Script } from '../../support/script.ts';
import { basic, hasher, knock, openDoor, statusOf } from './door.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const OTHER_KEY = 'another key of the stored passwords';
const RECORD = 'ocpp:password-key';
const SAYS = /OCPP_PASSWORD_KEY_FILE: .*Restore the former key\. .* delete the record password-key/;
const password = 'correct horse battery';

test('with another key no proxy starts and no password is stored, until the record of the key is deleted', async (t) => {
  await using door = await openDoor();
  const { commands, redis, folder, ports } = door;
  await door.register('CP-1', { password: hasher.hash('CP-1', password) });
  t.is(await commands.hget(RECORD, 'digest'), hasher.keyDigest);
  const files = { right: join(folder, 'key'), wrong: join(folder, 'other') };
  await writeFile(files.wrong, OTHER_KEY);
  const env = (file: string) => ({ REDIS_ADDR: redis.addr, OCPP_PASSWORD_KEY_FILE: file });
  const start = async (file: string) => {
    const listeners = [{ port: await freePort(), path: '/ocpp', securityProfile: 1 }];
    return startProgram('ws-proxy', {
      ...env(file),
      OCPP_LISTENERS: JSON.stringify(listeners),
      OCPP_STATION_SOURCE: 'register',
      OCPP_DRAIN_PROPAGATION: '0s',
    });
  };
  const stations = async (file: string, ...args: string[]) => {
    await using script = new Script(ROOT, 'services/stations/main.ts', args, env(file));
    return { status: await script.end(), output: script.output };
  };
  const before = await commands.hgetall('ocpp:stations');
  await t.throwsAsync(start(files.wrong), { message: SAYS });
  const refused = await stations(files.wrong, 'new-password', 'CP-2');
  t.is(refused.status, 1);
  t.regex(refused.output, SAYS);
  for (const text of [refused.output, door.proxy.log]) t.false(text.includes(OTHER_KEY));
  t.deepEqual(await commands.hgetall('ocpp:stations'), before);
  await using second = await start(files.right);
  t.is((await stations(files.right, 'new-password', 'CP-2')).status, 0);
  t.is((await stations(files.wrong, 'list')).status, 0, 'a command that hashes nothing needs no key');
  t.is(await statusOf(ports.get(1), 'CP-1', basic('CP-1', password)), 101);
  await commands.del(RECORD);
  await using third = await start(files.wrong);
  t.not(await commands.hget(RECORD, 'digest'), hasher.keyDigest);
  t.is((await stations(files.wrong, 'new-password', 'CP-2')).status, 0);
  const open = await knock(ports.get(1), 'CP-1', basic('CP-1', password));
  t.is(open.answer.status, 101, 'a running proxy has the key that it began with');
  await open.station[Symbol.asyncDispose]();
  t.notRegex([second, third].map(({ log }) => log).join(''), /OCPP_PASSWORD_KEY_FILE/);
});
