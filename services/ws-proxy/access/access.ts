/** The access control of a ws-proxy from its settings: the source of entries, the key of the passwords, metrics and log lines. */
import { AccessControl, type AccessObserver } from '../../access/access-control.ts';
import { FilesSource } from '../../access/files-source.ts';
import type { PasswordHasher } from '../../access/password-hash.ts';
import { checkPasswordKey, readPasswordHasher } from '../../access/password-key.ts';
import { Register } from '../../access/register.ts';
import type { StationSource } from '../../access/station-source.ts';
import { WebhookSource } from '../../access/webhook-source.ts';
import { ENV } from '../../contract.ts';
import { sleep, systemClock } from '../../runtime/clock.ts';
import { ConfigError, type SettingsOf } from '../../runtime/config.ts';
import type { Log } from '../../runtime/log.ts';
import { Webhook } from '../../runtime/webhook.ts';
import type { StationListener } from '../../station-server/station-listener.ts';
import { TransportError } from '../../transport/errors.ts';
import type { Gateway } from '../../transport/gateway.ts';
import type { accessSettings } from './access-settings.ts';

export type AccessProgramSettings = SettingsOf<typeof accessSettings>;

export interface ProxyAccess {
  readonly control: AccessControl;
  /** Whether entries cannot be read now: the webhook or the register is away, or changed files are refused. */
  readonly sourceFailing: () => boolean;
  /** Rejects with SourceError when there are no usable files, and with ConfigError for another key than that of the stored passwords. */
  start(): Promise<void>;
  stop(): void;
}

export interface AccessParts {
  readonly listeners: readonly StationListener[];
  readonly state: Gateway['state'];
  readonly observer: AccessObserver;
  readonly log: Log;
}

/** Of the webhook: so many failures in a row, and it is not asked for so long; ms. */
const BREAKER = { failures: 5, pauseMs: 5000 };
/** ms */
const RETRY_PAUSE = 1000;

/**
 * Undefined without a source and with plain listeners only: then every station is who it says.
 * @throws ConfigError for settings that contradict each other
 */
export function createAccess(settings: AccessProgramSettings, parts: AccessParts): ProxyAccess | undefined {
  const { listeners, state, observer, log } = parts;
  const isPlain = listeners.every(({ securityProfile = 0 }) => securityProfile === 0);
  if (isPlain && settings.stationSource === 'none') return undefined;
  const hasPasswords = listeners.some(
    ({ securityProfile }) => securityProfile === 1 || securityProfile === 2,
  );
  const { source, files } = sourceOf(settings, state, log);
  if (hasPasswords && source === undefined)
    throw new ConfigError(
      `${ENV.stationSource}: listeners with security profile 1 or 2 need a source of passwords: register, files or webhook`,
    );
  const hasher = hasPasswords && settings.stationSource !== 'webhook' ? hasherOf(settings) : undefined;
  const control = new AccessControl({
    settings: liveSettings(settings),
    ...(source !== undefined && { source }),
    ...(!isPlain && { profiles: new Register(state) }),
    ...(hasher !== undefined && { hasher }),
    clock: systemClock,
    observer,
  });
  return {
    control,
    sourceFailing: () => control.sourceFailing || files?.refused === true,
    start: async () => {
      await files?.start();
      if (hasher !== undefined) await checkKey(settings.passwordKeyFile, hasher, parts);
    },
    stop: () => files?.[Symbol.dispose](),
  };
}

/** Waits for the store: without the answer no station may connect. */
async function checkKey(
  file: string,
  hasher: PasswordHasher,
  { state, observer }: AccessParts,
): Promise<void> {
  for (;;) {
    try {
      return await checkPasswordKey(state, hasher);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (!error.retryable) throw new ConfigError(`${ENV.passwordKeyFile}: ${file}: ${error.message}`);
      observer.error(error);
      await sleep(RETRY_PAUSE);
    }
  }
}

const liveSettings = (settings: AccessProgramSettings) => ({
  organization: settings.certificateOrganization,
  get mode() {
    return settings.authenticationMode;
  },
  get unknownStations() {
    return settings.unknownStations;
  },
  get unknownStationStatus() {
    return settings.unknownStationStatus;
  },
  get enrolment() {
    return settings.enrolment;
  },
});

function sourceOf(
  settings: AccessProgramSettings,
  state: Gateway['state'],
  log: Log,
): { readonly source?: StationSource; readonly files?: FilesSource } {
  switch (settings.stationSource) {
    case 'register':
      return { source: new Register(state) };
    case 'files': {
      const files = filesSourceOf(settings, log);
      return { source: files, files };
    }
    case 'webhook':
      return { source: webhookSourceOf(settings) };
    default:
      return {};
  }
}

function filesSourceOf({ stationsFolder: folder }: AccessProgramSettings, log: Log): FilesSource {
  if (folder === '') throw new ConfigError(`${ENV.stationsFolder}: the source files needs a folder`);
  return new FilesSource({
    folder,
    onChange: (change) =>
      change.kind === 'applied'
        ? log.info({ folder, stations: change.stations }, 'entries of stations applied')
        : log.error(
            { folder, problem: change.problem },
            'the entries of stations are refused; the last good ones stay',
          ),
  });
}

function webhookSourceOf(settings: AccessProgramSettings): StationSource {
  const { webhookUrl: url, webhookTokenFile, webhookCaFile, webhookTimeout, webhookCache } = settings;
  if (url === '') throw new ConfigError(`${ENV.webhookUrl}: the source webhook needs a URL`);
  try {
    const webhook = new Webhook({
      url,
      tokenFile: webhookTokenFile,
      caFile: webhookCaFile,
      timeoutMs: webhookTimeout,
      breaker: BREAKER,
      clock: systemClock,
    });
    return new WebhookSource({ webhook, cacheMs: webhookCache, clock: systemClock });
  } catch (error) {
    throw new ConfigError(`${ENV.webhookUrl}: ${(error as Error).message}`);
  }
}

/** @throws ConfigError, never with the key */
function hasherOf({ passwordKeyFile: file }: AccessProgramSettings): PasswordHasher {
  if (file === '')
    throw new ConfigError(
      `${ENV.passwordKeyFile}: listeners with security profile 1 or 2 need the key of the stored passwords`,
    );
  try {
    return readPasswordHasher(file);
  } catch (error) {
    throw new ConfigError(`${ENV.passwordKeyFile}: ${file}: ${(error as Error).message}`);
  }
}
