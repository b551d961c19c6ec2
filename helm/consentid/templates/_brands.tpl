{{/* The group's files by path, clients' keys (JSON) beside them: the chart's own folder, and over it what the values say. */}}
{{- define "consentid.brandFiles" -}}
{{- $files := dict -}}
{{- range $path, $content := .Files.Glob "brands/**.{toml,json}" -}}
{{- $_ := set $files (trimPrefix "brands/" $path) (toString $content) -}}
{{- end -}}
{{- toYaml (merge (dict) (default dict .Values.brands.files) $files) -}}
{{- end -}}

{{- define "consentid.hasBrands" -}}
{{- if or .Values.brands.existingConfigMap (fromYaml (include "consentid.brandFiles" .)) -}}yes{{- end -}}
{{- end -}}
