//! Our renderer, called as `helm template` is called.
use std::rc::Rc;

use helm_template::{
    Capabilities, Chart, HelmMajor, Host, KubeVersion, Limits, SprigHost, TemplateOptions, Values,
    template_output,
};

use crate::chart::Project;

/// A Helm that was not built for a release thinks of Kubernetes 1.20.
pub(crate) const KUBE: &str = "v1.37.0";

struct World;

impl SprigHost for World {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), gotemplate::FuncError> {
        buffer.fill(7);
        Ok(())
    }
}

impl Host for World {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
        Ok(serde_json::json!({}))
    }
}

pub(crate) fn template(project: &Project, helm: HelmMajor) -> Result<String, String> {
    let mut options = TemplateOptions { capabilities: Capabilities::of(helm), ..TemplateOptions::default() };
    if helm == HelmMajor::Three {
        options.capabilities.kube_version = KubeVersion::parse(KUBE).map_err(|error| error.to_string())?;
    }
    let values = values(project, helm)?;
    switches(project, &mut options)?;
    let files = project.files.iter().filter_map(|(path, text)| {
        path.strip_prefix("chart/").map(|path| (path.to_owned(), text.clone().into_bytes()))
    });
    let chart = Chart::from_directory_as(files.collect(), &Limits::default(), helm)
        .map_err(|error| error.to_string())?;
    template_output(&chart, &values, Rc::new(World), &options).map_err(|error| error.to_string())
}

/// Values files first, then what is set, kind by kind.
fn values(project: &Project, helm: HelmMajor) -> Result<Values, String> {
    let mut values = Values::new();
    let given = |wanted: &str| -> Vec<&String> {
        project.flags.windows(2).filter(|pair| pair[0] == wanted).map(|pair| &pair[1]).collect()
    };
    let file = |path: &str| project.files.iter().find(|(name, _)| name == path).map(|(_, text)| text.clone());
    for path in given("-f") {
        let text = file(path).unwrap_or_default();
        values.merge(
            &Values::parse_as(&text, helm).map_err(|error| format!("failed to parse {path}: {error}"))?,
        );
    }
    let read = |path: &str| file(path).ok_or_else(|| format!("open {path}: no such file or directory"));
    for (flag, what) in [
        ("--set-json", "--set-json data "),
        ("--set", "--set data: "),
        ("--set-string", "--set-string data: "),
        ("--set-file", "--set-file data: "),
        ("--set-literal", "--set-literal data: "),
    ] {
        for text in given(flag) {
            let done = match flag {
                "--set-json" if helm == HelmMajor::Three => values.set_json_pairs(text),
                "--set-json" => values.set_json(text),
                "--set" => values.set(text),
                "--set-string" => values.set_string(text),
                "--set-file" => values.set_file(text, &read),
                _ => values.set_literal(text),
            };
            done.map_err(|error| format!("failed parsing {what}{error}"))?;
        }
    }
    Ok(values)
}

fn switches(project: &Project, options: &mut TemplateOptions) -> Result<(), String> {
    for (at, flag) in project.flags.iter().enumerate() {
        let argument = project.flags.get(at + 1).cloned().unwrap_or_default();
        match flag.as_str() {
            "--namespace" => options.namespace = argument,
            "--is-upgrade" => options.is_upgrade = true,
            "--include-crds" => options.include_crds = true,
            "--no-hooks" => options.no_hooks = true,
            "--skip-tests" => options.skip_tests = true,
            "--skip-schema-validation" => options.render.skip_schema_validation = true,
            "--show-only" => options.show_only.push(argument),
            "--api-versions" => options.capabilities.api_versions.push(argument),
            "--kube-version" => {
                options.capabilities.kube_version =
                    KubeVersion::parse(&argument).map_err(|error| error.to_string())?;
            }
            _ => {}
        }
    }
    Ok(())
}
