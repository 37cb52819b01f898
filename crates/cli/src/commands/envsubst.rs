//! `envsubst`: the substitution of `postBuild`, from standard input, with variables of the environment.
use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use clap::Args;
use envsubst::{Unset, substitute};

use crate::{CommandError, say};

/// Put values of environment variables into a text from standard input, as postBuild does
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # After a build
  sluice kustomize build ./clusters/staging | sluice envsubst

  # A variable without a value is an error
  sluice kustomize build ./clusters/staging | sluice envsubst --strict")]
pub(crate) struct EnvsubstArgs {
    /// A variable without a value and without a default is an error
    #[arg(long)]
    strict: bool,
}

/// Runs it, line by line as Flux does: a reference does not go over the end of a line.
pub(crate) fn run(args: &EnvsubstArgs) -> Result<(), CommandError> {
    let vars: HashMap<String, String> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let unset = if args.strict { Unset::Fail } else { Unset::Empty };
    for (at, line) in io::stdin().lock().lines().enumerate() {
        let line = line?;
        let done = substitute(&line, |name| vars.get(name).map(String::as_str), unset);
        let text = done.map_err(|error| {
            CommandError::failed(format!("line {}: {}", at + 1, told(&error)))
                .hint("$${NAME} stands for ${NAME} itself")
        })?;
        say::data(&format!("{text}\n"))?;
    }
    Ok(())
}

fn told(error: &envsubst::SubstituteError) -> String {
    match &error.variable {
        Some(name) => format!("{}: \"{name}\"", error.cause),
        None => error.cause.to_string(),
    }
}
