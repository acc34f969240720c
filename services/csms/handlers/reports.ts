/**
 * Requested reports, which a station sends in parts: NotifyReport, NotifyMonitoringReport,
 * NotifyCustomerInformation, NotifyDisplayMessages, ReportChargingProfiles, ReportDERControl.
 *
 * One record holds the parts of one request as the station sent them. It is complete once `ended` is set and, if parts
 * are numbered, `part:0` to `part:{parts - 1}` exist. Bounded in size, number and age.
 */
import { digest, eventOf } from '../facts.ts';
import type { Handler } from '../handler.ts';
import { key, rememberStation } from '../state.ts';

interface Part {
  readonly requestId: number;
  /** tbc: more parts follow. */
  readonly tbc?: boolean;
  /** From 0; profiles, display messages and DER controls have none. */
  readonly seqNo?: number;
}

/** Reports kept per station; the oldest is dropped when another begins. */
const REPORTS_KEPT = 8;
/** Most characters of one report, and the overhead counted for each part. */
const LONGEST = 1024 * 1024;
const PART_OVERHEAD = 100;
/** The requester reads the report soon. */
const EXPIRE_SECONDS = 3600;

export function reportPart(action: string): Handler<Part> {
  return async (request, { stationId, state, now, log }) => {
    const { requestId, seqNo, tbc } = request;
    const report = `${action}:${requestId}`;
    const reportKey = key.report(stationId, report);
    const [before, listed = ''] = await Promise.all([
      state.field(reportKey, 'size'),
      state.field(key.station(stationId), 'reports'),
    ]);
    const text = JSON.stringify(request);
    const size = Number(before ?? 0) + text.length + PART_OVERHEAD;
    const fits = size <= LONGEST;
    if (!fits)
      log.warn({ stationId, report, seqNo, limit: LONGEST }, 'a report is truncated: it is too long');

    const others = listed.split(' ').filter((other) => other !== '' && other !== report);
    const reports = [...others, report].slice(-REPORTS_KEPT);
    const gone = others.filter((other) => !reports.includes(other));
    const ended = tbc !== true;
    const parts = seqNo === undefined ? undefined : seqNo + 1;
    const fields = {
      ...(fits ? { [`part:${seqNo ?? digest(request)}`]: text, size: `${size}` } : { truncated: 'true' }),
      ...(ended && { ended: now.toISOString() }),
      ...(ended && parts !== undefined && { parts: `${parts}` }),
    };
    return {
      response: {},
      writes: [
        ...gone.map((other) => ({ kind: 'delete', key: key.report(stationId, other) }) as const),
        { kind: 'set', key: reportKey, fields, expireSeconds: EXPIRE_SECONDS },
        rememberStation(stationId, { reports: reports.join(' ') }),
      ],
      events: ended ? [eventOf('report-received', stationId, { report: action, requestId, parts })] : [],
    };
  };
}
