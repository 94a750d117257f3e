{{/* What the pods of operator and gateway have in common. */}}

{{/* Takes (list . image). */}}
{{- define "dohyo.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $registry := default $root.Values.imageRegistry $image.registry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
:{{ default $root.Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{/* Takes (list . section component). Labels and annotations of the pods. */}}
{{- define "dohyo.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $section := index . 1 -}}
{{- $component := index . 2 -}}
labels:
  {{- include "dohyo.selectorLabels" (list $root $component) | nindent 2 }}
  {{- with merge (dict) $section.podLabels $root.Values.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $own := dict "kubectl.kubernetes.io/default-container" (ternary "envoy" $component (eq $component "gateway")) }}
annotations:
  {{- toYaml (merge (dict) $section.podAnnotations $root.Values.commonAnnotations $own) | nindent 2 }}
{{- end -}}

{{/* Takes (list . section component). Where the pods go. */}}
{{- define "dohyo.scheduling" -}}
{{- $root := index . 0 -}}
{{- $section := index . 1 -}}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $section.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $section.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $section.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $section.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- with $section.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
{{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "dohyo.selectorLabels" (list $root (index . 2)) | nindent 8 }}
    # The pods of an old revision are about to leave and do not count.
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}

{{/* The pod level of the restricted pod security standard. */}}
{{- define "dohyo.podSecurity" -}}
runAsNonRoot: true
{{- if .Values.fixedUser }}
runAsUser: 65532
runAsGroup: 65532
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The container level of the restricted pod security standard. */}}
{{- define "dohyo.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The API token as a volume, so that it reaches only the container that mounts it. */}}
{{- define "dohyo.apiTokenVolume" -}}
name: api-token
projected:
  defaultMode: 0444
  sources:
    - serviceAccountToken:
        path: token
        expirationSeconds: 3607
    - configMap:
        name: kube-root-ca.crt
        items:
          - key: ca.crt
            path: ca.crt
    - downwardAPI:
        items:
          - path: namespace
            fieldRef:
              fieldPath: metadata.namespace
{{- end -}}

{{- define "dohyo.apiTokenMount" -}}
name: api-token
mountPath: /var/run/secrets/kubernetes.io/serviceaccount
readOnly: true
{{- end -}}

{{/* Environment that operator and agent read alike. */}}
{{- define "dohyo.environment" -}}
- name: DOHYO_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: DOHYO_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: DOHYO_WATCH_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
- name: DOHYO_GATEWAY_SERVICE
  value: {{ include "dohyo.gateway" . }}
- name: DOHYO_CLUSTER_DOMAIN
  value: {{ .Values.clusterDomain }}
- name: DOHYO_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end -}}
