{{- /*
What the operator may do where OcppClusters live. test/charts/permissions.test.ts runs the operator with exactly
these rules and holds that it needs each verb. Server-side apply is `patch`, and `create` where the object is new.
*/ -}}
{{- define "ocpp-operator.rules" -}}
- apiGroups: [ocpp.dev]
  resources: [ocppclusters]
  verbs: [get, list, watch]
- apiGroups: [ocpp.dev]
  resources: [ocppclusters/status]
  verbs: [patch]
# To be the owner of what it makes where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [ocpp.dev]
  resources: [ocppclusters/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: &owned [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: *owned
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: *owned
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: *owned
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: *owned
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, prometheusrules]
  verbs: *owned
# The password of the embedded Redis is written once; no Secret can be read.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
# The volume of the embedded Redis is made larger.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, patch]
# Whose metrics it scrapes, and of which it tells Kubernetes which shall go first when there are fewer.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}
