/** Login, and tokens of the API. A token is read from a file, standard input or a Secret, never from an argument. */
import { createHash, randomBytes } from 'node:crypto';
import type { Command, Run } from '../command.ts';
import { checkToken, checkUrl, readToken } from '../connection.ts';
import { usageError } from '../exit.ts';
import type { ClusterReference } from '../kubectl.ts';
import { writeJson } from '../output.ts';
import { printable } from '../table.ts';
import type { Status } from './status.ts';

const group = 'Access';
/** As of the admin token of the operator. */
const TOKEN_BYTES = 32;
const SCOPES = ['read', 'command', 'admin'];
/** Of a key of a Secret. */
const NAME = /^[-._a-zA-Z0-9]{1,253}$/;

async function login(run: Run): Promise<void> {
  const { args, cluster } = run;
  const [url] = args;
  if (url === undefined && cluster === undefined)
    throw usageError('"login" needs URL or --cluster NAME', 'login');
  const place = url === undefined ? undefined : checkUrl(url);
  const name = cluster === undefined ? undefined : await run.kubectl.nameOf(cluster);
  const token = await tokenOf(run, cluster, name);
  const api = place === undefined ? run.api : run.apiAt(place, token);
  const { you, version } = await api.get<Status>('/v1/status');
  const where =
    place === undefined ? { cluster: { ...cluster, ...(name !== undefined && { name }) } } : { url: place };
  run.config.write({ ...where, token });
  if (place?.startsWith('http:') === true && !/^(127\.|localhost$|\[::1\]$)/.test(new URL(place).hostname))
    run.terminal.note('without TLS, everyone on the way can read the token: use https where you can');
  if (run.isJson) return writeJson(run, { ...where, you, version });
  const to = printable(place ?? name ?? '');
  run.terminal.write(`logged in to ${to} as ${printable(you.name)}, scope ${printable(you.scope)}`);
}

async function tokenOf(
  run: Run,
  cluster: ClusterReference | undefined,
  name: string | undefined,
): Promise<string> {
  const file = run.options.text('token-file');
  if (file !== undefined) return readToken(file);
  if (cluster !== undefined && name !== undefined) return run.kubectl.adminToken(cluster, name);
  return checkToken((await run.terminal.secret('token: ')).trim(), 'standard input');
}

async function newToken(run: Run): Promise<void> {
  const { args, options, terminal } = run;
  const [name = ''] = args;
  const scope = options.text('scope');
  if (!NAME.test(name))
    throw usageError('NAME must have letters, digits, "-", "_" and "." only', 'new-token');
  if (scope === undefined) throw usageError('"new-token" needs --scope', 'new-token');
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const entry = { sha256: createHash('sha256').update(token).digest('hex'), scope };
  if (run.isJson) return writeJson(run, { name, token, entry });
  const secret = options.text('secret') ?? 'ocpp-api-tokens';
  const patch = JSON.stringify({ stringData: { [name]: JSON.stringify(entry) } });
  terminal.write(token);
  const lines = [
    'This is the only time that the token is shown. Its entry of the Secret:',
    `  ${name}: ${JSON.stringify(entry)}`,
    `Add it to the Secret that spec.api.tokensSecret names (kubectl create secret generic ${secret} makes it):`,
    `  kubectl patch secret ${secret} -p '${patch}'`,
  ];
  for (const line of lines) terminal.note(line);
}

export const ACCESS: readonly Command[] = [
  {
    name: 'login',
    group,
    args: [{ name: 'URL', optional: true }],
    options: [],
    summary: 'Check a token and store it, with the address of the API, for later commands',
    details: [
      'The token is that of --token-file, or of standard input. With --cluster it is the admin token, which kubectl reads from its Secret;',
      'without URL, later commands reach the API through kubectl port-forward.',
    ],
    scope: 'read',
    run: login,
  },
  {
    name: 'new-token',
    group,
    args: [{ name: 'NAME' }],
    options: [
      { name: 'scope', value: 'S', oneOf: SCOPES, doc: 'what it permits; each includes the ones before' },
      { name: 'secret', value: 'NAME', doc: 'Secret of the tokens (default: ocpp-api-tokens)' },
    ],
    summary: 'Make a random token and print it, once; standard error says how to add it',
    run: newToken,
  },
];
