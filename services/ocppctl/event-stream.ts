/** Reads text/event-stream as the HTML standard defines it (§9.2.6), with bounds. Pure but for its source. */

export interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

export interface StreamState {
  /** The newest `id`: where a reconnect resumes. */
  lastId?: string;
}

/** Longest event; longer ones end the stream with an error. Characters. */
const LONGEST = 4 * 1024 * 1024;

/**
 * Yields each event, and undefined for a comment, which shows that the connection lives. @param state gets the ids
 * @throws RangeError for an event beyond the bound
 */
export async function* readEvents(
  source: AsyncIterable<Uint8Array>,
  state: StreamState,
): AsyncGenerator<StreamEvent | undefined, void, undefined> {
  let type = '';
  let data: string[] = [];
  let size = 0;
  for await (const line of linesOf(source)) {
    size += line.length;
    if (size > LONGEST) throw new RangeError(`an event of more than ${LONGEST} characters`);
    if (line === '') {
      if (data.length > 0) yield { type: type === '' ? 'message' : type, data: data.join('\n') };
      type = '';
      data = [];
      size = 0;
      continue;
    }
    if (line.startsWith(':')) yield undefined;
    const [field = '', value = ''] = /^([^:]+)(?:: ?(.*))?$/s.exec(line)?.slice(1) ?? [];
    if (field === 'data') data.push(value);
    if (field === 'event') type = value;
    if (field === 'id' && !value.includes('\0')) state.lastId = value;
  }
}

async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of source) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST) throw new RangeError(`a line of more than ${LONGEST} characters`);
    yield* lines;
  }
}
