/** The reckoning in PostgreSQL: each bill of the stations is there once, and right. */
import type { PostgresServer } from '../../bill-sink/postgres-server.ts';
import { until } from '../../support/until.ts';
import type { Ledger } from '../ledger.ts';

interface Row {
  readonly station_id: string;
  readonly transaction_id: string;
  readonly meters: string;
  readonly count: string;
}

const ROWS = `SELECT station_id, transaction_id, meter_start_wh || ' to ' || meter_stop_wh AS meters, count(*) AS count
  FROM ocpp.bills GROUP BY 1, 2, 3`;

/** @param patienceMs in which the sink has to move what is left */
export async function checkBills(
  postgres: PostgresServer,
  ledger: Ledger,
  patienceMs: number,
): Promise<number> {
  const finished = ledger.charges.filter(({ stopped }) => stopped);
  const read = async () => {
    const rows = await postgres.query<Row>(ROWS);
    return rows.length >= finished.length && rows;
  };
  const rows = await until(read, `${finished.length} bills in PostgreSQL`, patienceMs).catch(() =>
    postgres.query<Row>(ROWS),
  );
  const found = Map.groupBy(rows, (row) => `${row.station_id} ${row.transaction_id}`);
  for (const { stationId, transactionId, meterStart, meterStop } of finished) {
    const what = `${stationId} ${transactionId}`;
    const bills = (found.get(what) ?? []).map(({ meters, count }) => `${count} of ${meters}`).join(', ');
    const right = `1 of ${meterStart} to ${meterStop}`;
    if (bills !== right) ledger.violated(`transaction ${what} has in PostgreSQL: ${bills}, not ${right}`);
    found.delete(what);
  }
  for (const what of found.keys())
    ledger.violated(`PostgreSQL has a bill of ${what}, which no station ended`);
  return rows.length;
}
