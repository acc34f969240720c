/** The files that are made from the CRD, by their path. */
import { definitionText, fieldSchema } from '../schema.ts';
import { reference } from './reference.ts';
import { typesOf } from './types.ts';

const HEAD = '// Made from crds/ocppclusters.yaml by `npm run generate`. Do not edit.\n';

export const generatedFiles = (): Readonly<Record<string, string>> => ({
  'operator/api/ocpp-cluster.generated.ts': [
    HEAD,
    typesOf('Spec', fieldSchema('spec')),
    typesOf('Status', fieldSchema('status')),
  ].join('\n'),
  'charts/ocpp-operator/files/ocppclusters.yaml': definitionText,
  'docs/reference.md': reference(),
});
