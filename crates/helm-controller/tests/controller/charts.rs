//! Charts that the tests release.

use testkit::ChartFiles;

/// A chart of these files; templates need their folder.
pub(crate) fn chart(version: &str, files: &[(&str, &str)]) -> ChartFiles {
    let mut all = ChartFiles::new();
    let about = format!("apiVersion: v2\nname: app\nversion: {version}\nappVersion: \"1.0\"\n");
    all.insert("Chart.yaml".into(), about);
    for (path, text) in files {
        all.insert((*path).into(), (*text).into());
    }
    all
}

/// A ConfigMap with the value `v`.
pub(crate) const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-cfg\n\
    data:\n  v: {{ .Values.v | quote }}\n  rev: {{ .Release.Revision | quote }}\n";

/// A Deployment that can never be ready with the value `never`.
pub(crate) const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n\
    spec:\n  replicas: 1\n  selector:\n    matchLabels: {app: {{ .Release.Name }}}\n  template:\n    metadata:\n      \
    labels: {app: {{ .Release.Name }}}\n    spec:\n{{- if .Values.never }}\n      nodeSelector: {none: such}\n\
    {{- end }}\n      containers:\n      - name: c\n        image: example.com/app:1.0\n";

/// The chart most tests use.
pub(crate) fn app(version: &str) -> ChartFiles {
    let values = "v: base\nnever: false\n";
    chart(
        version,
        &[("values.yaml", values), ("templates/cm.yaml", CONFIG), ("templates/dep.yaml", DEPLOYMENT)],
    )
}

/// A chart with a ConfigMap alone.
pub(crate) fn small(version: &str) -> ChartFiles {
    chart(version, &[("values.yaml", "v: base\n"), ("templates/cm.yaml", CONFIG)])
}
