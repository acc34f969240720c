/** Global figures of the queue and the store. */
export interface TransportLoad {
  /** Frames that are stored and that no processor has claimed. */
  readonly depth: number;
  /** Age of the oldest of them in seconds; 0 when the queue is empty. */
  readonly oldestSeconds: number;
  /** Deliveries that living processors have claimed and not acknowledged. */
  readonly inFlight: number;
  /** Dead letters; omitted by transports that keep none. */
  readonly deadLetters?: number;
  /** Calls to stations that have not ended. */
  readonly openCalls?: number;
  /** Share of the memory that the store may use; omitted where it has no limit. */
  readonly memoryShare?: number;
}

/** Takes a snapshot for metrics and autoscaling. Rejects while the store is unavailable. */
export type ReadLoad = () => Promise<TransportLoad>;
