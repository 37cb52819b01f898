//! `completion`: a script for the shell.
use clap::Args;
use clap_complete::{Shell, generate};

use crate::{CommandError, run::command, say};

/// Print the completion script of a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # In ~/.bashrc: . <(sluice completion bash)
  sluice completion bash

  # zsh, fish, powershell and elvish too
  sluice completion fish")]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

/// Runs it.
pub(crate) fn run(args: &CompletionArgs) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(args.shell, &mut command(), "sluice", &mut script);
    say::data(&String::from_utf8_lossy(&script))
}
