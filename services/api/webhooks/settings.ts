/** Event webhooks as settings: a list as JSON, and a folder with a file for each signing secret and authority. */
import { join } from 'node:path';
import * as Type from 'typebox';
import { ENV } from '../../contract.ts';
import { ConfigError } from '../../runtime/config.ts';
import { createCheck } from '../validation.ts';

export interface WebhookSettings {
  /** Of its state in Redis: under another name it is another webhook. */
  readonly name: string;
  readonly url: string;
  /** Types of events; with `*` at the end, beginnings. Empty: all. */
  readonly types: readonly string[];
  readonly timeoutSeconds: number;
  /** An event that fails for so long becomes a dead letter. */
  readonly deadLetterAfterSeconds: number;
  readonly secretFile: string;
  /** Without it the authorities of the system count, unless it is needed. */
  readonly caFile: string;
  /** An authority of its own is configured: while its file is missing nothing is sent. */
  readonly needsCa: boolean;
}

const Listed = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' }),
    url: Type.String({ minLength: 1, maxLength: 2048 }),
    types: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,100}[*]?$' }), { maxItems: 50 })),
    timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 60 })),
    deadLetterAfterSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 7 * 86_400 })),
    needsCa: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const check = createCheck('body', Type.Array(Listed, { maxItems: 20 }));

/** What file has the authorities of a webhook, beside that with its secret. */
const CA_SUFFIX = '.ca';

/** @throws ConfigError */
export function webhooksIn(text: string, folder: string): readonly WebhookSettings[] {
  if (text === '') return [];
  const listed = parsed(text);
  if (listed.length > 0 && folder === '')
    throw new ConfigError(`set ${ENV.apiWebhookSecretsFolder}: events are sent with a signature only`);
  const names = new Set(listed.map(({ name }) => name));
  if (names.size < listed.length)
    throw new ConfigError(`${ENV.apiWebhooks}: two webhooks have the same name`);
  return listed.map((one) => {
    const {
      name,
      url,
      types = [],
      timeoutSeconds = 10,
      deadLetterAfterSeconds = 86_400,
      needsCa = false,
    } = one;
    const { protocol, username, password } = URL.parse(url) ?? { protocol: '' };
    if (!/^https?:$/.test(protocol) || username !== '' || password !== '')
      throw new ConfigError(`${ENV.apiWebhooks}: the url of ${name} must be http or https, without a login`);
    return {
      name,
      url,
      types,
      timeoutSeconds,
      deadLetterAfterSeconds,
      secretFile: join(folder, name),
      caFile: join(folder, `${name}${CA_SUFFIX}`),
      needsCa,
    };
  });
}

function parsed(text: string): readonly Type.Static<typeof Listed>[] {
  try {
    return check(JSON.parse(text)) as Type.Static<typeof Listed>[];
  } catch (error) {
    throw new ConfigError(
      `${ENV.apiWebhooks}: ${(error as Error).message.replaceAll(/(the )?\bbody\b/g, 'the list')}`,
    );
  }
}

export function wants({ types }: Pick<WebhookSettings, 'types'>, type: string): boolean {
  if (types.length === 0) return true;
  return types.some((one) => (one.endsWith('*') ? type.startsWith(one.slice(0, -1)) : type === one));
}
