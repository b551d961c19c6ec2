{{/* What a schema cannot say, told with its remedy. */}}
{{- define "consentid.checks" -}}
{{- $database := .Values.database -}}
{{- if and $database.existingSecret $database.urls.serving -}}
{{- fail "database: give existingSecret or urls, not both" -}}
{{- end -}}
{{- if and (not $database.existingSecret) (not (and $database.urls.serving $database.urls.owner)) -}}
{{- fail "database: name existingSecret, or write urls.serving and urls.owner" -}}
{{- end -}}
{{- if and .Values.valkey.existingSecret .Values.valkey.url -}}
{{- fail "valkey: give existingSecret or url, not both" -}}
{{- end -}}
{{- if and .Values.portal.existingSecret .Values.portal.clientSecret -}}
{{- fail "portal: give existingSecret or clientSecret, not both" -}}
{{- end -}}
{{- if and .Values.mail.existingSecret .Values.mail.password -}}
{{- fail "mail: give existingSecret or password, not both" -}}
{{- end -}}
{{- if and .Values.staff.existingSecret .Values.staff.clientSecret -}}
{{- fail "staff: give existingSecret or clientSecret, not both" -}}
{{- end -}}
{{- $carriers := list -}}
{{- range concat .Values.connectors.nats .Values.connectors.exports -}}
{{- if has .name $carriers -}}
{{- fail (printf "connectors: %s is there twice" .name) -}}
{{- end -}}
{{- $carriers = append $carriers .name -}}
{{- end -}}
{{- range .Values.connectors.nats -}}
{{- $keys := default dict .keys -}}
{{- if ne (empty $keys) (empty .existingSecret) -}}
{{- fail (printf "connectors.nats: %s: keys say what is in existingSecret, and go with it" .name) -}}
{{- end -}}
{{- if ne (empty .user) (empty $keys.password) -}}
{{- fail (printf "connectors.nats: %s: user goes with keys.password, and it with user" .name) -}}
{{- end -}}
{{- end -}}
{{- $keyring := .Values.keyring -}}
{{- if gt (len (compact (list $keyring.existingSecret $keyring.existingClaim (ternary "files" "" (not (empty $keyring.files)))))) 1 -}}
{{- fail "keyring: give one of existingSecret, existingClaim and files" -}}
{{- end -}}
{{- if not (or $keyring.existingSecret $keyring.existingClaim (hasKey $keyring.files "keyring.json")) -}}
{{- fail "keyring: name existingSecret, made of the folder of `consentid keys generate`" -}}
{{- end -}}
{{- if and $keyring.ledgerSecret $keyring.existingClaim -}}
{{- fail "keyring: with existingClaim, ledger.key lies there, too" -}}
{{- end -}}
{{- if and .Values.brands.existingConfigMap .Values.brands.files -}}
{{- fail "brands: give existingConfigMap or files, not both" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress: name the hub's host under hosts" -}}
{{- end -}}
{{- $hosts := list -}}
{{- range .Values.ingress.hosts -}}
{{- if has .host $hosts -}}
{{- fail (printf "ingress.hosts: %s is there twice" .host) -}}
{{- end -}}
{{- $hosts = append $hosts .host -}}
{{- end -}}
{{- if gt (int64 .Values.autoscaling.minReplicas) (int64 .Values.autoscaling.maxReplicas) -}}
{{- fail "autoscaling: minReplicas is above maxReplicas" -}}
{{- end -}}
{{- end -}}
