{{/*
What every pod of ours is: takes a dict of root and part (web, worker, migrate, doctor, connectors).
What carries events elsewhere has its item of the values, too, and what that is called (component).
*/}}

{{- define "consentid.podSecurity" -}}
runAsNonRoot: true
{{- range $name := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with index $.Values.security $name }}
{{ $name }}: {{ int64 . }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "consentid.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "consentid.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A setting's value as a variable holds it; a large number stays a number. */}}
{{- define "consentid.setting" -}}
{{- if kindIs "slice" . -}}
{{- join "," . | quote -}}
{{- else if kindIs "float64" . -}}
{{- int64 . | toString | quote -}}
{{- else -}}
{{- toString . | quote -}}
{{- end -}}
{{- end -}}

{{- define "consentid.env" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
- name: CONSENTID_DATABASE_URL_FILE
  value: /run/consentid/secrets/database-url
{{- range $name, $value := $values.settings }}
{{- if not (kindIs "invalid" $value) }}
- name: CONSENTID_{{ upper $name }}
  value: {{ include "consentid.setting" $value }}
{{- end }}
{{- end }}
{{- if has .part (list "migrate" "doctor") }}
- name: CONSENTID_MIGRATION_DATABASE_URL_FILE
  value: /run/consentid/secrets/migration-database-url
{{- end }}
{{- if has .part (list "worker" "migrate" "doctor") }}
{{- if $values.database.keys.erasing }}
- name: CONSENTID_ERASURE_DATABASE_URL_FILE
  value: /run/consentid/secrets/erasure-database-url
{{- else if eq .part "worker" }}
- name: CONSENTID_MIGRATION_DATABASE_URL_FILE
  value: /run/consentid/secrets/migration-database-url
{{- end }}
{{- end }}
{{- if or (ne .part "migrate") $values.keyring.existingClaim }}
- name: CONSENTID_KEYS_DIR
  value: /run/consentid/keys
{{- end }}
{{- if has .part (list "web" "worker" "doctor") }}
{{- if include "consentid.valkeySecret" $root }}
- name: CONSENTID_VALKEY_URL_FILE
  value: /run/consentid/secrets/valkey-url
{{- end }}
{{- if include "consentid.portalSecret" $root }}
- name: CONSENTID_PORTAL_CLIENT_SECRET_FILE
  value: /run/consentid/secrets/portal-client-secret
{{- end }}
{{- if and (ne .part "web") (include "consentid.mailSecret" $root) }}
- name: CONSENTID_SMTP_PASSWORD_FILE
  value: /run/consentid/secrets/smtp-password
{{- end }}
{{- if and (eq .part "web") (include "consentid.staffSecret" $root) }}
- name: CONSENTID_STAFF_CLIENT_SECRET_FILE
  value: /run/consentid/secrets/staff-client-secret
{{- end }}
{{- if $values.copies.existingClaim }}
- name: CONSENTID_LEDGER_COPY
  value: /var/lib/consentid/checkpoint
- name: CONSENTID_ERASURE_LIST
  value: /var/lib/consentid/erasures
{{- end }}
{{- end }}
{{- if and $values.metrics.enabled (ne .part "migrate") (not .isExport) }}
- name: CONSENTID_METRICS_HOST
  value: {{ $values.bindAddress | quote }}
- name: CONSENTID_METRICS_PORT
  value: {{ int64 $values.metrics.port | quote }}
{{- end }}
{{- if has .part (list "migrate" "doctor") }}
- name: CONSENTID_BRANDS_DIR
  value: /run/consentid/brands
{{- end }}
{{- if $values.database.ca.configMap }}
- name: PGSSLROOTCERT
  value: /run/consentid/ca/ca.crt
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "consentid.mounts" -}}
{{- $values := .root.Values -}}
- name: tmp
  mountPath: /tmp
- name: secrets
  mountPath: /run/consentid/secrets
  readOnly: true
{{- if or (ne .part "migrate") $values.keyring.existingClaim }}
- name: keys
  mountPath: /run/consentid/keys
  readOnly: {{ not (and $values.keyring.existingClaim (has .part (list "migrate" "worker"))) }}
{{- end }}
{{- if has .part (list "web" "worker" "doctor") }}
{{- if $values.copies.existingClaim }}
- name: copies
  mountPath: /var/lib/consentid
  readOnly: {{ ne .part "worker" }}
{{- end }}
{{- end }}
{{- if eq .part "connectors" }}
{{- if .isExport }}
- name: export
  mountPath: /var/lib/consentid-export
{{- else if .item.existingSecret }}
- name: broker
  mountPath: /run/consentid/broker
  readOnly: true
{{- end }}
{{- end }}
{{- if and (has .part (list "migrate" "doctor")) (include "consentid.hasBrands" .root) }}
- name: brands
  mountPath: /run/consentid/brands
  readOnly: true
{{- end }}
{{- if $values.database.ca.configMap }}
- name: ca
  mountPath: /run/consentid/ca
  readOnly: true
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "consentid.volumes" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $owns := or (has .part (list "migrate" "doctor")) (and (eq .part "worker") (not $values.database.keys.erasing)) -}}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 64Mi
- name: secrets
  projected:
    defaultMode: 0400
    sources:
      - secret:
          name: {{ include "consentid.databaseSecret" $root | quote }}
          items:
            - key: {{ $values.database.keys.serving | quote }}
              path: database-url
            {{- if $owns }}
            - key: {{ $values.database.keys.owner | quote }}
              path: migration-database-url
            {{- end }}
            {{- if and (has .part (list "worker" "migrate" "doctor")) $values.database.keys.erasing }}
            - key: {{ $values.database.keys.erasing | quote }}
              path: erasure-database-url
            {{- end }}
      {{- if has .part (list "web" "worker" "doctor") }}
      {{- with include "consentid.valkeySecret" $root }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: {{ $values.valkey.key | quote }}
              path: valkey-url
      {{- end }}
      {{- with include "consentid.portalSecret" $root }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: {{ $values.portal.key | quote }}
              path: portal-client-secret
      {{- end }}
      {{- if ne .part "web" }}
      {{- with include "consentid.mailSecret" $root }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: {{ $values.mail.key | quote }}
              path: smtp-password
      {{- end }}
      {{- end }}
      {{- if eq .part "web" }}
      {{- with include "consentid.staffSecret" $root }}
      - secret:
          name: {{ . | quote }}
          items:
            - key: {{ $values.staff.key | quote }}
              path: staff-client-secret
      {{- end }}
      {{- end }}
      {{- end }}
{{- if $values.keyring.existingClaim }}
- name: keys
  persistentVolumeClaim:
    claimName: {{ $values.keyring.existingClaim | quote }}
{{- else if ne .part "migrate" }}
- name: keys
  projected:
    defaultMode: 0400
    sources:
      - secret:
          name: {{ include "consentid.keyringSecret" $root | quote }}
      {{- if and $values.keyring.ledgerSecret (has .part (list "worker" "doctor")) }}
      - secret:
          name: {{ $values.keyring.ledgerSecret | quote }}
          items:
            - key: ledger.key
              path: ledger.key
      {{- end }}
{{- end }}
{{- if and $values.copies.existingClaim (has .part (list "web" "worker" "doctor")) }}
- name: copies
  persistentVolumeClaim:
    claimName: {{ $values.copies.existingClaim | quote }}
{{- end }}
{{- if eq .part "connectors" }}
{{- if .isExport }}
- name: export
  persistentVolumeClaim:
    claimName: {{ .item.existingClaim | quote }}
{{- else if .item.existingSecret }}
- name: broker
  projected:
    defaultMode: 0400
    sources:
      - secret:
          name: {{ .item.existingSecret | quote }}
          items:
            {{- range $path, $key := .item.keys }}
            - key: {{ $key | quote }}
              path: {{ $path | quote }}
            {{- end }}
{{- end }}
{{- end }}
{{- if and (has .part (list "migrate" "doctor")) (include "consentid.hasBrands" $root) }}
- name: brands
  configMap:
    {{- if $values.brands.existingConfigMap }}
    name: {{ $values.brands.existingConfigMap | quote }}
    {{- with $values.brands.items }}
    items:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- else }}
    name: {{ include "consentid.fullname" $root }}-brands
    items:
      {{- range $path, $_ := fromYaml (include "consentid.brandFiles" $root) }}
      - key: {{ replace "/" "__" $path | quote }}
        path: {{ $path | quote }}
      {{- end }}
    {{- end }}
{{- end }}
{{- if $values.database.ca.configMap }}
- name: ca
  configMap:
    name: {{ $values.database.ca.configMap | quote }}
    items:
      - key: {{ $values.database.ca.key | quote }}
        path: ca.crt
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What one container of ours has, whatever it does. */}}
{{- define "consentid.container" -}}
image: {{ include "consentid.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- include "consentid.containerSecurity" .root | nindent 2 }}
env:
  {{- include "consentid.env" . | nindent 2 }}
volumeMounts:
  {{- include "consentid.mounts" . | nindent 2 }}
{{- end -}}

{{/* What one pod of ours has, whatever runs in it. */}}
{{- define "consentid.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "consentid.podSecurity" .root | nindent 2 }}
{{- include "consentid.pullSecrets" .root }}
volumes:
  {{- include "consentid.volumes" . | nindent 2 }}
{{- end -}}

{{/* Where a pod may run: apart from its like, where that is possible. */}}
{{- define "consentid.placing" -}}
{{- $own := index .root.Values .part -}}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "consentid.selectorLabels" $.root | nindent 8 }}
        app.kubernetes.io/component: {{ default $.part $.component }}
  {{- end }}
{{- range $name := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $own $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* New pods where a Secret of the chart's own has other content. */}}
{{- define "consentid.podAnnotations" -}}
{{- $values := .root.Values -}}
checksum/secrets: {{ list $values.database.urls $values.keyring.files $values.valkey.url $values.portal.clientSecret $values.mail.password $values.staff.clientSecret | toJson | sha256sum }}
{{- with (index $values .part).podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}
