{{/* Generated from charts/schema/rights.py; edit there and run `make generate`. */}}
{{- define "dohyo.rights.operator.watched" }}
# get: reads one again whose status somebody else has changed
# list: learns all of them at the start, and checks that the watch is alive
# watch: learns of every change
# patch: removes the annotation of a manual action that it has taken
- apiGroups: ["dohyo.dev"]
  resources: ["modeldeployments"]
  verbs: [get, list, watch, patch]
# patch: writes conditions, versions and the routing table
- apiGroups: ["dohyo.dev"]
  resources: ["modeldeployments/status"]
  verbs: [patch]
# get: reads a version's Deployment again after a conflict, and sees whose it is
# list: learns of a version's Deployment at the start, and finds what the plan no longer names
# watch: sees at once when somebody edits or deletes a version's Deployment
# create: server-side apply of a version's Deployment that does not exist yet
# patch: server-side apply of a version's Deployment that exists
# delete: removes a version's Deployment that the plan no longer names
- apiGroups: ["apps"]
  resources: ["deployments"]
  verbs: [get, list, watch, create, patch, delete]
# get: reads a version's Service or the entry Service again after a conflict, and sees whose it is
# list: learns of a version's Service or the entry Service at the start, and finds what the plan no
#   longer names
# watch: sees at once when somebody edits or deletes a version's Service or the entry Service
# create: server-side apply of a version's Service or the entry Service that does not exist yet
# patch: server-side apply of a version's Service or the entry Service that exists
# delete: removes a version's Service or the entry Service that the plan no longer names
- apiGroups: [""]
  resources: ["services"]
  verbs: [get, list, watch, create, patch, delete]
# get: reads a version's PodDisruptionBudget again after a conflict, and sees whose it is
# list: learns of a version's PodDisruptionBudget at the start, and finds what the plan no longer
#   names
# watch: sees at once when somebody edits or deletes a version's PodDisruptionBudget
# create: server-side apply of a version's PodDisruptionBudget that does not exist yet
# patch: server-side apply of a version's PodDisruptionBudget that exists
# delete: removes a version's PodDisruptionBudget that the plan no longer names
- apiGroups: ["policy"]
  resources: ["poddisruptionbudgets"]
  verbs: [get, list, watch, create, patch, delete]
# get: reads a version's autoscaler again after a conflict, and sees whose it is
# list: learns of a version's autoscaler at the start, and finds what the plan no longer names
# watch: sees at once when somebody edits or deletes a version's autoscaler
# create: server-side apply of a version's autoscaler that does not exist yet
# patch: server-side apply of a version's autoscaler that exists
# delete: removes a version's autoscaler that the plan no longer names
- apiGroups: ["autoscaling"]
  resources: ["horizontalpodautoscalers"]
  verbs: [get, list, watch, create, patch, delete]
# list: says in words why a version is not ready
# watch: says so within a second
- apiGroups: [""]
  resources: ["pods"]
  verbs: [list, watch]
# get: sees whether the namespace's keys are there, and whose the Secret is
# create: server-side apply of the namespace's keys where there are none; it names the object, so
#   that this right is limited by name, too
# patch: server-side apply of keys after a rotation, or of another owner
# delete: is never sent; clusters that guard owner references ask for it of whoever changes which
#   ModelDeployments own the Secret
- apiGroups: [""]
  resources: ["secrets"]
  resourceNames: ['dohyo-keys']
  verbs: [get, create, patch, delete]
# create: tells about every step where `kubectl describe` shows it
# patch: counts a repeated event instead of writing it again
- apiGroups: [""]
  resources: ["events"]
  verbs: [create, patch]
{{- end }}
{{- define "dohyo.rights.operator.batch" }}
# get: reads one again whose status somebody else has changed
# list: learns all of them at the start, and checks that the watch is alive
# watch: learns of every change
- apiGroups: ["dohyo.dev"]
  resources: ["batchpredictions"]
  verbs: [get, list, watch]
# patch: writes conditions, progress and the last runs
- apiGroups: ["dohyo.dev"]
  resources: ["batchpredictions/status"]
  verbs: [patch]
# get: reads a run's Job again after a conflict, and sees whose it is
# list: learns of a run's Job at the start, and finds what the plan no longer names
# watch: sees at once when somebody edits or deletes a run's Job
# create: server-side apply of a run's Job that does not exist yet
# patch: suspends, resumes or ends a Job that goes on, and creates it by apply
# delete: removes a run's Job that the plan no longer names
- apiGroups: ["batch"]
  resources: ["jobs"]
  verbs: [get, list, watch, create, patch, delete]
# get: reads a schedule's CronJob again after a conflict, and sees whose it is
# list: learns of a schedule's CronJob at the start, and finds what the plan no longer names
# watch: sees at once when somebody edits or deletes a schedule's CronJob
# create: server-side apply of a schedule's CronJob that does not exist yet
# patch: server-side apply of a schedule's CronJob that exists
# delete: removes a schedule's CronJob that the plan no longer names
- apiGroups: ["batch"]
  resources: ["cronjobs"]
  verbs: [get, list, watch, create, patch, delete]
# get: reads the order for a run again after a conflict, and sees whose it is
# list: learns of the order for a run at the start, and finds what the plan no longer names
# watch: sees at once when somebody edits or deletes the order for a run
# create: server-side apply of the order for a run that does not exist yet
# patch: server-side apply of the order for a run that exists
# delete: removes the order for a run that the plan no longer names
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: [get, list, watch, create, patch, delete]
# get: reads the account of a run's pods, which no Role names again after a conflict, and sees whose
#   it is
# list: learns of the account of a run's pods, which no Role names at the start, and finds what the
#   plan no longer names
# watch: sees at once when somebody edits or deletes the account of a run's pods, which no Role
#   names
# create: server-side apply of the account of a run's pods, which no Role names that does not exist
#   yet
# patch: server-side apply of the account of a run's pods, which no Role names that exists
# delete: removes the account of a run's pods, which no Role names that the plan no longer names
- apiGroups: [""]
  resources: ["serviceaccounts"]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
{{- define "dohyo.rights.operator.own" }}
# create: the first operator makes the Lease by which one of them leads
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  verbs: [create]
# get: sees who leads
# update: takes, renews and gives up the lead
- apiGroups: ["coordination.k8s.io"]
  resources: ["leases"]
  resourceNames: ['{{ include "dohyo.operator" . }}']
  verbs: [get, update]
# list: finds the gateway pods, to ask each what it has applied and counted
- apiGroups: ["discovery.k8s.io"]
  resources: ["endpointslices"]
  verbs: [list]
{{- end }}
{{- define "dohyo.rights.agent.watched" }}
# list: learns every routing table before Envoy starts
# watch: learns of every change of a routing table
- apiGroups: ["dohyo.dev"]
  resources: ["modeldeployments"]
  verbs: [list, watch]
# list: learns the endpoints of every version before Envoy starts
# watch: learns when a version's pod comes or goes
- apiGroups: ["discovery.k8s.io"]
  resources: ["endpointslices"]
  verbs: [list, watch]
{{- end }}
{{- define "dohyo.rights.agent.own" }}
# list: finds its own pod among the gateway's endpoints
# watch: sees that its own pod is leaving, and lets Envoy drain
- apiGroups: ["discovery.k8s.io"]
  resources: ["endpointslices"]
  verbs: [list, watch]
{{- end }}
