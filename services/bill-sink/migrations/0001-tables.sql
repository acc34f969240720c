-- The tables of the bill sink. A row is one entry of a stream in Redis. Texts of stations are kept as they came; what a typed column
-- cannot hold is NULL there, its field is named in `incomplete`, and `entry` has it.
--
-- A primary key is the content of the entry, not its place: stations repeat what Redis has lost, and ids of Redis can repeat after it.

CREATE TABLE bills (
  cluster text NOT NULL,
  bill_id text NOT NULL,
  kind text,
  supersedes text,
  station_id text,
  transaction_id text,
  protocol text,
  connector_id text,
  evse_id text,
  id_tag text,
  authorization_status text,
  energy_wh numeric,
  meter_start_wh numeric,
  meter_stop_wh numeric,
  started_at text,
  started_at_utc timestamptz,
  stopped_at text,
  stopped_at_utc timestamptz,
  reason text,
  remote_start_id text,
  reservation_id text,
  charging_state text,
  gaps text,
  notes text[] NOT NULL,
  incomplete text[] NOT NULL,
  entry jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  data_id text NOT NULL,
  entry_id text NOT NULL,
  PRIMARY KEY (cluster, bill_id)
);
CREATE INDEX bills_by_station ON bills (cluster, station_id, stopped_at_utc);
CREATE INDEX bills_by_token ON bills (cluster, upper(id_tag), stopped_at_utc);
CREATE INDEX bills_by_transaction ON bills (cluster, station_id, transaction_id);
CREATE INDEX bills_by_superseded ON bills (cluster, supersedes) WHERE supersedes IS NOT NULL;
CREATE INDEX bills_by_entry ON bills (cluster, data_id, entry_id);

CREATE TABLE meter_values (
  cluster text NOT NULL,
  digest text NOT NULL,
  station_id text,
  transaction_id text,
  connector_id text,
  evse_id text,
  samples jsonb,
  incomplete text[] NOT NULL,
  entry jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  data_id text NOT NULL,
  entry_id text NOT NULL,
  PRIMARY KEY (cluster, digest)
);
CREATE INDEX meter_values_by_station ON meter_values (cluster, station_id, recorded_at);
CREATE INDEX meter_values_by_transaction ON meter_values (cluster, station_id, transaction_id);
CREATE INDEX meter_values_by_entry ON meter_values (cluster, data_id, entry_id);

CREATE TABLE settlements (
  cluster text NOT NULL,
  digest text NOT NULL,
  station_id text,
  transaction_id text,
  psp_ref text,
  status text,
  amount numeric,
  settled_at text,
  settled_at_utc timestamptz,
  receipt_id text,
  receipt_url text,
  vat_number text,
  incomplete text[] NOT NULL,
  entry jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  data_id text NOT NULL,
  entry_id text NOT NULL,
  PRIMARY KEY (cluster, digest)
);
CREATE INDEX settlements_by_station ON settlements (cluster, station_id, recorded_at);
CREATE INDEX settlements_by_transaction ON settlements (cluster, station_id, transaction_id);
CREATE INDEX settlements_by_psp_ref ON settlements (cluster, psp_ref);
CREATE INDEX settlements_by_entry ON settlements (cluster, data_id, entry_id);

CREATE TABLE reports (
  cluster text NOT NULL,
  digest text NOT NULL,
  type text,
  station_id text,
  transaction_id text,
  bill_id text,
  supersedes text,
  reason text,
  notes text[] NOT NULL,
  incomplete text[] NOT NULL,
  entry jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  data_id text NOT NULL,
  entry_id text NOT NULL,
  PRIMARY KEY (cluster, digest)
);
CREATE INDEX reports_by_station ON reports (cluster, station_id, recorded_at);
CREATE INDEX reports_by_transaction ON reports (cluster, station_id, transaction_id);
CREATE INDEX reports_by_bill ON reports (cluster, bill_id);
CREATE INDEX reports_by_entry ON reports (cluster, data_id, entry_id);

CREATE TABLE cursors (
  cluster text NOT NULL,
  data_id text NOT NULL,
  stream text NOT NULL,
  entry_id text NOT NULL,
  stored bigint NOT NULL,
  repeated bigint NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (cluster, data_id, stream)
);

COMMENT ON TABLE bills IS 'Every bill as it was written, corrections too: current_bills has those that count.';
COMMENT ON COLUMN bills.cluster IS 'The OcppCluster, namespace/name.';
COMMENT ON COLUMN bills.bill_id IS 'The name of the bill, which follows from its content.';
COMMENT ON COLUMN bills.kind IS 'final, abandoned or correction.';
COMMENT ON COLUMN bills.supersedes IS 'In a correction: the bill_id of the bill that it replaces.';
COMMENT ON COLUMN bills.energy_wh IS 'The billed energy in Wh; NULL if unknown, which is not zero.';
COMMENT ON COLUMN bills.started_at IS 'As the station wrote it; started_at_utc is the instant.';
COMMENT ON COLUMN bills.stopped_at IS 'As the station wrote it; stopped_at_utc is the instant.';
COMMENT ON COLUMN bills.gaps IS 'Missing sequence numbers of 2.x events, such as 2 or 0-1,3.';
COMMENT ON COLUMN bills.notes IS 'What was unusual; docs/stored-data.md has the meanings.';
COMMENT ON COLUMN bills.incomplete IS 'Fields that their column does not hold, or not in full; entry has them.';
COMMENT ON COLUMN bills.entry IS 'All fields of the entry, as texts.';
COMMENT ON COLUMN bills.recorded_at IS 'When the entry was stored in Redis.';
COMMENT ON COLUMN bills.data_id IS 'The data in Redis, docs/redis.md; entry_id is the id of the entry there.';
COMMENT ON TABLE meter_values IS 'Meter values that a bill does not contain; docs/stored-data.md says which.';
COMMENT ON COLUMN meter_values.samples IS 'The meter values as the station sent them; NULL if they are no JSON.';
COMMENT ON TABLE settlements IS 'Ad hoc payments that terminals at stations settled (OCPP 2.1).';
COMMENT ON TABLE reports IS 'Cases for review by billing staff; docs/stored-data.md has the types.';
COMMENT ON TABLE cursors IS 'The newest entry of each stream that was moved, for each data in Redis. Only the sink writes it.';
