{{- /* The chart's variables, except those that extraEnv replaces: Helm's three-way merge would lose a duplicate name. */ -}}
{{- define "ocpp-operator.env" -}}
{{- $given := list }}
{{- range .Values.extraEnv }}{{ $given = append $given .name }}{{ end }}
{{- $env := list }}
{{- range include "ocpp-operator.ownEnv" . | fromYamlArray }}
{{- if not (has .name $given) }}{{ $env = append $env . }}{{ end }}
{{- end }}
{{- concat $env .Values.extraEnv | toYaml }}
{{- end }}

{{- define "ocpp-operator.ownEnv" -}}
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: LEADER_ELECTION
  value: "true"
- name: LEASE_NAME
  value: {{ include "ocpp-operator.fullname" . }}
- name: POD_IP
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
- name: WATCH_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
- name: OCPP_DEFAULT_IMAGE
  value: {{ include "ocpp-operator.image" . | quote }}
- name: OCPP_REDIS_IMAGE
  value: {{ include "ocpp-operator.inRegistry" (list .Values.redis.image ((.Values.global).imageRegistry)) | quote }}
- name: OCPP_ADMIN_PORT
  value: "9090"
- name: LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end }}
