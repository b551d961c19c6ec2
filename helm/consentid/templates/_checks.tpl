{{/* What a schema cannot say, told with its remedy. */}}
{{- define "consentid.checks" -}}
{{- $database := .Values.database -}}
{{- if and $database.existingSecret $database.urls.serving -}}
{{- fail "database: give existingSecret or urls, not both" -}}
{{- end -}}
{{- if and (not $database.existingSecret) (not (and $database.urls.serving $database.urls.owner)) -}}
{{- fail "database: name existingSecret, or write urls.serving and urls.owner" -}}
{{- end -}}
{{- if and $database.urls.erasing (not $database.keys.erasing) -}}
{{- fail "database: urls.erasing goes with keys.erasing: what it is called in the Secret" -}}
{{- end -}}
{{- if or (eq $database.keys.serving $database.keys.owner) (eq $database.keys.serving $database.keys.erasing) -}}
{{- fail "database.keys: the serving role has a URL of its own, which may neither change nor destroy what was decided" -}}
{{- end -}}
{{- /* Nothing of a URL is said again: it holds a password. */ -}}
{{- range $name, $url := $database.urls -}}
{{- if and $url (not (regexMatch "^postgres(ql)?([+]asyncpg)?://[^/]*@" $url)) -}}
{{- fail (printf "database.urls.%s: write postgresql://ROLE:PASSWORD@HOST:5432/NAME?sslmode=verify-full" $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.valkey.url (not (regexMatch "^(redis|rediss|valkey|valkeys|unix)://." .Values.valkey.url)) -}}
{{- fail "valkey.url: write rediss://:PASSWORD@HOST:6379, or redis:// where nobody reads along" -}}
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
{{- range concat (default list .Values.connectors.nats) (default list .Values.connectors.exports) -}}
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
{{- if not (or $keyring.existingSecret $keyring.existingClaim (hasKey (default dict $keyring.files) "keyring.json")) -}}
{{- fail "keyring: name existingSecret, made of the folder of `consentid keys generate`" -}}
{{- end -}}
{{- if and $keyring.ledgerSecret $keyring.existingClaim -}}
{{- fail "keyring: with existingClaim, ledger.key lies there, too" -}}
{{- end -}}
{{- if and .Values.brands.existingConfigMap .Values.brands.files -}}
{{- fail "brands: give existingConfigMap or files, not both" -}}
{{- end -}}
{{- if and .Values.brands.items (not .Values.brands.existingConfigMap) -}}
{{- fail "brands: items say which key of existingConfigMap is which file, and go with it" -}}
{{- end -}}
{{- $size := 0 -}}
{{- $keys := list -}}
{{- range $path, $content := fromYaml (include "consentid.brandFiles" .) -}}
{{- $key := replace "/" "__" $path -}}
{{- if has $key $keys -}}
{{- fail (printf "brands: %s would lie over another file: give it another name" $path) -}}
{{- end -}}
{{- $keys = append $keys $key -}}
{{- $size = add $size (len $path) (len $content) -}}
{{- end -}}
{{- if gt (int64 $size) 1000000 -}}
{{- fail (printf "brands: the files have %d bytes, and a ConfigMap takes 1 MiB: run `consentid brands apply` beside the chart" (int64 $size)) -}}
{{- end -}}
{{- $settings := .Values.settings -}}
{{- if and $settings.smtp_host (not $settings.smtp_from) -}}
{{- fail "settings: smtp_host goes with smtp_from: whom mails are from" -}}
{{- end -}}
{{- if and $settings.staff_issuer (not (and $settings.staff_client_id $settings.staff_roles)) -}}
{{- fail "settings: staff_issuer goes with staff_client_id and staff_roles" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled (not .Values.metrics.enabled) -}}
{{- fail "metrics: serviceMonitor reads what metrics.enabled switches on" -}}
{{- end -}}
{{- $resources := default dict .Values.web.resources -}}
{{- if and .Values.autoscaling.enabled (not (or (default dict $resources.requests).cpu (default dict $resources.limits).cpu)) -}}
{{- fail "autoscaling: the target is a share of web.resources.requests.cpu: name that, or set autoscaling.enabled to false" -}}
{{- end -}}
{{- range $part := list "web" "worker" "migration" "connectors" -}}
{{- include "consentid.checkResources" (dict "part" $part "resources" (default dict (index $.Values $part).resources)) -}}
{{- end -}}
{{- if and .Values.security.runAsUser (not .Values.security.fsGroup) -}}
{{- fail "security: runAsUser could not read its secrets without fsGroup: name that, too, or leave both to the cluster" -}}
{{- end -}}
{{- $mounted := list -}}
{{- range .Values.extraVolumes -}}
{{- if has .name $mounted -}}
{{- fail (printf "extraVolumes: %s is there twice" .name) -}}
{{- end -}}
{{- $mounted = append $mounted .name -}}
{{- end -}}
{{- $places := list -}}
{{- range .Values.extraVolumeMounts -}}
{{- if not (has .name $mounted) -}}
{{- fail (printf "extraVolumeMounts: %s is not among extraVolumes" .name) -}}
{{- end -}}
{{- if has .mountPath $places -}}
{{- fail (printf "extraVolumeMounts: %s is there twice" .mountPath) -}}
{{- end -}}
{{- $places = append $places .mountPath -}}
{{- end -}}
{{- $variables := ternary (list "PGSSLROOTCERT") list (not (empty .Values.database.ca.configMap)) -}}
{{- range .Values.extraEnv -}}
{{- if has .name $variables -}}
{{- fail (printf "extraEnv: %s is there twice (database.ca sets PGSSLROOTCERT)" .name) -}}
{{- end -}}
{{- $variables = append $variables .name -}}
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
