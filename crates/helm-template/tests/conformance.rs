//! Renders every chart of the corpus and compares it with what `helm template` printed.

use std::{path::Path, process::ExitCode, rc::Rc};

use conformance::{Case, Expected, Gaps, Root, Suite};
use helm_template::{
    Capabilities, Chart, HelmMajor, Host, KubeVersion, Limits, SprigHost, TemplateOptions, Values,
    template_output,
};

fn main() -> ExitCode {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = vec![Root { path: here.join("tests/corpus"), own: true }];
    let gaps = Gaps::parse(include_str!("gaps.txt")).expect("every line of gaps.txt gives a reason");
    Suite { name: "helm-template", roots, gaps, run }.main()
}

struct World;

impl SprigHost for World {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), gotemplate::FuncError> {
        for (at, byte) in (0u8..=255).cycle().zip(buffer) {
            *byte = at;
        }
        Ok(())
    }
}

impl Host for World {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
        Ok(serde_json::json!({}))
    }
}

/// Errors must be Helm's to the letter: another text is given back as output, which no failure expects.
fn run(case: &Case) -> Result<String, String> {
    let result = template(case);
    match (&case.expected, result) {
        (Expected::Failure(theirs), Err(ours)) if theirs.trim() != ours.trim() => {
            Ok(format!("error: {ours}"))
        }
        (_, result) => result,
    }
}

fn template(case: &Case) -> Result<String, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let files = case.files().map_err(|error| text(&error))?;
    let named = |name: &str| {
        let file = files.iter().find(|(path, _)| path == name);
        file.map(|(_, data)| String::from_utf8_lossy(data).into_owned())
    };
    let chart = files
        .iter()
        .filter_map(|(path, data)| path.strip_prefix("chart/").map(|path| (path.to_owned(), data.clone())));
    let helm = if named("helm").is_some_and(|major| major.trim() == "3") {
        HelmMajor::Three
    } else {
        HelmMajor::Four
    };
    let mut values = Values::new();
    if let Some(file) = named("values.yaml") {
        values =
            Values::parse_as(&file, helm).map_err(|error| format!("failed to parse values.yaml: {error}"))?;
    }
    let mut options = TemplateOptions { capabilities: Capabilities::of(helm), ..TemplateOptions::default() };
    let flags = named("flags").unwrap_or_default();
    apply(&flags.lines().collect::<Vec<_>>(), &mut values, &mut options)?;
    let chart =
        Chart::from_directory_as(chart.collect(), &Limits::default(), helm).map_err(|error| text(&error))?;
    template_output(&chart, &values, Rc::new(World), &options).map_err(|error| text(&error))
}

/// Helm's flags, in the order in which Helm heeds them.
fn apply(flags: &[&str], values: &mut Values, options: &mut TemplateOptions) -> Result<(), String> {
    for (wanted, prefix) in
        [("--set-json", ""), ("--set", ":"), ("--set-string", ":"), ("--set-literal", ":")]
    {
        for pair in flags.windows(2).filter(|pair| pair[0] == wanted) {
            let done = match wanted {
                "--set-json" if options.capabilities.helm_version.major() == HelmMajor::Three => {
                    values.set_json_pairs(pair[1])
                }
                "--set-json" => values.set_json(pair[1]),
                "--set" => values.set(pair[1]),
                "--set-string" => values.set_string(pair[1]),
                _ => values.set_literal(pair[1]),
            };
            done.map_err(|error| format!("failed parsing {wanted} data{prefix} {error}"))?;
        }
    }
    let capabilities = &mut options.capabilities;
    for (at, flag) in flags.iter().enumerate() {
        let argument = || flags.get(at + 1).map(|text| (*text).to_owned()).unwrap_or_default();
        match *flag {
            "--namespace" => options.namespace = argument(),
            "--is-upgrade" => options.is_upgrade = true,
            "--include-crds" => options.include_crds = true,
            "--no-hooks" => options.no_hooks = true,
            "--skip-tests" => options.skip_tests = true,
            "--skip-schema-validation" => options.render.skip_schema_validation = true,
            "--show-only" | "-s" => options.show_only.push(argument()),
            "--api-versions" => capabilities.api_versions.push(argument()),
            "--kube-version" => {
                capabilities.kube_version =
                    KubeVersion::parse(&argument()).map_err(|error| error.to_string())?;
            }
            _ => {}
        }
    }
    Ok(())
}
