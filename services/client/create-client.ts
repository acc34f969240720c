/** A client on the ports of a transport: the same on Redis and in memory. */
import { broadcast } from '../csms/commands/broadcast.ts';
import { createCommandCalls, createPasswordChange } from '../csms/commands/commands.ts';
import { passwordStore } from '../csms/credentials/password-change.ts';
import { OPEN_TRANSACTIONS } from '../csms/transactions/register.ts';
import { deniedCommand } from '../transport/errors.ts';
import type { ReadLoad } from '../transport/load.ts';
import type { ReadProcesses } from '../transport/watch/processes.ts';
import type { StationCalls } from '../transport/station-call.ts';
import type { StationDirectory } from '../transport/station-directory.ts';
import type { StoredLists } from '../transport/stored-lists.ts';
import type { StateStore } from '../transport/stored-state.ts';
import type { ClusterClient, EventFilter, Figures } from './cluster-client.ts';
import { createDeadLetters, createUnreadable, type DeadLetterPort } from './dead-letters.ts';
import { FollowedStream } from './followed-stream.ts';
import { createRecordings } from './recordings.ts';
import { createRegister } from './register.ts';
import { findStation, known, stationListing } from './stations.ts';
import { auditEntryOf, entryOf, eventOf, streamListing } from './streams.ts';
import { createRegistrations, createTokens } from './tokens.ts';
import { billListing, correctBill, findTransaction, openListing } from './transactions.ts';

export interface ClientPorts {
  readonly calls: StationCalls;
  readonly state: StateStore;
  readonly lists: StoredLists;
  readonly directory: StationDirectory;
  readonly load: ReadLoad;
  /** Omitted where there is no store that knows them. */
  readonly processes?: ReadProcesses;
  readonly deadLetters?: DeadLetterPort;
  close(): Promise<void>;
}

export interface ClientOptions {
  /**
   * The key of the stored passwords (OCPP_PASSWORD_KEY_FILE of the cluster, as text). With it, commands that set the password of a
   * station store its hash in the register of stations.
   */
  readonly passwordKey?: string;
}

const AUDIT = 'audit';
const AUDIT_KEPT = 100_000;

/** @throws HashError for a key that is none */
export function createClusterClient(ports: ClientPorts, { passwordKey }: ClientOptions = {}): ClusterClient {
  const { calls, state, lists, directory } = ports;
  const passwords = passwordKey === undefined ? undefined : passwordStore(state, passwordKey);
  const options = passwords === undefined ? {} : { passwords };
  const commands = createCommandCalls({ calls, state }, options);
  const { make: call } = commands;
  const events = new FollowedStream(lists, 'events');
  const listed =
    (stream: string) =>
    (filter: EventFilter = {}) =>
      streamListing(lists, { stream, item: (entry) => entryOf(entry, filter) });
  return {
    call,
    // The schema proves the types of an answer.
    callTyped: call as ClusterClient['callTyped'],
    callState: commands.stateOf,
    findCall: commands.find,
    cancel: commands.cancel,
    broadcast: (command) => broadcast(call, command),
    changePassword: createPasswordChange({ calls, state }, options),
    stations: (filter) => stationListing({ directory, state }, filter),
    station: (stationId) => findStation({ directory, state }, stationId),
    refusals: () => directory.refused(),
    protocolOf: (stationId) => calls.protocolOf(stationId),
    openTransactions: (filter = {}) => openListing({ lists, state }, filter),
    bills: (filter = {}) => billListing({ lists, state }, filter),
    transaction: (stationId, transactionId) => findTransaction({ lists, state }, stationId, transactionId),
    correctBill: (correction) => correctBill({ lists, state }, correction),
    events: (filter = {}) => events.listing((entry) => eventOf(entry, filter)),
    meterValues: listed('meter-values'),
    reports: listed('reports'),
    settlements: listed('settlements'),
    tokens: createTokens({ lists, state }),
    registrations: createRegistrations({ lists, state }),
    register: createRegister({ lists, state }, passwords),
    deadLetters: createDeadLetters(lists, ports.deadLetters),
    unreadable: createUnreadable(lists),
    recordings: createRecordings({ lists, state }),
    audit: {
      async append(fields) {
        await state.amend({
          writes: [{ kind: 'append', key: AUDIT, fields, maxLength: AUDIT_KEPT }],
          events: [],
        });
      },
      list: () => streamListing(lists, { stream: AUDIT, newestFirst: true, item: auditEntryOf }),
    },
    figures: () => readFigures(ports),
    processes: async () => ports.processes?.(),
    state,
    close: () => ports.close(),
    [Symbol.asyncDispose]: () => ports.close(),
  };
}

async function readFigures({ directory, state, load }: ClientPorts): Promise<Figures> {
  const [stationsKnown, stationsConnected, openTransactions, queue, memoryShare] = await Promise.all([
    directory.knownCount(),
    directory.connectedCount().catch(absentIfDenied),
    state.size(OPEN_TRANSACTIONS),
    load(),
    // A user of Redis that may not read it gets the other figures.
    state.memoryShare().catch(() => undefined),
  ]);
  const { depth: queueDepth, oldestSeconds: queueOldestSeconds, inFlight, deadLetters, openCalls } = queue;
  return {
    stationsKnown,
    openTransactions,
    queueDepth,
    queueOldestSeconds,
    inFlight,
    ...known({ stationsConnected, deadLetters, callsOpen: openCalls, storeMemoryShare: memoryShare }),
  };
}

/** A user of Redis that may not read a figure gets the other ones. */
function absentIfDenied(error: unknown): undefined {
  if (deniedCommand(error) === undefined) throw error;
}
