/** What the stations say. Each message prepares its stations and resolves to the text that each one repeats. */
import type { Fleet } from './fleet.ts';
import { NUMBER, type Station } from './station.ts';

/** @returns the text with NUMBER where it is another one in each CALL */
export type Message = (fleet: Fleet) => Promise<(station: Station) => string>;

export const heartbeat: Message = async () => () => `[2,"${NUMBER}","Heartbeat",{}]`;

export const BOOT = `[2,"${NUMBER}","BootNotification",{"chargePointVendor":"bench","chargePointModel":"bench"}]`;

const START = {
  connectorId: 1,
  idTag: 'BENCH',
  meterStart: 0,
  timestamp: '2026-01-01T00:00:00Z',
};

/** About 1 kB of readings, another each time, of a transaction that was opened before. */
export const meterValues: Message = async (fleet) => {
  const answers = await fleet.ask(`[2,"${NUMBER}","StartTransaction",${JSON.stringify(START)}]`);
  const meterValue = [reading()];
  return (station) => {
    const [, , answer] = JSON.parse(answers.get(station) ?? '[]') as [
      number,
      string,
      { transactionId: number },
    ];
    const payload = { connectorId: 1, transactionId: answer.transactionId, meterValue };
    return `[2,"${NUMBER}","MeterValues",${JSON.stringify(payload)}]`;
  };
};

const sampled = (measurand: string, unit: string, phases: readonly string[], value: string) =>
  phases.map((phase) => ({ value, context: 'Sample.Periodic', measurand, unit, ...(phase && { phase }) }));

/** Read now: an older one than is known would be left out. */
const reading = () => ({
  timestamp: new Date().toISOString(),
  sampledValue: [
    ...sampled('Energy.Active.Import.Register', 'Wh', [''], NUMBER),
    ...sampled('Power.Active.Import', 'W', ['', 'L1'], '3680.0'),
    ...sampled('Current.Import', 'A', ['L1', 'L2', 'L3'], '16.0'),
    ...sampled('Voltage', 'V', ['L1', 'L2', 'L3'], '230.1'),
    ...sampled('SoC', 'Percent', [''], '54'),
  ],
});
