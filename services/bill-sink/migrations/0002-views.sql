-- What a billing team reads.

CREATE VIEW current_bills AS
SELECT b.*
FROM bills b
WHERE NOT EXISTS (
  SELECT FROM bills later
  WHERE later.cluster = b.cluster AND later.supersedes = b.bill_id AND later.bill_id <> b.bill_id
);
COMMENT ON VIEW current_bills IS
  'The bills that count: of a chain of corrections the last one.';

CREATE VIEW bills_to_check AS
SELECT *
FROM (
  SELECT
    b.*,
    array_remove(
      ARRAY[
        CASE WHEN b.energy_wh IS NULL THEN 'no-energy' END,
        CASE WHEN b.kind = 'abandoned' THEN 'abandoned' END,
        CASE WHEN b.incomplete <> '{}' THEN 'incomplete' END,
        CASE WHEN b.stopped_at_utc IS NULL THEN 'no-time' END,
        CASE WHEN b.supersedes IS NOT NULL AND EXISTS (
          SELECT FROM bills other
          WHERE other.cluster = b.cluster AND other.supersedes = b.supersedes AND other.bill_id <> b.bill_id
        ) THEN 'corrected-twice' END,
        CASE WHEN EXISTS (
          SELECT FROM current_bills other
          WHERE other.cluster = b.cluster AND other.station_id = b.station_id
            AND other.transaction_id = b.transaction_id AND other.bill_id <> b.bill_id
        ) AND NOT b.notes @> '{id-reused}' THEN 'same-transaction' END
      ],
      NULL
    ) || ARRAY(
      SELECT note FROM unnest(b.notes) AS note
      WHERE note IN (
        'meter-start-missing', 'meter-stop-missing', 'meter-stop-from-last-reading', 'meter-below-start',
        'unit-unknown', 'value-unreadable', 'phases-differ', 'time-unreadable'
      )
    ) AS checks
  FROM current_bills b
) AS checked
WHERE checks <> '{}';
COMMENT ON VIEW bills_to_check IS
  'Current bills that need a look before they are billed; checks says why.';
COMMENT ON COLUMN bills_to_check.checks IS
  'no-energy, abandoned, incomplete, no-time, corrected-twice, same-transaction (another current bill has its station and transaction), and notes that make the energy or the times doubtful.';

CREATE VIEW energy_per_token_and_month AS
SELECT
  cluster,
  upper(id_tag) AS token,
  date_trunc('month', stopped_at_utc AT TIME ZONE 'UTC')::date AS month,
  sum(energy_wh) AS energy_wh,
  count(*) AS bills,
  count(*) FILTER (WHERE energy_wh IS NULL) AS bills_without_energy
FROM current_bills
GROUP BY 1, 2, 3;
COMMENT ON VIEW energy_per_token_and_month IS
  'Energy of the current bills by token, in upper case, and by the month of the end, in UTC. Bills without energy add nothing: bills_without_energy counts them.';
