{{/* One version, without its weight. */}}
{{- define "dohyo-example.version" -}}
name: {{ .name }}
bento: {{ .bento | quote }}
image: {{ .image | quote }}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end -}}
