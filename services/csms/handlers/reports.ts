/**
 * What a station was asked for and sends in parts: NotifyReport, NotifyMonitoringReport,
 * NotifyCustomerInformation, NotifyDisplayMessages, ReportChargingProfiles, ReportDERControl.
 *
 * The parts of one request stand in one record as the station sent them. It is whole once `ended` is set and,
 * where parts are numbered, `part:0` to `part:{parts - 1}` are all there. Bounded in size, number and age.
 */
import { digest, eventOf } from '../facts.ts';
import type { Handler } from '../handler.ts';
import { key, rememberStation } from '../state.ts';

interface Part {
  readonly requestId: number;
  /** tbc: more parts follow. */
  readonly tbc?: boolean;
  /** From 0; profiles, display messages and DER controls come without. */
  readonly seqNo?: number;
}

/** Reports kept of one station; an older one goes when another begins. */
const REPORTS_KEPT = 8;
/** Characters kept of one report, and those that each part counts beside its own. */
const LONGEST = 1024 * 1024;
const PART_OVERHEAD = 100;
/** Who asked for a report is there to read it. */
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
    if (!fits) log.warn({ stationId, report, seqNo }, `a report of over ${LONGEST} characters is cut short`);

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
