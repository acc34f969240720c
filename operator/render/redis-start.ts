/**
 * How the container of the embedded Redis starts with its password, and how its probes log in. The password is read from its
 * file and stays out of arguments and variables. The scripts are for the POSIX shell of the image, and the kubelet replaces
 * two dollar signs by one, so they have no such pair.
 */
import type { V1Container } from '@kubernetes/client-node';
import { PASSWORD_FILE, REDIS_TLS_FOLDER } from './redis-access.ts';

type Start = Required<Pick<V1Container, 'command' | 'readinessProbe' | 'livenessProbe'>> &
  Pick<V1Container, 'lifecycle'>;

const shell = (script: string) => ({ exec: { command: ['sh', '-c', script] } });

const READY = { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 3 };
// While Redis loads a large file it is neither ready nor restarted.
const LIVE = { periodSeconds: 10, timeoutSeconds: 30, failureThreshold: 6 };

const probes = (ping: string): Omit<Start, 'command'> => ({
  // NOAUTH: Redis has another password than the file. It works for others, and the liveness probe restarts it if that lasts.
  readinessProbe: { ...shell(`${ping} *PONG|*NOAUTH*) ;; *) exit 1 ;; esac`), ...READY },
  livenessProbe: { ...shell(`${ping} *NOAUTH*|*'Could not connect'*) exit 1 ;; esac`), ...LIVE },
});

/** Until revision 2: a changed password takes effect by the restart after a minute of NOAUTH. */
const RESTARTING: Start = {
  command: [
    'sh',
    '-c',
    `read -r password < ${PASSWORD_FILE} || [ -n "$password" ] || exit 1
quoted=$(printf %s "$password" | sed 's/["\\\\]/\\\\&/g')
exec redis-server - "$@" <<END
requirepass "$quoted"
END`,
    'redis-server',
  ],
  ...probes(`read -r REDISCLI_AUTH < ${PASSWORD_FILE}; export REDISCLI_AUTH
case "$(redis-cli -h "$POD_IP" -p "$REDIS_PORT" ping 2>&1)" in`),
};

const ASK = 'ask() { redis-cli -h "$POD_IP" -p "$REDIS_PORT" 2>&1; }';

/** Sets `password`, and `login`: the command that logs in with it, for the standard input of redis-cli. */
const LOGIN = String.raw`read_password() {
  IFS= read -r password < ${PASSWORD_FILE} || [ -n "$password" ] || return 1
  password=${'${password%"$(printf "\\r")"}'}
  login="AUTH default \"$(printf %s "$password" | sed 's/["\\]/\\&/g')\""
}
${ASK}`;

/**
 * From revision 3: Redis accepts the password of the file, and each former one for OLD_PASSWORD_SECONDS more, as the kubelet
 * changes the files of Pods at different times. A loop beside Redis compares the file every second. The SHA-256 hashes are on
 * the volume, so that a restart changes nothing: a line is `HASH until`, in seconds since 1970, or `HASH -` for the password
 * of the file. There are four at most.
 */
const FOLLOW = String.raw`${LOGIN}
digest() { printf %s "$password" | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-64; }
passwords() {
  now=$(date +%s)
  printf '%s\n' "$known" | while read -r one until; do
    if [ "$one" = "" ] || [ "$one" = "$current" ]; then continue; fi
    if [ "$until" = - ]; then until=$((now + ${'${OLD_PASSWORD_SECONDS:-600}'})); fi
    if [ "$until" -gt "$now" ]; then echo "$one $until"; fi
  done | tail -n 3
  echo "$current -"
}
hashes() { printf '%s\n' "$known" | sed 's/ .*//; s/^/#/' | tr '\n' ' '; }
save() (
  umask 077
  cd "$REDIS_DATA" && printf '%s\n' "$known" > passwords.new && mv passwords.new passwords
)
apply() { [ "$(printf '%s\nACL SETUSER default resetpass %s\n' "$accepted" "$(hashes)" | ask | grep -c '^OK$')" = 2 ]; }
follow() {
  while sleep 1 && kill -0 "$redis" 2>/dev/null; do
    read_password || continue
    if [ "$password" != "$seen" ]; then seen=$password; current=$(digest); fi
    before=$known
    known=$(passwords)
    if [ "$known" = "$before" ]; then continue; fi
    if ! apply; then known=$before; continue; fi
    accepted=$login
    save
    echo "Redis now accepts the password of the file, and $(printf '%s\n' "$known" | grep -vc -- '-$') former ones for a while"
  done
}
read_password || { echo "${PASSWORD_FILE} has no password" >&2; exit 1; }
seen=$password accepted=$login current=$(digest)
known=$(grep -xE '[0-9a-f]{64} (-|[0-9]+)' "$REDIS_DATA/passwords" 2>/dev/null)
known=$(passwords)
save
redis=$(exec sh -c 'echo "$PPID"')
follow < /dev/null &
exec redis-server - "$@" <<END
user default on ~* &* +@all $(hashes)
END`;

const FOLLOWING: Start = {
  command: ['sh', '-c', FOLLOW, 'redis-server'],
  ...probes(`${LOGIN}
read_password
case "$(printf '%s\\nPING\\n' "$login" | ask)" in`),
};

const WITHOUT_PASSWORD: Start = {
  command: ['redis-server'],
  readinessProbe: {
    ...shell('test "$(redis-cli -h "$POD_IP" -p "$REDIS_PORT" ping)" = PONG'),
    ...READY,
  },
  livenessProbe: {
    tcpSocket: { port: 'redis' },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  },
};

/**
 * Redis serves on while all proxies drain, as they do when the cluster is deleted. The key that says so exists a moment after
 * the stop signal at the earliest: Pods get it one after the other. A Redis that stops alone waits for these 5 s.
 */
function lastStations(hasPassword: boolean, { database, key, seconds }: Ending) {
  const login = hasPassword ? `${LOGIN}\nread_password` : `${ASK}\nlogin=PING`;
  return shell(String.raw`${login}
waited=0 seen=no
while [ "$waited" -lt ${seconds} ]; do
  case "$(printf '%s\nSELECT ${database}\nEXISTS "%s"\n' "$login" '${key}' | ask | tail -n 1)" in
    1) seen=yes ;;
    0) if [ "$seen" = yes ] || [ "$waited" -ge 5 ]; then exit 0; fi ;;
    *) exit 0 ;;
  esac
  sleep 1
  waited=$((waited + 1))
done`);
}

interface Ending {
  readonly database: number;
  readonly key: string;
  /** At most; s. */
  readonly seconds: number;
}

export function redisStart(
  hasPassword: boolean,
  renderRevision: number,
  ending: Ending,
  hasTls: boolean,
): Start {
  const start = plainStart(hasPassword, renderRevision, ending);
  return hasTls ? withTls(start) : start;
}

function plainStart(hasPassword: boolean, renderRevision: number, ending: Ending): Start {
  if (renderRevision < 3) return hasPassword ? RESTARTING : WITHOUT_PASSWORD;
  const start = hasPassword ? FOLLOWING : WITHOUT_PASSWORD;
  return { ...start, lifecycle: { preStop: lastStations(hasPassword, ending) } };
}

/** Only Redis of the same Pod listens on this address, so its certificate is not checked: it may name no address. */
const CLI = 'redis-cli -h';
const TLS_CLI = 'redis-cli --tls --insecure -h';

const [CERTIFICATE, KEY] = [`${REDIS_TLS_FOLDER}/tls.crt`, `${REDIS_TLS_FOLDER}/tls.key`];

/** Beside the password, the loop compares the certificate with the one in use. One that Redis refuses is not tried again. */
const FOLLOW_CERTIFICATE = String.raw`certificate() { cat ${CERTIFICATE} ${KEY} 2>/dev/null | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-64; }
follow_certificate() {
  found=$(certificate)
  if [ "$found" = "$used" ] || [ "$found" = "$refused" ]; then return 0; fi
  set_it='CONFIG SET tls-cert-file "${CERTIFICATE}" tls-key-file "${KEY}"'
  answer=$(printf '%s
%s
' "$accepted" "$set_it" | ask | tail -n 1)
  case "$answer" in
    OK) used=$found; echo "Redis uses the changed certificate" ;;
    *'Could not connect'*) ;;
    *) refused=$found; echo "Redis keeps its certificate, as it refuses the changed one: $answer" >&2 ;;
  esac
}
used=$(certificate) refused=
`;
const LOOP = 'while sleep 1 && kill -0 "$redis" 2>/dev/null; do\n';

/** Redis takes a changed certificate while it runs, if it follows its password too. */
const withTls = (start: Start): Start =>
  JSON.parse(JSON.stringify(start), (_, value: unknown) => {
    if (typeof value !== 'string') return value;
    const text = value.replaceAll(CLI, TLS_CLI);
    return text.includes(LOOP)
      ? FOLLOW_CERTIFICATE + text.replace(LOOP, () => `${LOOP}    follow_certificate\n`)
      : text;
  }) as Start;
