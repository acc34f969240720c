/** The table of each stream: its columns, and the row of an entry. */
import { digest } from '../csms/facts.ts';
import type { SinkStream } from '../csms/transactions/bill-sink.ts';
import type { StoredEntry } from '../transport/stored-lists.ts';
import { entryOf, type FieldReader, readFields, recordedAt } from './fields.ts';

type ColumnType = 'text' | 'numeric' | 'timestamptz' | 'text[]' | 'jsonb';
/** A column that is filled from a field, and how. */
type Column = readonly [type: ColumnType, read: (fields: FieldReader) => unknown];
type Fields = Readonly<Record<string, string>>;
type Columns = Readonly<Record<string, Column>>;

export interface Table {
  readonly stream: SinkStream;
  readonly name: string;
  /** A statement for rows (JSON), the name of the cluster, and the id of the data in Redis. It skips rows that are stored already. */
  readonly insert: string;
  row(entry: StoredEntry): Readonly<Record<string, unknown>>;
}

const text = (field: string): Column => ['text', (fields) => fields.text(field)];
const decimal = (field: string): Column => ['numeric', (fields) => fields.decimal(field)];
const time = (field: string): Column => ['timestamptz', (fields) => fields.time(field)];
const words = (field: string): Column => ['text[]', (fields) => fields.words(field)];
const json = (field: string): Column => ['jsonb', (fields) => fields.json(field)];

const PLACE: Columns = {
  station_id: text('stationId'),
  transaction_id: text('transactionId'),
};
const OUTLET: Columns = { connector_id: text('connectorId'), evse_id: text('evseId') };

const BILL: Columns = {
  ...PLACE,
  ...OUTLET,
  kind: text('kind'),
  supersedes: text('supersedes'),
  protocol: text('protocol'),
  id_tag: text('idTag'),
  authorization_status: text('authorization'),
  energy_wh: decimal('energy'),
  meter_start_wh: decimal('meterStart'),
  meter_stop_wh: decimal('meterStop'),
  started_at: text('startedAt'),
  started_at_utc: time('startedAtUtc'),
  stopped_at: text('stoppedAt'),
  stopped_at_utc: time('stoppedAtUtc'),
  reason: text('reason'),
  remote_start_id: text('remoteStartId'),
  reservation_id: text('reservationId'),
  charging_state: text('chargingState'),
  gaps: text('gaps'),
  notes: words('notes'),
};

const SETTLEMENT: Columns = {
  ...PLACE,
  psp_ref: text('pspRef'),
  status: text('status'),
  amount: decimal('amount'),
  settled_at: text('settledAt'),
  settled_at_utc: time('settledAt'),
  receipt_id: text('receiptId'),
  receipt_url: text('receiptUrl'),
  vat_number: text('vatNumber'),
};

const REPORT: Columns = {
  ...PLACE,
  type: text('type'),
  bill_id: text('billId'),
  supersedes: text('supersedes'),
  reason: text('reason'),
  notes: words('notes'),
};

export const TABLES: readonly Table[] = [
  tableOf('transactions', 'bills', 'bill_id', BILL),
  tableOf('settlements', 'settlements', 'digest', SETTLEMENT),
  tableOf('meter-values', 'meter_values', 'digest', { ...PLACE, ...OUTLET, samples: json('values') }),
  tableOf('reports', 'reports', 'digest', REPORT),
];

function tableOf(stream: SinkStream, name: string, identity: string, columns: Columns): Table {
  const types: Readonly<Record<string, ColumnType>> = {
    [identity]: 'text',
    ...Object.fromEntries(Object.entries(columns).map(([column, [type]]) => [column, type])),
    incomplete: 'text[]',
    entry: 'jsonb',
    recorded_at: 'timestamptz',
    entry_id: 'text',
  };
  const all = Object.keys(types);
  const records = Object.entries(types).map(
    ([column, type]) => `${column} ${isJsonText(column, type) ? 'text' : type}`,
  );
  const values = Object.entries(types).map(([column, type]) =>
    isJsonText(column, type) ? `${column}::jsonb` : column,
  );
  return {
    stream,
    name,
    insert:
      `INSERT INTO ${name} (cluster, data_id, ${all.join(', ')}) SELECT $2, $3, ${values.join(', ')} ` +
      `FROM json_to_recordset($1::json) AS row (${records.join(', ')}) ON CONFLICT DO NOTHING RETURNING 1 AS stored`,
    row({ id, fields }) {
      const reader = readFields(fields);
      const read = Object.entries(columns).map(([column, [, of]]) => [column, of(reader)] as const);
      return {
        [identity]: identity === 'bill_id' ? billIdOf(fields) : digestOf(fields),
        ...Object.fromEntries(read),
        incomplete: reader.incomplete,
        entry: entryOf(fields),
        recorded_at: recordedAt(id),
        entry_id: id,
      };
    },
  };
}

/** The JSON of a station stays a text until PostgreSQL reads it, so that its numbers keep all digits. */
function isJsonText(column: string, type: ColumnType): boolean {
  return type === 'jsonb' && column !== 'entry';
}

/** As digest() makes them; a longer one would not be ours. */
const BILL_ID = /^[\w-]{1,64}$/;

/** The name of a bill, which follows from its content. */
function billIdOf(fields: Fields): string {
  const { billId = '' } = fields;
  return BILL_ID.test(billId) ? billId : digestOf(fields);
}

/** The same for every copy of an entry. */
function digestOf(fields: Fields): string {
  return digest(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1)));
}
