{{/* Names and labels. Nothing here may depend on a version: selectors are immutable. */}}

{{- define "dohyo.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "dohyo.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "dohyo.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dohyo.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dohyo.operator" -}}{{ include "dohyo.fullname" . }}-operator{{- end -}}
{{- define "dohyo.evidence" -}}{{ include "dohyo.fullname" . }}-evidence{{- end -}}
{{- define "dohyo.gateway" -}}{{ include "dohyo.fullname" . }}-gateway{{- end -}}

{{/* Takes (list . component). */}}
{{- define "dohyo.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "dohyo.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Takes (list . component). */}}
{{- define "dohyo.labels" -}}
{{- $root := index . 0 -}}
{{ include "dohyo.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: dohyo
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes (list . component name namespace); an empty namespace is for cluster-wide objects. */}}
{{- define "dohyo.metadataIn" -}}
{{- $root := index . 0 -}}
name: {{ index . 2 }}
{{- with index . 3 }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "dohyo.labels" (list $root (index . 1)) | nindent 2 }}
{{- with $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Takes (list . component name); metadata in the release's namespace. */}}
{{- define "dohyo.metadata" -}}
{{- include "dohyo.metadataIn" (append . (index . 0).Release.Namespace) -}}
{{- end -}}

{{- define "dohyo.operatorServiceAccount" -}}
{{- default (include "dohyo.operator" .) .Values.operator.serviceAccount.name -}}
{{- end -}}

{{- define "dohyo.gatewayServiceAccount" -}}
{{- default (include "dohyo.gateway" .) .Values.gateway.serviceAccount.name -}}
{{- end -}}

{{- define "dohyo.evidenceServiceAccount" -}}
{{- default (include "dohyo.evidence" .) .Values.evidence.serviceAccount.name -}}
{{- end -}}

{{/* Where operator and gateway find the evidence service, host and port; empty without one. */}}
{{- define "dohyo.evidenceAddress" -}}
{{- if .Values.evidence.enabled -}}
{{ include "dohyo.evidence" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:8082
{{- end -}}
{{- end -}}

{{/* The Secret with the master keys that prediction ids are signed by. */}}
{{- define "dohyo.masterKeys" -}}
{{- default (printf "%s-master-keys" (include "dohyo.fullname" .)) .Values.keys.secretName -}}
{{- end -}}
