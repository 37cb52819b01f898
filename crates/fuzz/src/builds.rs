//! Whole builds: kustomizations, charts, Flux's Kustomizations.

use std::{collections::BTreeMap, rc::Rc};

use flux_build::{Spec, Substitute};
use helm_template::{Chart, Limits, RenderOptions, TemplateOptions, Values, template_output};
use kustomize::{BuildLimits, BuildOptions, MemoryTree, build};

use crate::{host::Still, tree::files};

fn tree(data: &[u8]) -> MemoryTree {
    files(&String::from_utf8_lossy(data), "kustomization.yaml").into_iter().collect()
}

/// A build gives the same bytes each time.
pub(crate) fn kustomization(data: &[u8]) {
    let tree = tree(data);
    let options =
        BuildOptions { limits: BuildLimits { resources: 500, bases: 200 }, ..BuildOptions::default() };
    let built = || build(&tree, "", &options).map(|built| built.to_yaml());
    assert_eq!(built(), built());
}

fn render(chart: &Chart) {
    let render = RenderOptions {
        limits: gotemplate::Limits { steps: 200_000, ..gotemplate::Limits::default() },
        ..RenderOptions::default()
    };
    let options = TemplateOptions { render, ..TemplateOptions::default() };
    let _ = template_output(chart, &Values::new(), Rc::new(Still), &options);
}

/// A chart as files.
pub(crate) fn chart(data: &[u8]) {
    let files = files(&String::from_utf8_lossy(data), "Chart.yaml");
    let files = files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    if let Ok(chart) = Chart::from_directory(files, &Limits::default()) {
        render(&chart);
    }
}

/// A chart as an archive.
pub(crate) fn archive(data: &[u8]) {
    if let Ok(chart) = Chart::from_archive(data, &Limits::default()) {
        render(&chart);
    }
}

/// A source tree as kustomize-controller builds it.
pub(crate) fn flux(data: &[u8]) {
    let tree = tree(data);
    let vars = BTreeMap::from([("a".to_owned(), "value".to_owned())]);
    let substitute = Some(Substitute { vars, strict: false, always: true });
    let spec = Spec { target_namespace: "apps".to_owned(), substitute, ..Spec::default() };
    let _ = flux_build::build(&tree, &spec);
}
