{{/* Everything that the chart refuses, each with the value and the way out. */}}
{{- define "dohyo-example.validate" -}}
{{- /* Only a live API server lists kinds, so `helm template` without one passes. */ -}}
{{- if and (.Capabilities.APIVersions.Has "apps/v1/Deployment") (not (.Capabilities.APIVersions.Has "dohyo.dev/v1alpha1/ModelDeployment")) -}}
{{- fail "\n\nThe cluster does not know the kind ModelDeployment yet. Install it and the operator first:\n\n  helm install dohyo-crds charts/dohyo-crds\n  helm install dohyo charts/dohyo --namespace dohyo-system --create-namespace\n" -}}
{{- end -}}
{{- if and .Values.challenger.enabled (eq .Values.challenger.name .Values.champion.name) -}}
{{- fail (printf "challenger.name: %s is the champion's name; give the challenger another one" .Values.challenger.name) -}}
{{- end -}}
{{- if gt (int .Values.scaling.minReplicas) (int .Values.scaling.maxReplicas) -}}
{{- fail (printf "scaling: minReplicas %v is above maxReplicas %v" .Values.scaling.minReplicas .Values.scaling.maxReplicas) -}}
{{- end -}}
{{- end -}}
