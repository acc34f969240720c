/** What may be sent to a station of a version. It changes with the program only, so it is read once. */
import { api, read, type Schemas } from '../../api/client.ts';
import { formOf, type GroupField } from '../form/fields.ts';

export type Protocol = Schemas['Protocol'];
export type CommandAction = Schemas['CommandAction'];

export const PROTOCOLS: readonly Protocol[] = ['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1'];

const actions = new Map<string, Promise<readonly CommandAction[]>>();
const forms = new Map<string, Promise<GroupField>>();

/** @throws ApiProblem; the next call tries again */
export function actionsOf(protocol: Protocol): Promise<readonly CommandAction[]> {
  return once(actions, protocol, async () => {
    const params = { path: { protocol } };
    return (await read(api.GET('/v1/schemas/{protocol}', { params }))).actions;
  });
}

/** @throws ApiProblem; the next call tries again */
export function formOfAction(protocol: Protocol, action: string): Promise<GroupField> {
  return once(forms, `${protocol} ${action}`, async () => {
    const params = { path: { protocol, action } };
    return formOf((await read(api.GET('/v1/schemas/{protocol}/{action}', { params }))).schema);
  });
}

function once<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make();
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}
