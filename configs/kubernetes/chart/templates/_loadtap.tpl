{{- define "loadtap.name" -}}
{{- if contains "loadtap" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-loadtap{{ end }}
{{- end }}

{{- define "loadtap.labels" -}}
app.kubernetes.io/name: loadtap
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "loadtap.selector" -}}
app.kubernetes.io/name: loadtap
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "loadtap.image" -}}
{{- with .Values.image }}{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}{{ end }}
{{- end }}

{{/* The values' bootstrap, with what is the chart's own. */}}
{{- define "loadtap.bootstrap" -}}
{{- $sidecar := eq .Values.mode "sidecar" }}
{{- $id := ternary "${POD_NAME}.${POD_NAMESPACE}" "${NODE_NAME}" $sidecar }}
{{- $node := merge (dict) (.Values.bootstrap.node | default dict) (dict "id" $id) }}
{{- $settings := merge (dict "@type" "type.googleapis.com/loadtap.v1.Settings") .Values.settings }}
{{- if and $sidecar (not (hasKey $settings "cgroup_path")) }}{{ $settings = merge (dict "pod_cgroup" true) $settings }}{{ end }}
{{- $admin := dict "address" (dict "socket_address" (dict "address" "0.0.0.0" "port_value" .Values.adminPort)) }}
{{- $extensions := list (dict "name" "loadtap" "typed_config" $settings) }}
{{- toYaml (merge (dict "node" $node "admin" $admin "bootstrap_extensions" $extensions) .Values.bootstrap) }}
{{- end }}

{{/* All of the container but what the two kinds differ in. */}}
{{- define "loadtap.container" -}}
name: loadtap
image: {{ include "loadtap.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: {{ concat (list "-c" "/etc/loadtap/bootstrap.yaml" "--config-expand-env") .Values.extraArgs | toJson }}
env:
{{- if eq .Values.mode "sidecar" }}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
{{- else }}
- {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
{{- end }}
- {name: REGION, valueFrom: {fieldRef: {fieldPath: "metadata.labels['topology.kubernetes.io/region']"}}}
- {name: ZONE, valueFrom: {fieldRef: {fieldPath: "metadata.labels['topology.kubernetes.io/zone']"}}}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
ports:
- {name: loadtap-admin, containerPort: {{ .Values.adminPort }}}
startupProbe: {httpGet: {path: /ready, port: loadtap-admin}, periodSeconds: 1, failureThreshold: 60}
livenessProbe: {httpGet: {path: /livez, port: loadtap-admin}, periodSeconds: 10, timeoutSeconds: 3}
resources: {{ toJson .Values.resources }}
securityContext:
  runAsUser: 0
  runAsGroup: 0
  privileged: false
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL], add: {{ toJson .Values.capabilities }}}
  seccompProfile: {type: RuntimeDefault}
volumeMounts:
- {name: loadtap-bootstrap, mountPath: /etc/loadtap, readOnly: true}
- {name: host-cgroup, mountPath: /host/sys/fs/cgroup, readOnly: true}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* For a pod's initContainers. */}}
{{- define "loadtap.sidecar" -}}
- restartPolicy: Always
  {{- include "loadtap.container" . | nindent 2 }}
{{- end }}

{{/* For a pod's volumes. */}}
{{- define "loadtap.volumes" -}}
- {name: loadtap-bootstrap, configMap: {name: {{ include "loadtap.name" . }}}}
- {name: host-cgroup, hostPath: {path: /sys/fs/cgroup, type: Directory}}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
