/**
 * Who has an open request with whom: message id → name of the action ("feature", as the seed calls it), for each
 * client. A server notes what it asked of stations, a client what it asked of the central system. It answers questions
 * about open requests, across processes where it is kept in Redis; delivery does not depend on it.
 */
export interface PendingRequest {
  /** The action, such as `Reset`. */
  readonly featureName: string;
}

/** The open requests of one client. */
export interface ClientState {
  /**
   * What is noted under an id stays as it is. @returns whether it was new
   * @param forMs how long it stays at least, where entries expire; ms
   */
  addPendingRequest(messageId: string, featureName: string, forMs?: number): Promise<boolean>;
  getPendingRequest(messageId: string): Promise<PendingRequest | undefined>;
  /** All of them by message id. */
  pendingRequests(): Promise<ReadonlyMap<string, PendingRequest>>;
  hasPendingRequest(): Promise<boolean>;
  completePendingRequest(messageId: string): Promise<void>;
  clearPendingRequests(): Promise<void>;
}

/** The open requests of all clients. All methods reject with `store-unavailable` when the store is out of reach. */
export interface ServerState extends AsyncDisposable {
  /** Those of one client, by the methods of ClientState. */
  clientState(clientId: string): ClientState;
  addPendingRequest(
    clientId: string,
    messageId: string,
    featureName: string,
    forMs?: number,
  ): Promise<boolean>;
  getPendingRequest(clientId: string, messageId: string): Promise<PendingRequest | undefined>;
  pendingRequests(clientId: string): Promise<ReadonlyMap<string, PendingRequest>>;
  hasPendingRequest(clientId: string): Promise<boolean>;
  /** Whether any client has one. */
  hasPendingRequests(): Promise<boolean>;
  completePendingRequest(clientId: string, messageId: string): Promise<void>;
  clearClientPendingRequest(clientId: string): Promise<void>;
  clearAll(): Promise<void>;
}

/** One client of a server's state. */
export function clientStateOf(server: ServerState, clientId: string): ClientState {
  return {
    addPendingRequest: (messageId, featureName, forMs) =>
      server.addPendingRequest(clientId, messageId, featureName, forMs),
    getPendingRequest: (messageId) => server.getPendingRequest(clientId, messageId),
    pendingRequests: () => server.pendingRequests(clientId),
    hasPendingRequest: () => server.hasPendingRequest(clientId),
    completePendingRequest: (messageId) => server.completePendingRequest(clientId, messageId),
    clearPendingRequests: () => server.clearClientPendingRequest(clientId),
  };
}

/** In this process, without expiry: it ends with those who ask. */
export class MemoryServerState implements ServerState {
  readonly #clients = new Map<string, Map<string, PendingRequest>>();

  clientState(clientId: string): ClientState {
    return clientStateOf(this, clientId);
  }

  async addPendingRequest(clientId: string, messageId: string, featureName: string): Promise<boolean> {
    const pending = this.#clients.get(clientId) ?? new Map<string, PendingRequest>();
    this.#clients.set(clientId, pending);
    if (pending.has(messageId)) return false;
    pending.set(messageId, { featureName });
    return true;
  }

  async getPendingRequest(clientId: string, messageId: string): Promise<PendingRequest | undefined> {
    return this.#clients.get(clientId)?.get(messageId);
  }

  async pendingRequests(clientId: string): Promise<ReadonlyMap<string, PendingRequest>> {
    return new Map(this.#clients.get(clientId));
  }

  async hasPendingRequest(clientId: string): Promise<boolean> {
    return this.#clients.has(clientId);
  }

  async hasPendingRequests(): Promise<boolean> {
    return this.#clients.size > 0;
  }

  async completePendingRequest(clientId: string, messageId: string): Promise<void> {
    const pending = this.#clients.get(clientId);
    pending?.delete(messageId);
    if (pending?.size === 0) this.#clients.delete(clientId);
  }

  async clearClientPendingRequest(clientId: string): Promise<void> {
    this.#clients.delete(clientId);
  }

  async clearAll(): Promise<void> {
    this.#clients.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
