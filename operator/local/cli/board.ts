/**
 * The screen on a terminal: lines that stay, and below them a board with the state and the last notes, repainted in place.
 * A note that leaves the board stays above it, so that the scrollback holds everything in order.
 */
import { type Access, accessLines } from './access.ts';
import { type ClusterEvent, eventLine, type Output, type Screen, timeOfDay } from './screen.ts';
import type { ClusterState } from './state.ts';
import { cut, type Paint, table, withoutColour } from './table.ts';

const NOTES = 5;
const COLUMNS = 80;
const ROWS = 24;
const NOTES_HEAD = 'LAST EVENTS';

export class Board implements Screen {
  readonly #out: Output;
  readonly #now: () => number;
  readonly #paint: Paint;
  readonly #notes: string[] = [];
  #states: readonly ClusterState[] = [];
  #ended = false;
  /** The board as it was painted, without colours. */
  #painted: readonly string[] = [];
  #text = '';

  constructor(out: Output, now: () => number, paint: Paint) {
    this.#out = out;
    this.#now = now;
    this.#paint = paint;
    out.on?.('resize', () => this.#repaint([]));
  }

  say(lines: readonly string[]): void {
    this.#repaint([...this.#notes.splice(0), ...lines]);
  }

  note(text: string, at = this.#now()): void {
    const [first = '', ...more] = text.split('\n');
    const line = `${timeOfDay(at)} ${first}`;
    if (this.#ended || more.length > 0) return this.say([line, ...more]);
    this.#notes.push(line);
    this.#repaint(this.#notes.splice(0, this.#notes.length - NOTES));
  }

  event(event: ClusterEvent): void {
    this.note(eventLine(event), Date.parse(event.time));
  }

  access(access: Access): void {
    this.say(accessLines(access));
  }

  show(states: readonly ClusterState[]): void {
    if (this.#ended) return;
    this.#states = states;
    this.#repaint([]);
  }

  end(): void {
    this.#ended = true;
    this.#states = [];
    this.say([]);
  }

  /** @param above lines that stay, above the board */
  #repaint(above: readonly string[]): void {
    // A terminal of unknown size says 0.
    const columns = this.#out.columns || COLUMNS;
    const rows = this.#out.rows || ROWS;
    // One column stays free: some terminals wrap when the last one is written. So does one row, for the cursor.
    const board = this.#board(Math.max(1, columns - 1), Math.max(1, rows - 1));
    const text = board.map(({ painted }) => `${painted}\n`).join('');
    const resized = this.#painted.some(({ length }) => length >= columns);
    if (above.length === 0 && text === this.#text && !resized) return;
    this.#out.write(
      `${eraseLines(this.#height(columns))}${above.map((line) => `${line}\n`).join('')}${text}`,
    );
    this.#painted = board.map(({ plain }) => plain);
    this.#text = text;
  }

  #board(width: number, height: number): { plain: string; painted: string }[] {
    const plain = table(this.#states, width, withoutColour).slice(0, height);
    const painted = table(this.#states, width, this.#paint);
    const room = Math.max(0, height - plain.length - 1);
    const notes = room === 0 ? [] : this.#notes.slice(-room).map((note) => cut(`  ${note}`, width));
    const head = notes.length === 0 ? [] : [NOTES_HEAD];
    return [
      ...plain.map((line, index) => ({ plain: line, painted: painted[index] ?? line })),
      ...head.map((line) => ({ plain: line, painted: this.#paint(line, 'dim') })),
      ...notes.map((line) => ({ plain: line, painted: line })),
    ];
  }

  /** Rows that the board takes now: a terminal that became narrower has wrapped its lines. */
  #height(columns: number): number {
    return this.#painted.reduce((sum, { length }) => sum + Math.max(1, Math.ceil(length / columns)), 0);
  }
}

const eraseLines = (count: number) => (count === 0 ? '\r\u001B[J' : `\u001B[${count}A\r\u001B[J`);
