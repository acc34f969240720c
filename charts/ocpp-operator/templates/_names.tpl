{{- define "ocpp-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /*
Prefix of all names. The name of a Service has at most 63 letters, digits and dashes and begins with a letter; the name of a
release may begin with a digit and contain dots. 52 leaves room for the longest suffix and for the hashes of Pods.
*/ -}}
{{- define "ocpp-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := include "ocpp-operator.name" . }}
{{- $release := .Release.Name | replace "." "-" }}
{{- $full := ternary $release (printf "%s-%s" $release $name) (contains $name $release) }}
{{- ternary (printf "ocpp-%s" $full) $full (regexMatch "^[0-9]" $full) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "ocpp-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ocpp-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name must name an existing ServiceAccount, because serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ocpp-operator.subject" -}}
{ kind: ServiceAccount, name: {{ include "ocpp-operator.serviceAccountName" . }}, namespace: {{ .Release.Namespace }} }
{{- end }}

{{- define "ocpp-operator.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- with .Values.image.digest }}{{ $image = printf "%s@%s" $image . }}{{ end }}
{{- include "ocpp-operator.inRegistry" (list $image ((.Values.global).imageRegistry)) }}
{{- end }}

{{- /* An image, with its registry replaced by the second argument, if that is set. */ -}}
{{- define "ocpp-operator.inRegistry" -}}
{{- $image := first . }}
{{- with last . }}
{{- $host := first (splitList "/" $image) }}
{{- $hasHost := and (contains "/" $image) (or (regexMatch "[.:]" $host) (eq $host "localhost")) }}
{{- $image = printf "%s/%s" . (ternary (trimPrefix (printf "%s/" $host) $image) $image $hasHost) }}
{{- end }}
{{- $image }}
{{- end }}

{{- define "ocpp-operator.imagePullSecrets" -}}
{{- $names := list }}
{{- range concat (default list .Values.imagePullSecrets) (default list ((.Values.global).imagePullSecrets)) }}
{{- if kindIs "string" . }}{{ $names = append $names . }}{{ else }}{{ $names = append $names .name }}{{ end }}
{{- end }}
{{- range uniq $names }}
- name: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "ocpp-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ocpp-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- /* The chart's labels override commonLabels: selectors depend on them. */ -}}
{{- define "ocpp-operator.labels" -}}
{{- $ours := include "ocpp-operator.selectorLabels" . | fromYaml }}
{{- $_ := set $ours "app.kubernetes.io/version" (.Chart.AppVersion | trunc 63) }}
{{- $_ := set $ours "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $ours "app.kubernetes.io/part-of" "ocpp" }}
{{- $_ := set $ours "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- merge $ours .Values.commonLabels | toYaml }}
{{- end }}

{{- /* Labels and annotations of an object without labels and annotations of its own. */ -}}
{{- define "ocpp-operator.metadata" -}}
labels: {{- include "ocpp-operator.labels" . | nindent 2 }}
{{- with .Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Other global values belong to other charts of an umbrella chart; where this chart is installed alone they are a mistake. */}}
{{- define "ocpp-operator.checkGlobals" -}}
{{- if .Chart.IsRoot -}}
{{- range $name, $_ := .Values.global -}}
{{- if not (has $name (list "imageRegistry" "imagePullSecrets")) -}}
{{- fail (printf "global.%s has no effect in this chart; it knows global.imageRegistry and global.imagePullSecrets" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
