/**
 * Open requests of each client: message id → action ("feature" in ocpp-go). A server records its requests to stations, a
 * client its requests to the central system. In Redis the record is shared by all processes. It is informative only:
 * delivery does not depend on it.
 */
export interface PendingRequest {
  /** The action, such as `Reset`. */
  readonly featureName: string;
}

/** The open requests of one client. */
export interface ClientState {
  /**
   * Never replaces an existing entry. @returns whether the entry is new
   * @param forMs minimum lifetime of the entry in stores with expiry; ms
   */
  addPendingRequest(messageId: string, featureName: string, forMs?: number): Promise<boolean>;
  getPendingRequest(messageId: string): Promise<PendingRequest | undefined>;
  /** All open requests by message id. */
  pendingRequests(): Promise<ReadonlyMap<string, PendingRequest>>;
  hasPendingRequest(): Promise<boolean>;
  completePendingRequest(messageId: string): Promise<void>;
  clearPendingRequests(): Promise<void>;
}

/** The open requests of all clients. All methods reject with `store-unavailable` while the store is unavailable. */
export interface ServerState extends AsyncDisposable {
  /** The open requests of one client. */
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
  /** Whether any client has an open request. */
  hasPendingRequests(): Promise<boolean>;
  completePendingRequest(clientId: string, messageId: string): Promise<void>;
  clearClientPendingRequest(clientId: string): Promise<void>;
  clearAll(): Promise<void>;
}

/** A view of one client in a ServerState. */
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

/** In this process, without expiry: open requests end with the process. */
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
