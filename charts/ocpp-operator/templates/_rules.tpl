{{- /*
Permissions of the operator in the namespaces of OcppClusters. test/charts/permissions.test.ts runs the operator with exactly
these rules and asserts that it needs each verb. Server-side apply is `patch`, and `create` for a new object.
*/ -}}
{{- define "ocpp-operator.rules" -}}
- apiGroups: [ocpp.dev]
  resources: [ocppclusters]
  verbs: [get, list, watch]
- apiGroups: [ocpp.dev]
  resources: [ocppclusters/status]
  verbs: [patch]
# The number of processors when an autoscaler takes over (autoscaling.mode HPA and KEDA), so that it continues from it.
- apiGroups: [ocpp.dev]
  resources: [ocppclusters/scale]
  verbs: [patch]
# Owner references, if the admission plugin OwnerReferencesPermissionEnforcement is enabled.
- apiGroups: [ocpp.dev]
  resources: [ocppclusters/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: &owned [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts, configmaps]
  verbs: *owned
# What the HTTP API of a cluster may do: get the OcppCluster that it belongs to. Kubernetes lets the operator give no permission that
# it lacks.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: *owned
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: *owned
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies, ingresses]
  verbs: *owned
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: *owned
- apiGroups: [keda.sh]
  resources: [scaledobjects, triggerauthentications]
  verbs: *owned
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: *owned
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: *owned
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors, prometheusrules]
  verbs: *owned
# The password of the embedded Redis, the key of stored passwords and the admin token of the HTTP API are written once, and never read.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
# Resizes the volume of the embedded Redis.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, patch]
# Finds the Pods to scrape, and annotates which of them a scale-in removes first (pod-deletion-cost).
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch]
# Reports to people, continues the counts of the last leader, and finds what a Pod waits for: a missing Secret or
# StorageClass is named in Events only.
- apiGroups: [""]
  resources: [events]
  verbs: [get, list, create, patch]
{{- with .Values.rbac.readSecrets }}
# CA and token of the Prometheus that an OcppCluster names.
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
{{- end }}
