{{/* Everything that the chart refuses, each with the value and the way out. */}}
{{- define "dohyo.validate" -}}
{{- /* Only a live API server lists kinds, so `helm template` without one passes. */ -}}
{{- if and .Values.requireCrds (.Capabilities.APIVersions.Has "apps/v1/Deployment") (not (.Capabilities.APIVersions.Has "dohyo.dev/v1alpha1/ModelDeployment")) -}}
{{- fail "\n\nThe cluster does not know the kind ModelDeployment yet. Install it first:\n\n  helm install dohyo-crds charts/dohyo-crds --namespace dohyo-system --create-namespace\n\nA tool that installs both charts at once sets requireCrds: false.\n" -}}
{{- end -}}
{{- if and .Values.requireCrds .Values.batch.enabled (.Capabilities.APIVersions.Has "apps/v1/Deployment") (not (.Capabilities.APIVersions.Has "dohyo.dev/v1alpha1/BatchPrediction")) -}}
{{- fail "\n\nThe cluster does not know the kind BatchPrediction yet. Upgrade its definitions first:\n\n  helm upgrade dohyo-crds charts/dohyo-crds --namespace dohyo-system\n\nWithout batch predictions, set batch.enabled: false; a tool that installs both charts at once sets requireCrds: false.\n" -}}
{{- end -}}
{{- $service := .Values.gateway.service -}}
{{- if and (eq $service.type "ClusterIP") $service.nodePort -}}
{{- fail (printf "gateway.service.nodePort: %v has no meaning for type ClusterIP; set gateway.service.type to NodePort or LoadBalancer, or nodePort to 0" $service.nodePort) -}}
{{- end -}}
{{- if and (eq $service.type "ClusterIP") $service.externalTrafficPolicy -}}
{{- fail (printf "gateway.service.externalTrafficPolicy: %s has no meaning for type ClusterIP; set gateway.service.type to NodePort or LoadBalancer, or leave the policy empty" $service.externalTrafficPolicy) -}}
{{- end -}}
{{- if and (ne $service.type "LoadBalancer") (or $service.loadBalancerClass $service.loadBalancerSourceRanges) -}}
{{- fail (printf "gateway.service: loadBalancerClass and loadBalancerSourceRanges need type LoadBalancer, not %s" $service.type) -}}
{{- end -}}
{{- $evidence := .Values.evidence -}}
{{- if and (gt (int $evidence.replicas) 1) (not $evidence.databaseSecret.name) -}}
{{- fail (printf "evidence.replicas: %v pods cannot share one SQLite file; name a PostgreSQL in evidence.databaseSecret.name, or set replicas to 1" $evidence.replicas) -}}
{{- end -}}
{{- range $component := list "operator" "gateway" "evidence" -}}
{{- $section := index $.Values $component -}}
{{- if and (not $section.serviceAccount.create) (not $section.serviceAccount.name) -}}
{{- fail (printf "%s.serviceAccount.name is empty while create is false; name the account that the chart shall use, or let it make one" $component) -}}
{{- end -}}
{{- include "dohyo.refuseReserved" (list $section.podLabels (printf "%s.podLabels" $component)) -}}
{{- end -}}
{{- include "dohyo.refuseReserved" (list .Values.commonLabels "commonLabels") -}}
{{- include "dohyo.refuseOwnVariables" (list .Values.operator.extraEnv "operator.extraEnv") -}}
{{- include "dohyo.refuseOwnVariables" (list .Values.gateway.agent.extraEnv "gateway.agent.extraEnv") -}}
{{- include "dohyo.refuseOwnVariables" (list .Values.evidence.extraEnv "evidence.extraEnv") -}}
{{- $scaling := .Values.gateway.autoscaling -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- fail (printf "gateway.autoscaling: minReplicas %v is above maxReplicas %v" $scaling.minReplicas $scaling.maxReplicas) -}}
{{- end -}}
{{- $windows := .Values.operator.scalingWindows -}}
{{- if ge (int $windows.panicSeconds) (int $windows.stableSeconds) -}}
{{- fail (printf "operator.scalingWindows: panicSeconds %v must be shorter than stableSeconds %v" $windows.panicSeconds $windows.stableSeconds) -}}
{{- end -}}
{{- end -}}

{{/* Takes (list labels path). Selectors and Helm depend on these labels. */}}
{{- define "dohyo.refuseReserved" -}}
{{- $path := index . 1 -}}
{{- range $label := keys (index . 0) | sortAlpha -}}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (eq $label "helm.sh/chart") -}}
{{- fail (printf "%s: %s is a label of the chart itself; choose another name" $path $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes (list variables path). */}}
{{- define "dohyo.refuseOwnVariables" -}}
{{- $path := index . 1 -}}
{{- range index . 0 -}}
{{- if hasPrefix "DOHYO_" .name -}}
{{- fail (printf "%s: %s is set by the chart; use the option for it (see README.md)" $path .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
