{{- define "ocpp-cluster.name" -}}
{{- $name := default .Release.Name .Values.name }}
{{- if or (gt (len $name) 40) (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name)) }}
{{- fail (printf "the OcppCluster cannot be named %q: Services are named after it, so the name has at most 40 lower-case letters, digits and dashes and begins with a letter; set name, or choose such a release name" $name) }}
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

{{- /*
The listeners of the spec, or the default of the CRD. `asks`: a station has to prove who it is, so that the one of `helm test` is
refused; `direct`: a Pod can connect without a load balancer.
*/ -}}
{{- define "ocpp-cluster.listeners" -}}
{{- $known := not (empty (default dict .Values.spec.authentication).stations) }}
{{- range default (list dict) .Values.spec.listeners }}
{{- $tls := default dict .tls }}
{{- $terminated := eq (default "Proxy" $tls.termination) "LoadBalancer" }}
- port: {{ default 9000 .port }}
  path: {{ default "/ocpp" .path | quote }}
  tls: {{ and (not (empty .tls)) (not $terminated) }}
  asks: {{ or $known (gt (int .securityProfile) 0) }}
  direct: {{ not (or $terminated .proxyProtocol) }}
{{- end }}
{{- end }}

{{- /* The spec with the values of `global` applied. */ -}}
{{- define "ocpp-cluster.spec" -}}
{{- $spec := deepCopy .Values.spec }}
{{- $registry := (.Values.global).imageRegistry }}
{{- range list (list $spec.image "repository") (list $spec.processor "image") (list ($spec.redis).embedded "image") }}
{{- $field := last . }}
{{- with first . }}
{{- $image := get . $field }}
{{- if $image }}{{ $_ := set . $field (include "ocpp-cluster.inRegistry" (list $image $registry)) }}{{ end }}
{{- end }}
{{- end }}
{{- with (.Values.global).imagePullSecrets }}
{{- $image := default dict $spec.image }}
{{- $names := default list $image.pullSecrets }}
{{- range . }}
{{- if kindIs "string" . }}{{ $names = append $names . }}{{ else }}{{ $names = append $names .name }}{{ end }}
{{- end }}
{{- $_ := set $spec "image" (set $image "pullSecrets" (uniq $names)) }}
{{- end }}
{{- toYaml $spec }}
{{- end }}

{{- /* An image, with its registry replaced by the second argument, if that is set. */ -}}
{{- define "ocpp-cluster.inRegistry" -}}
{{- $image := first . }}
{{- with last . }}
{{- $host := first (splitList "/" $image) }}
{{- $hasHost := and (contains "/" $image) (or (regexMatch "[.:]" $host) (eq $host "localhost")) }}
{{- $image = printf "%s/%s" . (ternary (trimPrefix (printf "%s/" $host) $image) $image $hasHost) }}
{{- end }}
{{- $image }}
{{- end }}

{{- define "ocpp-cluster.testImage" -}}
{{- $image := default dict .Values.spec.image }}
{{- $repository := default "ghcr.io/ocpp-cluster/ocpp-cluster" $image.repository }}
{{- $named := default (printf "%s:%s" $repository (default .Chart.AppVersion $image.tag)) .Values.test.image }}
{{- include "ocpp-cluster.inRegistry" (list $named ((.Values.global).imageRegistry)) }}
{{- end }}

{{/* Other global values belong to other charts of an umbrella chart; where this chart is installed alone they are a mistake. */}}
{{- define "ocpp-cluster.checkGlobals" -}}
{{- if .Chart.IsRoot -}}
{{- range $name, $_ := .Values.global -}}
{{- if not (has $name (list "imageRegistry" "imagePullSecrets")) -}}
{{- fail (printf "global.%s has no effect in this chart; it knows global.imageRegistry and global.imagePullSecrets" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
