{{- /*
The dashboard of files/dashboard/ as JSON of Grafana. Each file is a row, in the order of their names; docs/dashboard.md explains their fields. Panels are placed
from left to right, and begin another line where 24 columns are full.
*/ -}}
{{- define "ocpp-operator.dashboard" -}}
{{- $panels := list }}
{{- $y := 0 }}
{{- range $path, $_ := .Files.Glob "files/dashboard/*.yaml" }}
{{- $row := $.Files.Get $path | fromYaml }}
{{- if hasKey $row "Error" }}{{ fail (printf "%s: %s" $path $row.Error) }}{{ end }}
{{- $at := dict "x" 0 "y" $y "w" 24 "h" 1 }}
{{- $panels = append $panels (dict "id" $row.id "type" "row" "title" $row.title "collapsed" false "gridPos" $at "panels" list) }}
{{- $x := 0 }}
{{- $y = add $y 1 }}
{{- $line := 0 }}
{{- range $row.panels }}
{{- $w := int (default 6 .width) }}
{{- $h := int (default 8 .height) }}
{{- if gt (add $x $w) 24 }}
{{- $x = 0 }}
{{- $y = add $y $line }}
{{- $line = 0 }}
{{- end }}
{{- $at := dict "x" $x "y" $y "w" $w "h" $h }}
{{- $panels = append $panels (include "ocpp-operator.dashboardPanel" (dict "panel" . "at" $at) | fromJson) }}
{{- $x = add $x $w }}
{{- $line = max $line $h }}
{{- end }}
{{- $y = add $y $line }}
{{- end }}
{{- $frame := include "ocpp-operator.dashboardFrame" . | fromYaml }}
{{- if hasKey $frame "Error" }}{{ fail (printf "the frame of the dashboard: %s" $frame.Error) }}{{ end }}
{{- set $frame "panels" $panels | toRawJson }}
{{- end }}

{{- /*
A query in PromQL. CLUSTER stands for the series of the chosen cluster's Pods, OPERATED for what the operator says of it, OPERATOR for the operator itself.
`freshest`: a figure that each Pod reads from Redis; that of the Pod whose reading is the latest counts, and never their sum.
`increase`: how much a counter grew within an hour; a series that is younger began at 0, which PromQL's increase() does not know. A gap of up to six hours makes no series young.
*/ -}}
{{- define "ocpp-operator.dashboardQuery" -}}
{{- $expr := .expr }}
{{- with .freshest }}
{{- $expr = printf "max(%s{CLUSTER} and on (pod) topk(1, ocpp_requests_sampled_timestamp_seconds{CLUSTER} and on (pod) %s{CLUSTER}))" . . }}
{{- end }}
{{- with .increase }}
{{- $by := ternary (printf " by (%s)" $.by) "" (hasKey $ "by") }}
{{- $expr = printf "sum%s ((%s{CLUSTER} unless last_over_time(%s{CLUSTER}[6h] offset 1h)) or increase(%s{CLUSTER}[1h]))" $by . . . }}
{{- end }}
{{- $expr = $expr | replace "{CLUSTER" `{namespace="$namespace",ocpp_cluster="$cluster"` }}
{{- $expr = $expr | replace "{OPERATED" `{namespace="$namespace",cluster="$cluster"` }}
{{- $expr | replace "{OPERATOR" `{job=~"$operator"` }}
{{- end }}

{{- /* One panel: `panel` of a file, `at` is its place. A stat and a table show the moment only: a value that has gone is no value. */ -}}
{{- define "ocpp-operator.dashboardPanel" -}}
{{- $panel := .panel }}
{{- $kind := default "timeseries" $panel.kind }}
{{- $source := dict "type" "prometheus" "uid" "${datasource}" }}
{{- $moment := has $kind (list "stat" "table") }}
{{- $targets := list }}
{{- range $index, $query := $panel.queries }}
{{- $target := dict "refId" (printf "%c" (add 65 $index)) "datasource" $source "editorMode" "code" "expr" (include "ocpp-operator.dashboardQuery" $query) }}
{{- $_ := set $target "legendFormat" (default "__auto" $query.legend) }}
{{- $_ := set $target "instant" $moment }}
{{- $_ := set $target "range" (not $moment) }}
{{- $_ := set $target "format" (ternary "table" "time_series" (eq $kind "table")) }}
{{- $targets = append $targets $target }}
{{- end }}
{{- $steps := list (dict "color" (default "green" $panel.base) "value" nil) }}
{{- range $panel.limits }}{{ $steps = append $steps (dict "color" (first .) "value" (last .)) }}{{ end }}
{{- $mappings := list }}
{{- with $panel.states }}
{{- $options := dict }}
{{- range $index, $state := . }}
{{- $_ := set $options (printf "%v" (index $state 0)) (dict "text" (index $state 1) "color" (index $state 2) "index" $index) }}
{{- end }}
{{- $mappings = list (dict "type" "value" "options" $options) }}
{{- end }}
{{- $defaults := dict "unit" (default "short" $panel.unit) "mappings" $mappings "thresholds" (dict "mode" "absolute" "steps" $steps) }}
{{- $legend := dict "displayMode" "list" "placement" "bottom" "showLegend" true }}
{{- $options := dict "tooltip" (dict "mode" "multi" "sort" "desc") "legend" $legend }}
{{- $transformations := list }}
{{- if eq $kind "timeseries" }}
{{- $stacking := dict "mode" (ternary "normal" "none" (default false $panel.stack)) "group" "A" }}
{{- $line := dict "mode" (ternary "dashed" "off" (not (empty $panel.limits))) }}
{{- $custom := dict "drawStyle" "line" "lineWidth" 1 "fillOpacity" 10 "showPoints" "never" "spanNulls" false "axisSoftMin" 0 }}
{{- $_ := set $defaults "custom" (merge (dict "stacking" $stacking "thresholdsStyle" $line) $custom) }}
{{- $_ := set $defaults "color" (dict "mode" "palette-classic") }}
{{- with $panel.max }}{{ $_ := set $defaults "max" . }}{{ end }}
{{- else if eq $kind "states" }}
{{- $_ := set $defaults "custom" (dict "lineWidth" 0 "fillOpacity" 80 "spanNulls" false) }}
{{- $_ := set $defaults "color" (dict "mode" "thresholds") }}
{{- $options = merge $options (dict "mergeValues" true "showValue" "auto" "alignValue" "left" "rowHeight" 0.9) }}
{{- else if eq $kind "stat" }}
{{- $reduced := dict "calcs" (list "last") "fields" "" "values" false }}
{{- $options = dict "colorMode" "background" "graphMode" "none" "justifyMode" "auto" "textMode" "value" "orientation" "auto" "reduceOptions" $reduced }}
{{- $_ := set $defaults "color" (dict "mode" "thresholds") }}
{{- else if eq $kind "table" }}
{{- $options = dict "showHeader" true "cellHeight" "sm" }}
{{- $transformations = list (dict "id" "organize" "options" (dict "excludeByName" (dict "Time" true "Value" true) "indexByName" dict "renameByName" dict)) }}
{{- else }}
{{- fail (printf "panel %v has the unknown kind %s" $panel.id $kind) }}
{{- end }}
{{- $type := ternary "state-timeline" $kind (eq $kind "states") }}
{{- $made := dict "id" $panel.id "type" $type "title" $panel.title "description" $panel.description "gridPos" .at "datasource" $source "targets" $targets }}
{{- $_ := set $made "fieldConfig" (dict "defaults" $defaults "overrides" list) }}
{{- $_ := set $made "options" $options }}
{{- with $transformations }}{{ $_ := set $made "transformations" . }}{{ end }}
{{- $made | toRawJson }}
{{- end }}

{{- /* All but the panels. */ -}}
{{- define "ocpp-operator.dashboardFrame" -}}
{{- $source := `{ type: prometheus, uid: "${datasource}" }` }}
{{- $pages := printf "%s/blob/main/docs" .Chart.Home }}
uid: ocpp-cluster
title: OcppCluster
description: A network of charging stations, from its sockets to its bills. Each panel says what is normal, and what to do otherwise.
tags: [ocpp]
schemaVersion: 42
version: 1
editable: true
graphTooltip: 1
refresh: 30s
timezone: browser
time: { from: now-3h, to: now }
timepicker: {}
links:
  - { title: Operating OcppClusters, type: link, icon: doc, url: "{{ $pages }}/operations.md", targetBlank: true, asDropdown: false, includeVars: false, keepTime: false, tags: [], tooltip: "" }
  - { title: This dashboard, type: link, icon: info, url: "{{ $pages }}/dashboard.md", targetBlank: true, asDropdown: false, includeVars: false, keepTime: false, tags: [], tooltip: "" }
templating:
  list:
    - { name: datasource, label: Data source, type: datasource, query: prometheus, regex: "", hide: 0, refresh: 1, multi: false, includeAll: false, current: {} }
    {{- $query := `label_values({__name__=~"ocpp_proxy_sessions|ocpp_processor_busy_seconds_total"}, namespace)` }}
    - name: namespace
      label: Namespace
      {{- include "ocpp-operator.dashboardVariable" $query | nindent 6 }}
    {{- $query = `label_values({__name__=~"ocpp_proxy_sessions|ocpp_processor_busy_seconds_total",namespace="$namespace"}, ocpp_cluster)` }}
    - name: cluster
      label: OcppCluster
      {{- include "ocpp-operator.dashboardVariable" $query | nindent 6 }}
    - name: operator
      label: Operator
      {{- include "ocpp-operator.dashboardVariable" "label_values(ocpp_operator_leader, job)" | nindent 6 }}
      includeAll: true
      allValue: .+
annotations:
  list:
    - { name: Annotations & Alerts, type: dashboard, builtIn: 1, enable: true, hide: true, iconColor: blue, datasource: { type: grafana, uid: -- Grafana -- } }
    - name: Alerts
      enable: true
      iconColor: red
      datasource: {{ $source }}
      expr: {{ include "ocpp-operator.dashboardQuery" (dict "expr" `max by (alertname, severity) (ALERTS{CLUSTER,alertstate="firing"} or ALERTS{OPERATED,alertstate="firing"})`) | quote }}
      step: 60s
      titleFormat: {{ "{{alertname}}" | quote }}
      textFormat: {{ "{{severity}}" | quote }}
    - name: Starts and changed settings
      enable: true
      iconColor: blue
      datasource: {{ $source }}
      expr: {{ include "ocpp-operator.dashboardQuery" (dict "expr" `max by (component) (ocpp_settings_applied_timestamp_seconds{CLUSTER}) * 1000`) | quote }}
      step: 60s
      useValueForTime: true
      titleFormat: {{ "{{component}} started, or changed its settings" | quote }}
{{- end }}

{{- define "ocpp-operator.dashboardVariable" -}}
type: query
datasource: { type: prometheus, uid: "${datasource}" }
definition: {{ . | quote }}
query: { query: {{ . | quote }}, refId: Variable }
regex: ""
refresh: 2
sort: 1
hide: 0
multi: false
current: {}
{{- end }}
