use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{CommandError, say, value};

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// The objects as JSON
    Json,
    /// The objects as YAML
    Yaml,
    /// The table with the age
    Wide,
    /// kind.group/name, one a line
    Name,
}

impl Output {
    /// True when it is not a table.
    pub(crate) fn is_of_objects(self) -> bool {
        self != Self::Wide
    }
}

/// One object by itself where one was asked for, else a List.
pub(crate) fn print_objects(form: Output, objects: &[Value], single: bool) -> Result<(), CommandError> {
    if form == Output::Name {
        return say::data(
            &objects.iter().map(|object| format!("{}\n", full_name(object))).collect::<String>(),
        );
    }
    let shown = match objects {
        [one] if single => one.clone(),
        all => json!({ "apiVersion": "v1", "kind": "List", "items": all }),
    };
    print_value(form == Output::Json, &shown)
}

/// A value as JSON with indents, or as YAML.
pub(crate) fn print_value(as_json: bool, value: &Value) -> Result<(), CommandError> {
    if as_json {
        return say::data(&format!("{}\n", serde_json::to_string_pretty(value)?));
    }
    say::data(&manifest::yaml::to_yaml(value))
}

fn full_name(object: &Value) -> String {
    let kind = value::text(object, &["kind"]).to_ascii_lowercase();
    match value::text(object, &["apiVersion"]).split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{}", value::name(object)),
        None => format!("{kind}/{}", value::name(object)),
    }
}
