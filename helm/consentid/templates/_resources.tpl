{{/* What is asked for a pod, as far as it can be right. */}}

{{/* A quantity as a number of cores or bytes. */}}
{{- define "consentid.amount" -}}
{{- $text := toString . -}}
{{- $unit := regexFind "[a-zA-Z]+$" $text -}}
{{- $sizes := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- mulf (float64 (trimSuffix $unit $text)) (get $sizes $unit) -}}
{{- end -}}

{{/* Takes a dict of part (web, worker, migration, connectors) and its resources. */}}
{{- define "consentid.checkResources" -}}
{{- $part := .part -}}
{{- $requests := default dict .resources.requests -}}
{{- $limits := default dict .resources.limits -}}
{{- range $what, $limit := $limits -}}
{{- if hasKey $requests $what -}}
{{- $request := get $requests $what -}}
{{- if lt (float64 (include "consentid.amount" $limit)) (float64 (include "consentid.amount" $request)) -}}
{{- fail (printf "%s.resources: limits.%s (%v) is below requests.%s (%v): raise the limit, or ask for less" $part $what $limit $what $request) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $kind, $given := dict "requests" $requests "limits" $limits -}}
{{- if hasKey $given "memory" -}}
{{- if lt (float64 (include "consentid.amount" $given.memory)) 67108864.0 -}}
{{- fail (printf "%s.resources.%s.memory: %v is less than a process takes to start: write 128Mi or more, with its unit" $part $kind $given.memory) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
