{{- define "c.name" -}}{{ .Chart.Name }}-{{ .Release.Name }}{{- end -}}
{{ define "c.two" }}{{ template "c.name" . }}!{{ end }}