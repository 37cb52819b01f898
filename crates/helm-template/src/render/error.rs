//! Errors of templates as Helm shows them.
use gotemplate::{ExecError, ParseError};

use crate::{capabilities::HelmMajor, schema::SchemaError, values::CoalesceError};

/// Why a chart cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Values and sub-charts do not fit.
    #[error(transparent)]
    Values(#[from] CoalesceError),
    /// The chart's schema refuses the values.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(#[from] SchemaError),
    /// The chart is not for this Kubernetes.
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {version}")]
    KubeVersion {
        /// The chart's constraint.
        wanted: String,
        /// The version of the cluster.
        version: String,
    },
    /// A template cannot be parsed.
    #[error("{0}")]
    Parse(String),
    /// A template failed, or exceeded a limit.
    #[error("{0}")]
    Execute(String),
}

const WARN_START: &str = "HELM_ERR_START";
const WARN_END: &str = "HELM_ERR_END";

/// Marks the text of `fail` and `required`, which is shown without the template's own words around it.
pub(super) fn warn(text: &str) -> String {
    format!("{WARN_START}{text}{WARN_END}")
}

/// `parse error at (file:line): …`
pub(super) fn parse_text(file: &str, error: &ParseError) -> String {
    let text = error.to_string();
    let parts: Vec<&str> = text.split(": ").collect();
    match parts.as_slice() {
        [_, location, .., last] => format!("parse error at ({location}): {last}"),
        _ => format!("parse error in ({file}): {text}"),
    }
}

/// `execution error at (file:line:column): …` for `fail` and `required`, else one block of lines for each template
/// on the way, and as Go says it in Helm 3.
pub(super) fn exec_text(file: &str, error: &ExecError, helm: HelmMajor) -> String {
    let text = error.text.as_str();
    let mut tokens = text.splitn(3, ": ");
    let (Some(_), Some(location), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return format!("execution error in ({file}): {text}");
    };
    if let Some(warning) = between(rest) {
        return format!("execution error at ({location}): {warning}");
    }
    match helm {
        HelmMajor::Three => text.to_owned(),
        HelmMajor::Four => trace(text).unwrap_or_else(|| text.to_owned()),
    }
}

fn between(text: &str) -> Option<&str> {
    let start = text.find(WARN_START)? + WARN_START.len();
    let end = text.rfind(WARN_END)?;
    text.get(start..end)
}

/// One step on the way to the failure.
#[derive(PartialEq, Eq)]
struct Step<'a> {
    location: &'a str,
    function: String,
    message: &'a str,
}

/// All steps; `None` when the innermost error is not a template's own, which Helm shows as it is.
fn trace(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut last = None;
    let mut current = Some(text);
    while let Some(text) = current {
        let step = step(text)?;
        current = cause(text);
        if last.as_ref() != Some(&step) {
            for (part, before) in [(step.location, "\n  "), (&step.function, "\n    "), (step.message, "\n")]
            {
                if !part.is_empty() {
                    out.push_str(part);
                    out.push_str(before);
                }
            }
            last = Some(step);
        }
    }
    Some(out.trim().to_owned())
}

fn step(text: &str) -> Option<Step<'_>> {
    let rest = text.strip_prefix("template: ")?;
    if rest.starts_with("no template ") {
        return Some(Step { location: "", function: String::new(), message: text });
    }
    if let Some(executing) = executing(rest) {
        return Some(executing);
    }
    let at = rest.rfind(": ")?;
    Some(Step { location: &rest[..at], function: String::new(), message: before_next(&rest[at + 2..]) })
}

/// `file:1:2: executing "name" at <piece>: message`
fn executing(rest: &str) -> Option<Step<'_>> {
    let (location, after) = rest.split_once(": executing ")?;
    let (function, after) = after.strip_prefix('"')?.split_once('"')?;
    let (piece, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
    Some(Step {
        location,
        function: format!("executing \"{function}\" at <{piece}>:"),
        message: before_next(message),
    })
}

fn before_next(message: &str) -> &str {
    message.find(" template:").map_or(message, |at| &message[..at])
}

/// The text of the error that a function returned, when one was called.
fn cause(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(": executing ")?;
    let (_, message) = after.split_once(">: ")?;
    let (_, inner) = message.strip_prefix("error calling ")?.split_once(": ")?;
    Some(inner)
}

#[cfg(test)]
mod tests {
    use gotemplate::ExecError;

    use super::{HelmMajor, exec_text, parse_text, warn};

    fn check(text: &str, expect: &str) {
        let error = ExecError { text: text.into(), name: "f".into(), place: None, limit: None };
        assert_eq!(exec_text("f", &error, HelmMajor::Four), expect);
    }

    #[test]
    fn helm_3_shows_a_chain_of_templates_as_go_does() {
        let text =
            "template: c/a.yaml:1:3: executing \"c/a.yaml\" at <.a.b>: nil pointer evaluating interface {}.b";
        let error = ExecError { text: text.into(), name: "f".into(), place: None, limit: None };
        assert_eq!(exec_text("f", &error, HelmMajor::Three), text);
    }

    #[test]
    fn warnings_stand_alone() {
        let text = format!(
            "template: c/templates/a.yaml:1:3: executing \"c/templates/a.yaml\" at <include \"x\" .>: error calling include: template: c/templates/_h.tpl:2:3: executing \"x\" at <fail \"no\">: error calling fail: {}",
            warn("no: way")
        );
        check(&text, "execution error at (c/templates/a.yaml:1:3): no: way");
    }

    #[test]
    fn a_chain_of_templates_is_shown_step_by_step() {
        check(
            "template: c/a.yaml:1:3: executing \"c/a.yaml\" at <include \"x\" .>: error calling include: template: c/_h.tpl:2:3: executing \"x\" at <.Values.a.b>: nil pointer evaluating interface {}.b",
            "c/a.yaml:1:3\n  executing \"c/a.yaml\" at <include \"x\" .>:\n    error calling include:\nc/_h.tpl:2:3\n  executing \"x\" at <.Values.a.b>:\n    nil pointer evaluating interface {}.b",
        );
    }

    #[test]
    fn what_a_function_says_itself_is_shown_as_it_is() {
        let text = "template: c/a.yaml:1:3: executing \"c/a.yaml\" at <index .Values 5>: error calling index: value has type int; should be string";
        check(text, text);
    }

    #[test]
    fn a_template_that_is_not_there_is_named() {
        check(
            "template: c/a.yaml:1:3: executing \"c/a.yaml\" at <include \"x\" .>: error calling include: template: no template \"x\" associated with template \"gotpl\"",
            "c/a.yaml:1:3\n  executing \"c/a.yaml\" at <include \"x\" .>:\n    error calling include:\ntemplate: no template \"x\" associated with template \"gotpl\"",
        );
    }

    #[test]
    fn parse_errors_have_a_place() {
        let error = gotemplate::ParseError {
            name: "c/a.yaml".into(),
            line: 3,
            message: "function \"x\" not defined".into(),
        };
        assert_eq!(parse_text("c/a.yaml", &error), "parse error at (c/a.yaml:3): function \"x\" not defined");
    }
}
