{{- define "ocpp-cluster.name" -}}
{{- $name := default .Release.Name .Values.name }}
{{- if or (gt (len $name) 40) (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name)) }}
{{- fail (printf "the OcppCluster cannot be named %q: Services are named after it, so it takes at most 40 lower-case letters, digits and dashes and begins with a letter; set name, or name the release so" $name) }}
{{- end }}
{{- $name }}
{{- end }}

{{- define "ocpp-cluster.labels" -}}
{{- $ours := dict "app.kubernetes.io/name" "ocpp-cluster" "app.kubernetes.io/part-of" "ocpp" }}
{{- $_ := set $ours "app.kubernetes.io/instance" .Release.Name }}
{{- $_ := set $ours "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $ours "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- merge $ours .Values.labels | toYaml }}
{{- end }}

{{- /* As the spec says, or as the schema completes it. */ -}}
{{- define "ocpp-cluster.listeners" -}}
{{- range default (list dict) .Values.spec.listeners }}
- { port: {{ default 9000 .port }}, path: {{ default "/ocpp" .path | quote }} }
{{- end }}
{{- end }}

{{- define "ocpp-cluster.testImage" -}}
{{- $image := default dict .Values.spec.image }}
{{- $repository := default "ghcr.io/ocpp-cluster/ocpp-cluster" $image.repository }}
{{- default (printf "%s:%s" $repository (default .Chart.AppVersion $image.tag)) .Values.test.image }}
{{- end }}
