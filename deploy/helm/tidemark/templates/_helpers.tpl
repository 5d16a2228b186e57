{{- define "tidemark.labels" -}}
app.kubernetes.io/name: tidemark
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tidemark.selector" -}}
app.kubernetes.io/name: tidemark
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Pod parts that worker and API share; call with the root context. */}}
{{- define "tidemark.podSecurity" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "tidemark.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "tidemark.image" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "tidemark.env" -}}
- { name: TIDEMARK_KAFKA_BOOTSTRAP, value: {{ required "kafka.bootstrap is required" .Values.kafka.bootstrap | quote }} }
- { name: TIDEMARK_KAFKA_PARTITIONS, value: {{ .Values.kafka.partitions | quote }} }
- { name: TIDEMARK_KAFKA_REPLICATION, value: {{ .Values.kafka.replication | quote }} }
- { name: TIDEMARK_KAFKA_SECURITY_PROTOCOL, value: {{ .Values.kafka.securityProtocol | quote }} }
{{- if hasPrefix "SASL" .Values.kafka.securityProtocol }}
- { name: TIDEMARK_KAFKA_SASL_MECHANISM, value: {{ .Values.kafka.saslMechanism | quote }} }
- name: TIDEMARK_KAFKA_SASL_USERNAME
  valueFrom: { secretKeyRef: { name: {{ required "kafka.credentialsSecretName is required" .Values.kafka.credentialsSecretName }}, key: username } }
- name: TIDEMARK_KAFKA_SASL_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .Values.kafka.credentialsSecretName }}, key: password } }
{{- end }}
- name: TIDEMARK_EVENT_STORE
  valueFrom: { secretKeyRef: { name: {{ required "eventStore.secretName is required" .Values.eventStore.secretName }}, key: url } }
- { name: TIDEMARK_SNAPSHOT_DIR, value: /snapshots }
{{- end }}

{{- define "tidemark.mounts" -}}
- { name: data, mountPath: /data }
- { name: snapshots, mountPath: /snapshots }
- { name: tmp, mountPath: /tmp }
{{- end }}

{{/* Kubernetes hands a secret to a group; Tidemark refuses a signing key that anybody but its owner can read. */}}
{{- define "tidemark.keys" -}}
- name: keys
  {{- include "tidemark.image" . | nindent 2 }}
  command: [sh, -c, "install -d -m 700 /data/keys && install -m 600 /secret/signing.pem /secret/signing.pub.pem /data/keys/"]
  {{- include "tidemark.containerSecurity" . | nindent 2 }}
  volumeMounts:
    - { name: data, mountPath: /data }
    - { name: keys, mountPath: /secret, readOnly: true }
{{- end }}

{{- define "tidemark.volumes" -}}
- { name: data, emptyDir: {} }
- { name: tmp, emptyDir: {} }
- name: keys
  secret: { secretName: {{ required "keys.secretName is required" .Values.keys.secretName }} }
- name: snapshots
  persistentVolumeClaim: { claimName: {{ required "snapshots.existingClaim is required" .Values.snapshots.existingClaim }} }
{{- end }}
