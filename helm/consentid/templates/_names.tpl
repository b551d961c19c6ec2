{{/* Names. Short enough for what is hung on them: a label holds 63 characters. */}}
{{- define "consentid.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* A Service's name has no dot and begins with a letter, whatever the release is called. */}}
{{- define "consentid.fullname" -}}
{{- $name := printf "%s-%s" .Release.Name (include "consentid.name" .) -}}
{{- if .Values.fullnameOverride -}}
{{- $name = .Values.fullnameOverride -}}
{{- else if contains (include "consentid.name" .) .Release.Name -}}
{{- $name = .Release.Name -}}
{{- end -}}
{{- regexReplaceAll "^([0-9])" (replace "." "-" $name) "c${1}" | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{/* What carries events is called by its own name; a CronJob's has 52 characters at most. */}}
{{- define "consentid.carrierName" -}}
{{- $own := .item.name -}}
{{- printf "%s-%s" (include "consentid.fullname" .root | trunc (int (sub 51 (len $own))) | trimSuffix "-") $own -}}
{{- end -}}

{{- define "consentid.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "consentid.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "consentid.databaseSecret" -}}
{{- default (printf "%s-database" (include "consentid.fullname" .)) .Values.database.existingSecret -}}
{{- end -}}

{{- define "consentid.keyringSecret" -}}
{{- default (printf "%s-keys" (include "consentid.fullname" .)) .Values.keyring.existingSecret -}}
{{- end -}}

{{/* Empty where there is no Valkey. */}}
{{- define "consentid.valkeySecret" -}}
{{- if .Values.valkey.existingSecret -}}
{{- .Values.valkey.existingSecret -}}
{{- else if .Values.valkey.url -}}
{{- printf "%s-valkey" (include "consentid.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* Empty where nobody signs in through the hub. */}}
{{- define "consentid.portalSecret" -}}
{{- if .Values.portal.existingSecret -}}
{{- .Values.portal.existingSecret -}}
{{- else if .Values.portal.clientSecret -}}
{{- printf "%s-portal" (include "consentid.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* Empty where the mail server asks for no password. */}}
{{- define "consentid.mailSecret" -}}
{{- if .Values.mail.existingSecret -}}
{{- .Values.mail.existingSecret -}}
{{- else if .Values.mail.password -}}
{{- printf "%s-mail" (include "consentid.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* Empty where staff do not sign in at an issuer of their own. */}}
{{- define "consentid.staffSecret" -}}
{{- if .Values.staff.existingSecret -}}
{{- .Values.staff.existingSecret -}}
{{- else if .Values.staff.clientSecret -}}
{{- printf "%s-staff" (include "consentid.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "consentid.selectorLabels" -}}
app.kubernetes.io/name: {{ include "consentid.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "consentid.labels" -}}
{{ include "consentid.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{- end -}}

{{- define "consentid.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What must be there before the migration runs lives outside the release, as hooks do. */}}
{{- define "consentid.beforehand" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: "-10"
helm.sh/hook-delete-policy: before-hook-creation
{{- end -}}
