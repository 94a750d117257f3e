{{/* Peers of a NetworkPolicy: the pods of the namespaces that may read metrics. */}}
{{- define "dohyo.monitoringPeers" -}}
{{- range .Values.networkPolicy.monitoringNamespaces }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end }}
{{- end -}}
