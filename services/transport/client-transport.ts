/** One station, seen from its own side: the opposite end of a Gateway or of a WebSocket server. */
export interface ClientTransport extends AsyncDisposable {
  start(): Promise<void>;
  stop(): Promise<void>;
  isConnected(): boolean;
  /** Sends OCPP-J text. Rejects with `not-connected` when there is no connection. */
  write(text: string): Promise<void>;
  onMessage(listener: (text: string) => void): void;
  onDisconnection(listener: (reason: string) => void): void;
  onReconnection(listener: () => void): void;
  onError(listener: (error: Error) => void): void;
}
