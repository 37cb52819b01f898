use std::{
    fs,
    io::{self, Read},
};

use clap::Args;
use helm_template::{HelmMajor, SetError, Values};

use crate::CommandError;

/// Bytes of a file with values.
const MAX_FILE: u64 = 32 << 20;

/// Values from files and flags, in Helm's order: files, then JSON, words, strings, files of texts, literals.
#[derive(Args, Debug)]
pub(super) struct ValueArgs {
    /// Files with values, - for standard input; a later one wins
    #[arg(long, short = 'f', value_delimiter = ',')]
    values: Vec<String>,
    /// KEY=VALUE,...
    #[arg(long, value_name = "PAIRS")]
    set: Vec<String>,
    /// KEY=VALUE,... where every value is a text
    #[arg(long, value_name = "PAIRS")]
    set_string: Vec<String>,
    /// KEY=JSON,... or one JSON object
    #[arg(long, value_name = "PAIRS")]
    set_json: Vec<String>,
    /// KEY=FILE,... where the value is the file's content
    #[arg(long, value_name = "PAIRS")]
    set_file: Vec<String>,
    /// KEY=TEXT, taken as it is
    #[arg(long, value_name = "PAIR")]
    set_literal: Vec<String>,
}

impl ValueArgs {
    /// All of them, merged.
    pub(super) fn read(&self, helm: HelmMajor) -> Result<Values, CommandError> {
        let mut values = Values::new();
        for file in &self.values {
            let read = Values::parse_as(&content(file)?, helm);
            values.merge(
                &read.map_err(|error| CommandError::failed(format!("failed to parse {file}: {error}")))?,
            );
        }
        let from_file = |path: &str| content(path).map_err(|error| error.to_string());
        set(&self.set_json, "--set-json data", |text| match helm {
            HelmMajor::Three => values.set_json_pairs(text),
            HelmMajor::Four => values.set_json(text),
        })?;
        set(&self.set, "--set data:", |text| values.set(text))?;
        set(&self.set_string, "--set-string data:", |text| values.set_string(text))?;
        set(&self.set_file, "--set-file data:", |text| values.set_file(text, &from_file))?;
        set(&self.set_literal, "--set-literal data:", |text| values.set_literal(text))?;
        Ok(values)
    }
}

fn set(
    expressions: &[String],
    what: &str,
    mut put: impl FnMut(&str) -> Result<(), SetError>,
) -> Result<(), CommandError> {
    expressions.iter().try_for_each(|expression| {
        put(expression).map_err(|error| CommandError::failed(format!("failed parsing {what} {error}")))
    })
}

fn content(path: &str) -> Result<String, CommandError> {
    if path == "-" {
        let mut text = String::new();
        io::stdin().lock().take(MAX_FILE).read_to_string(&mut text)?;
        return Ok(text);
    }
    let failed = |error: io::Error| CommandError::failed(format!("{path}: {error}"));
    if fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
        return Err(CommandError::failed(format!("{path} is larger than {MAX_FILE} bytes")));
    }
    fs::read_to_string(path).map_err(failed)
}
