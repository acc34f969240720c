/** Times and numbers as the page shows them: in the language and time zone of the browser. */
import { TEXTS } from '../texts.ts';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: '2-digit' });
const number = new Intl.NumberFormat();
const decimal = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export const count = (value: number | undefined): string =>
  value === undefined ? TEXTS.unknown : number.format(value);
export const rounded = (value: number | undefined): string =>
  value === undefined ? TEXTS.unknown : decimal.format(value);

/** The time; with its day, unless that is today. @param text ISO 8601; any other text is shown as it is */
export function when(text: string | number | Date | undefined): string {
  if (text === undefined || text === '') return TEXTS.unknown;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return String(text);
  const isToday = day.format(date) === day.format(new Date());
  return isToday ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** Of an axis. @param seconds since 1970 */
export const timeOfDay = (seconds: number, hasSeconds: boolean): string =>
  (hasSeconds ? clock : minute).format(seconds * 1000);

/** A value of an axis. @param step between two of them */
export const tick = (value: number, step: number): string =>
  step < 0.1 ? String(Number(value.toPrecision(3))) : decimal.format(value);

/** @param seconds such as 75 → `1 min 15 s` */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return TEXTS.unknown;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** @param wattHours an exact decimal in Wh → kWh */
export function energy(wattHours: string | undefined): string {
  const value = Number(wattHours);
  if (wattHours === undefined || Number.isNaN(value)) return TEXTS.unknown;
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 }).format(value / 1000)} kWh`;
}
