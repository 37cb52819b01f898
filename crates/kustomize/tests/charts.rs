//! `helmCharts`: what our own renderer makes of them equals what `kustomize build --enable-helm` prints with the real
//! Helm.
//!
//! The tools are looked for in the cache folder; without them, the test says so and compares nothing, unless
//! `CONFORMANCE_REQUIRE_TOOLS` is set.
#![expect(
    clippy::disallowed_types,
    reason = "the engine is pure; this test runs the tools it is compared with"
)]

use std::{path::Path, process::Command, rc::Rc};

use conformance::random::{Tool, not_run, write_files};
use helm_template::{Capabilities, Chart, Limits, TemplateOptions, Values, template_output};
use kustomize::{BuildOptions, ChartRenderer, ChartRequest, MemoryTree, build};

struct Still;

impl helm_template::SprigHost for Still {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), gotemplate::FuncError> {
        buffer.fill(7);
        Ok(())
    }
}

impl helm_template::Host for Still {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
        Ok(serde_json::json!({}))
    }
}

/// Our renderer, as a caller of both crates joins them.
struct Own;

impl ChartRenderer for Own {
    fn render(&self, request: &ChartRequest) -> Result<String, String> {
        let said = |error: &dyn std::error::Error| error.to_string();
        let chart = Chart::from_directory(request.files.clone(), &Limits::default()).map_err(|e| said(&e))?;
        let mut values = Values::new();
        for text in &request.values {
            values.merge(&Values::parse(text).map_err(|e| said(&e))?);
        }
        let mut capabilities = Capabilities::default();
        capabilities.api_versions.extend(request.api_versions.iter().cloned());
        let options = TemplateOptions {
            name: request.release_name.clone().unwrap_or_else(|| "release-name".to_owned()),
            namespace: if request.namespace.is_empty() {
                "default".to_owned()
            } else {
                request.namespace.clone()
            },
            include_crds: request.include_crds,
            no_hooks: request.skip_hooks,
            skip_tests: request.skip_tests,
            capabilities,
            ..TemplateOptions::default()
        };
        template_output(&chart, &values, Rc::new(Still), &options).map_err(|e| said(&e))
    }
}

const CHART: [(&str, &str); 6] = [
    ("charts/c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
    ("charts/c/values.yaml", "a: own\nlist: [1, 2]\ndeep: {x: own, y: own}\n"),
    (
        "charts/c/crds/crd.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n",
    ),
    (
        "charts/c/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-map\n  namespace: {{ .Release.Namespace }}\n\
         data:\n  a: {{ .Values.a | quote }}\n  list: {{ .Values.list | toJson | quote }}\n\
         \x20 deep: {{ .Values.deep | toJson | quote }}\n  apis: {{ .Capabilities.APIVersions.Has \"x.y/v1\" | quote }}\n",
    ),
    (
        "charts/c/templates/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\nspec: {containers: [{name: a, image: nginx}]}\n",
    ),
    ("more.yaml", "a: more\ndeep: {y: more}\n"),
];

/// Kustomizations over the chart.
const CASES: [&str; 12] = [
    "helmCharts: [{name: c, releaseName: r}]\n",
    "namespace: ns\nhelmCharts: [{name: c, releaseName: r}]\n",
    "namespace: ns\nhelmCharts: [{name: c, releaseName: r, namespace: other}]\n",
    "helmCharts: [{name: c, releaseName: r, includeCRDs: true, skipTests: true}]\n",
    "helmCharts: [{name: c, releaseName: r, skipHooks: true, apiVersions: [x.y/v1]}]\n",
    "helmCharts: [{name: c, releaseName: r, valuesInline: {a: in, list: [3], deep: {x: null}}}]\n",
    "helmCharts: [{name: c, releaseName: r, valuesMerge: merge, valuesInline: {a: in, n: 5, deep: {z: in}}}]\n",
    "helmCharts: [{name: c, releaseName: r, valuesMerge: replace, valuesInline: {a: in}}]\n",
    "helmCharts: [{name: c, releaseName: r, valuesFile: more.yaml}]\n",
    "helmCharts: [{name: c, releaseName: r, additionalValuesFiles: [more.yaml]}]\nnamePrefix: p-\n\
     labels: [{pairs: {l: x}}]\nbuildMetadata: [originAnnotations]\n",
    "generators:\n- |-\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {name: g}\n  name: c\n\
     \x20 releaseName: r\n  valuesInline: {a: in}\n",
    "helmGlobals: {chartHome: nowhere}\nhelmCharts: [{name: c, releaseName: r}]\n",
];

fn reference(kustomize: &Path, helm: &Path, files: &[(&str, &str)]) -> Result<String, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    write_files(dir.path(), files).map_err(|error| error.to_string())?;
    let mut command = Command::new(kustomize);
    command.args(["build", "--enable-helm", "--helm-command"]).arg(helm).arg(dir.path());
    let output = command.output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn charts_are_rendered_as_the_real_tools_render_them() {
    let (Some(kustomize), Some(helm)) = (Tool::KUSTOMIZE.cached(), Tool::HELM.cached()) else {
        return not_run("kustomize or helm is not there");
    };
    for case in CASES {
        let mut files = CHART.to_vec();
        files.push(("kustomization.yaml", case));
        let theirs = reference(&kustomize, &helm, &files);
        let tree: MemoryTree = files.iter().map(|(path, text)| (*path, *text)).collect();
        let options = BuildOptions { charts: Some(&Own), ..BuildOptions::default() };
        let ours = build(&tree, "", &options).map(|built| built.to_yaml()).map_err(|error| error.to_string());
        match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => assert_eq!(ours, theirs, "{case}"),
            (Err(theirs), Err(ours)) => {
                let cause = "no chart found at";
                assert!(theirs.contains(cause) && ours.contains(cause), "{case}: {theirs} but {ours}");
            }
            (theirs, ours) => panic!("{case}: {theirs:?} but {ours:?}"),
        }
    }
}

#[test]
fn without_a_renderer_charts_are_refused() {
    let mut files = CHART.to_vec();
    files.push(("kustomization.yaml", CASES[0]));
    let tree: MemoryTree = files.iter().map(|(path, text)| (*path, *text)).collect();
    let error = build(&tree, "", &BuildOptions::default()).unwrap_err().to_string();
    assert!(error.contains("not inflated by this build"), "{error}");
}
