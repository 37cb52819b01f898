{{/* What the controllers differ in. Places of arguments are Flux's: new ones go to the end. */}}
{{- define "sluice.controllers" -}}
sourceController:
  name: source-controller
  grace: 30
  data: true
  sharded: true
  events: true
  ports: { http: 9090, http-prom: 8080, healthz: 9440 }
kustomizeController:
  name: kustomize-controller
  grace: 60
  data: false
  sharded: true
  events: true
  ports: { http-prom: 8080, healthz: 9440 }
helmController:
  name: helm-controller
  grace: 60
  data: false
  sharded: true
  events: true
  ports: { http-prom: 8080, healthz: 9440 }
imageAutomationController:
  name: image-automation-controller
  grace: 30
  data: true
  sharded: false
  events: true
  ports: { http-prom: 8080, healthz: 9440 }
notificationController:
  name: notification-controller
  grace: 30
  data: true
  sharded: false
  events: false
  ports: { http: 9090, http-prom: 8080, http-webhook: 9292, healthz: 9440 }
{{- end }}

{{/* Names of the controllers of this release, for loops: a list of keys of values. */}}
{{- define "sluice.enabled" -}}
{{- $root := . -}}
{{- $keys := list -}}
{{- range $key, $facts := include "sluice.controllers" . | fromYaml -}}
{{- if and (index $root.Values $key "create") (or (not $root.Values.sharding.shard) $facts.sharded) -}}
{{- $keys = append $keys $key -}}
{{- end -}}
{{- end -}}
{{- toJson $keys -}}
{{- end }}

{{/* A shard has values of its own, and the rights of the main release: both must be of one profile. */}}
{{- define "sluice.checkProfile" -}}
{{- if and (eq .Values.tenancy.profile "plain") (or .Values.sharding.shard (and .Release.IsUpgrade (not .Values.tenancy.allowUnlock))) -}}
{{- if lookup "rbac.authorization.k8s.io/v1" "ClusterRoleBinding" "" "sluice-impersonator" -}}
{{- if .Values.sharding.shard -}}
{{- fail "the main release is locked down: set tenancy.profile=locked-down and its tenancy.defaultServiceAccount for the shard too" -}}
{{- end -}}
{{- fail "this release is locked down, and these values would bind the appliers to cluster-admin again: upgrade with --reset-then-reuse-values or with all your values, or say tenancy.allowUnlock=true" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "sluice.labels" -}}
app.kubernetes.io/instance: {{ .Release.Namespace }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: flux
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* A name, with the shard behind it. */}}
{{- define "sluice.name" -}}
{{- $shard := .root.Values.sharding.shard -}}
{{- if $shard }}{{ printf "%s-%s" .name $shard | trunc 63 | trimSuffix "-" }}{{ else }}{{ .name }}{{ end -}}
{{- end }}

{{/* The image: a digest counts over a tag. */}}
{{- define "sluice.image" -}}
{{- $own := .values.image -}}
{{- $repository := $own.repository | default (printf "%s/%s" .root.Values.image.registry .name) -}}
{{- if $own.digest -}}
{{ $repository }}@{{ $own.digest }}
{{- else -}}
{{ $repository }}:{{ $own.tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Which objects the release takes care of; empty: all. */}}
{{- define "sluice.selector" -}}
{{- $sharding := .root.Values.sharding -}}
{{- if not .facts.sharded -}}
{{- else if $sharding.shard -}}
{{ printf "%s=%s" $sharding.key $sharding.shard }}
{{- else if $sharding.enabled -}}
{{ printf "!%s" $sharding.key }}
{{- end -}}
{{- end }}

{{/* The Lease, as the controllers name it: a selector is a part of it. */}}
{{- define "sluice.lease" -}}
{{- $selector := include "sluice.selector" . -}}
{{ .facts.name }}-leader-election
{{- with $selector }}-{{ sha256sum . | trunc 8 }}{{ end -}}
{{- end }}

{{- define "sluice.args" -}}
{{- $values := .root.Values -}}
{{- $domain := $values.clusterDomain -}}
{{- if and .facts.events (or $values.notificationController.create $values.sharding.shard) }}
- --events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.{{ $domain }}./
{{- end }}
- --watch-all-namespaces={{ $values.watchAllNamespaces }}
- --log-level={{ $values.logLevel }}
- --log-encoding=json
- --enable-leader-election=true
{{- if eq .key "sourceController" }}
- --storage-path=/data
- --storage-adv-addr={{ include "sluice.name" . }}.$(RUNTIME_NAMESPACE).svc.{{ $domain }}.
{{- else if eq .key "imageAutomationController" }}
- --storage-path=/data
{{- else if eq .key "notificationController" }}
- --event-spool-path=/data
{{- else if and (eq .key "kustomizeController") .values.pruneGuard }}
- --prune-guard={{ .values.pruneGuard }}
{{- end }}
{{- if and (eq $values.tenancy.profile "locked-down") (ne .key "sourceController") }}
- --no-cross-namespace-refs=true
{{- if or (eq .key "kustomizeController") (eq .key "helmController") }}
- --default-service-account={{ $values.tenancy.defaultServiceAccount }}
{{- end }}
{{- if eq .key "kustomizeController" }}
- --no-remote-bases=true
{{- end }}
{{- end }}
{{- with include "sluice.selector" . }}
- {{ printf "--watch-label-selector=%s" . | quote }}
{{- end }}
{{- range .values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
