/** The actions that stations take, and the schemas of their requests: what forms of commands are made from. */
import { Ajv } from 'ajv';
import test from 'ava';
import { PROTOCOLS } from '../../services/ocpp/frame.ts';
import { isAnswered, knowsAction } from '../../services/ocpp/schema.ts';
import { memoryApi } from './memory-api.ts';

interface Listed {
  readonly protocol: string;
  readonly actions: readonly { readonly action: string; readonly queueable: boolean }[];
}

const setUp = async () => {
  const api = await memoryApi().api;
  const get = async (path: string) => {
    const response = await api.inject({ url: `/v1/schemas/${path}`, headers: { authorization: 'Bearer x' } });
    return { status: response.statusCode, body: response.json(), headers: response.headers };
  };
  return { get, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
};

test('every version lists the actions that stations take, and each has a schema that compiles', async (t) => {
  await using api = await setUp();
  for (const protocol of PROTOCOLS) {
    const { status, body, headers } = await api.get(protocol);
    t.is(status, 200);
    t.is(headers['cache-control'], 'private, max-age=3600');
    const { actions } = body as Listed;
    const names = new Set(actions.map(({ action }) => action));
    for (const name of ['DataTransfer', 'Reset', 'UnlockConnector', 'SetChargingProfile'])
      t.true(names.has(name), `${protocol} ${name}`);
    for (const name of ['BootNotification', 'MeterValues', 'NotifyPeriodicEventStream'])
      t.false(names.has(name), `${protocol} ${name}`);
    t.true(actions.length > 20);
    for (const { action, queueable } of actions) {
      t.true(knowsAction(protocol, action) && isAnswered(protocol, action), action);
      t.is(
        queueable,
        !/Reset|Remote|RequestSt|RequestBattery|Trigger|Unlock|Reserv|UsePriority/.test(action),
        action,
      );
      const { body: found } = await api.get(`${protocol}/${action}`);
      t.is(found.action, action);
      t.notThrows(() => new Ajv({ strict: false, validateFormats: false }).compile(found.schema), action);
    }
  }
});

test('a schema has the definitions that it refers to, and no others', async (t) => {
  await using api = await setUp();
  const { schema } = (await api.get('ocpp2.1/SetChargingProfile')).body;
  t.true('ChargingScheduleType' in schema.definitions);
  t.false('MeterValueType' in schema.definitions);
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  t.false(validate({ evseId: 1 }));
  t.deepEqual((await api.get('ocpp1.6/ClearCache')).body.schema.definitions, undefined);
});

test('an action that the version lacks or that only stations send has none', async (t) => {
  await using api = await setUp();
  for (const path of ['ocpp1.6/RequestStartTransaction', 'ocpp2.1/BootNotification', 'ocpp2.1/toString'])
    t.like(await api.get(path), { status: 404, body: { code: 'no-such-action' } }, path);
  const wrong = await api.get('ocpp1.5/Reset');
  t.like(wrong, { status: 400, body: { code: 'bad-request' } });
  t.is(wrong.headers['cache-control'], 'no-store');
});
