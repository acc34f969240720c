/** A station as the API has it: read every few seconds, and at once after an event of it. */
import { useEffect } from 'preact/hooks';
import { api, read, type Schemas } from '../api/client.ts';
import { listen } from '../api/events.ts';
import { type Polled, usePolled } from '../api/polled.ts';

export type Station = Schemas['Station'];
export type Connector = Schemas['Connector'];

/** ms */
const EVERY = 15_000;
/** Events of a burst are one reading; ms. */
const AFTER_EVENT = 250;

export function useStation(id: string): Polled<Station> {
  const polled = usePolled(
    (signal) => read(api.GET('/v1/stations/{station}', { params: { path: { station: id } }, signal })),
    EVERY,
    [id],
  );
  useAfterEvents(id, () => true, polled.refresh);
  return polled;
}

/** Calls after events of a station, at most once in a while, and after a gap. */
export function useAfterEvents(id: string, isWanted: (type: string) => boolean, call: () => void): void {
  useEffect(() => {
    let timer = 0;
    const soon = () => {
      timer ||= setTimeout(() => {
        timer = 0;
        call();
      }, AFTER_EVENT);
    };
    const end = listen({
      onEvents(events) {
        if (events.some(({ station, type }) => station === id && isWanted(type))) soon();
      },
      onGap: soon,
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [id]);
}

/** `2.1`, or `1` in 1.6. */
export const placeOf = ({ evse, connector }: Connector): string =>
  evse === undefined ? String(connector) : `${evse}.${connector}`;
