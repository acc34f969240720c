/**
 * Runs before every npm script and installs what is missing: packages, a Node that runs TypeScript and, with `--redis`,
 * redis-server. With `--run FILE` it then runs that file on that Node. Plain JavaScript for any Node from 18, as nothing else can
 * run before it. Silent and quick when nothing is missing.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const BIN = join(ROOT, 'node_modules', '.bin');
/** Runs .ts files without a flag, knows `await using` and import.meta.main. */
const NODE_NEEDED = [24, 2];
/** Without node_modules/.bin: npm must not run on a Node that it is about to replace. */
const SYSTEM_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
  .join(delimiter);

const LOOK_EVERY_MS = 200;

const say = (text) => process.stderr.write(`setup: ${text}\n`);

function run(command, args, env = {}) {
  const done = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, PATH: SYSTEM_PATH, ...env },
  });
  const words = (done.error?.message ?? done.stderr ?? '').trim();
  return { ok: done.status === 0, words };
}

/** Whether every package of the lock file is installed in its version; optional ones may be missing. */
function packagesAreThere() {
  const lock = join(ROOT, 'package-lock.json');
  const installed = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  const read = (file) => JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  const there = read(installed);
  return Object.entries(read(lock)).every(([path, wanted]) => {
    if (path === '') return true;
    const found = there[path];
    return found === undefined ? Boolean(wanted.optional) : found.version === wanted.version;
  });
}

/** One at a time: two scripts in two terminals would delete each other's packages. A dead process holds no lock. */
function exclusively(work) {
  const id = createHash('sha256').update(ROOT).digest('hex').slice(0, 12);
  const lock = join(tmpdir(), `ocpp-setup-${id}`);
  if (!take(lock)) waitFor(lock);
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function waitFor(lock) {
  say('waiting for another set-up …');
  while (!take(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_EVERY_MS);
}

function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isAlive(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isAlive(lock) {
  try {
    return process.kill(Number(readFileSync(lock, 'utf8')) || NaN, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function installPackages() {
  if (packagesAreThere()) return;
  say('installing the packages (npm ci) …');
  const { ok, words } = run('npm', ['ci', '--no-audit', '--no-fund']);
  if (ok) return;
  say(`npm ci failed:\n${words}\nFix that, then try again.`);
  process.exit(1);
}

/** Scripts have node_modules/.bin first in their PATH, so a Node in there is the one they run on. */
function checkNode() {
  if (existsSync(join(BIN, 'node'))) return;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = NODE_NEEDED;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  say(
    `this is Node ${process.versions.node}, and ${NODE_NEEDED.join('.')} or newer is needed. ` +
      'On Linux x64 npm ci installs one; here, install it from https://nodejs.org.',
  );
  process.exit(1);
}

/** Here, as a shell that has run one Node does not look for the one that was installed meanwhile. */
function runOnNode(file) {
  const installed = join(BIN, 'node');
  const node = existsSync(installed) ? installed : process.execPath;
  const { status } = spawnSync(node, [join(ROOT, file)], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) process.exit(1);
}

function isOnPath(program) {
  return SYSTEM_PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
}

function installRedis() {
  if (isOnPath('redis-server')) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && existsSync('/usr/bin/apt-get')) {
    say('installing redis-server (apt-get) …');
    const problem = aptInstall('redis-server');
    if (problem === undefined) return;
    say(problem);
  }
  say(`redis-server is not installed. Install it: ${redisCommand()}`);
}

/** Debian would start the service on the default port, now and at every boot. */
function aptInstall(name) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = () => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', name], env);
  try {
    if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    let result = install();
    if (!result.ok) {
      run('apt-get', ['update', '-q'], env);
      result = install();
    }
    if (!result.ok) return `apt-get could not install ${name}: ${result.words}`;
    if (existsSync('/run/systemd/system')) run('systemctl', ['disable', '--quiet', name]);
    return undefined;
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

function redisCommand() {
  if (process.platform === 'darwin') return 'brew install redis';
  const known = [
    ['apt-get', 'sudo apt-get install redis-server'],
    ['dnf', 'sudo dnf install redis'],
    ['apk', 'sudo apk add redis'],
    ['pacman', 'sudo pacman -S redis'],
  ];
  const found = known.find(([manager]) => isOnPath(manager));
  return found === undefined ? 'Redis 7 or newer from https://redis.io/docs/install' : found[1];
}

if (process.argv.includes('--redis-command')) process.stdout.write(`${redisCommand()}\n`);
else {
  if (!packagesAreThere()) exclusively(installPackages);
  checkNode();
  if (process.argv.includes('--redis')) installRedis();
  const run = process.argv.indexOf('--run');
  if (run > 0) runOnNode(process.argv[run + 1]);
}
