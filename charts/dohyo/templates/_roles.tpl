{{/*
One identity's rights: cluster-wide when all namespaces are watched, else Roles in the named ones.
Takes (list . component name serviceAccount watchedRules ownRules).
*/}}
{{- define "dohyo.roles" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $name := index . 2 -}}
{{- $account := index . 3 -}}
{{- $watched := include (index . 4) $root -}}
{{- $own := include (index . 5) $root -}}
{{- $watchedName := printf "%s-watched" $name -}}
{{- if $root.Values.watchNamespaces }}
{{- range $root.Values.watchNamespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "dohyo.metadataIn" (list $root $component $watchedName .) | nindent 2 }}
rules:
  {{- $watched | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "dohyo.metadataIn" (list $root $component $watchedName .) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $watchedName }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
{{- else }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "dohyo.metadataIn" (list $root $component $watchedName "") | nindent 2 }}
rules:
  {{- $watched | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "dohyo.metadataIn" (list $root $component $watchedName "") | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $watchedName }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "dohyo.metadata" (list $root $component $name) | nindent 2 }}
rules:
  {{- $own | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "dohyo.metadata" (list $root $component $name) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end -}}

{{/* The operator's rights where it watches. */}}
{{- define "dohyo.operatorRights" -}}
{{- include "dohyo.rights.operator.watched" . }}
{{- if .Values.batch.enabled }}
{{- include "dohyo.rights.operator.batch" . }}
{{- end }}
{{- end -}}
