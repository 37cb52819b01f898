use std::{path::Path, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, parser::ValueSource};

use crate::{
    CommandError, ErrorKind,
    args::{Cli, Command, Global},
    cluster::Cluster,
    commands, connect, duration, memory, say,
};

/// What a command is run with.
pub(crate) struct Context {
    pub(crate) global: Global,
    namespace_given: bool,
    namespace_flag: bool,
}

impl Context {
    /// The cluster of the flags.
    pub(crate) async fn cluster(&self) -> Result<Cluster, CommandError> {
        let (client, namespace) = connect::connect(&self.global.cluster, self.namespace_given).await?;
        Ok(Cluster::new(client, namespace))
    }

    /// The namespace, if the command line names one.
    pub(crate) fn namespace_of_flag(&self) -> Option<&str> {
        self.namespace_flag.then_some(self.global.cluster.namespace.as_str())
    }

    /// The namespace of the flags, for commands that need no cluster.
    pub(crate) fn namespace(&self) -> &str {
        &self.global.cluster.namespace
    }
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    memory::in_large_pages();
    let matches = command().get_matches();
    let source = matches.value_source("namespace");
    let namespace_given = source.is_some_and(|from| from != ValueSource::DefaultValue);
    let namespace_flag = source == Some(ValueSource::CommandLine);
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.format(&mut command()).exit(),
    };
    let context = Context { global: cli.global, namespace_given, namespace_flag };
    match block_on(&context, cli.command) {
        Ok(code) => code,
        Err(error) => told(&error),
    }
}

/// The command line; it knows when kubectl started it.
pub(crate) fn command() -> clap::Command {
    let program = std::env::args_os().next();
    let by_kubectl =
        program.as_deref().map(Path::new).and_then(Path::file_stem).is_some_and(|n| n == "kubectl-sluice");
    let command = Cli::command();
    if by_kubectl { command.bin_name("kubectl sluice") } else { command.bin_name("sluice") }
}

/// One thread: a command mostly waits.
fn block_on(context: &Context, command: Command) -> Result<ExitCode, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limit = context.global.timeout;
    let endless = endless(&command);
    let done = runtime.block_on(async {
        if endless {
            return dispatch(context, command).await;
        }
        match tokio::time::timeout(limit, dispatch(context, command)).await {
            Ok(done) => done,
            Err(_) => Err(CommandError::new(
                ErrorKind::Timeout,
                format!("timed out after {}: context deadline exceeded", duration::print(limit)),
            )
            .hint("the object's conditions say what it waits for: sluice get all, sluice events; or give more --timeout")),
        }
    });
    runtime.shutdown_background();
    done
}

/// Watching ends when the user ends it.
fn endless(command: &Command) -> bool {
    match command {
        Command::Get(args) => args.watch,
        Command::Events(args) => args.watch,
        Command::Logs(args) => args.follow,
        _ => false,
    }
}

async fn dispatch(context: &Context, command: Command) -> Result<ExitCode, CommandError> {
    let done = match command {
        Command::Check(args) => commands::check::run(context, args).await,
        Command::Install(args) => commands::install::run(context, args).await,
        Command::Uninstall(args) => commands::uninstall::run(context, args).await,
        Command::Bootstrap(args) => commands::bootstrap::run(context, args).await,
        Command::Get(args) => commands::get::run(context, args).await,
        Command::Reconcile(args) => commands::reconcile::run(context, args).await,
        Command::Suspend(args) => commands::suspend::run(context, args).await,
        Command::Resume(args) => commands::resume::run(context, args).await,
        Command::Create(args) => commands::create::run(context, args).await,
        Command::Delete(args) => commands::delete::run(context, args).await,
        Command::Export(args) => commands::export::run(context, args).await,
        Command::Tree(args) => commands::tree::run(context, args).await,
        Command::Trace(args) => commands::trace::run(context, args).await,
        Command::Events(args) => commands::events::run(context, args).await,
        Command::Logs(args) => commands::logs::run(context, args).await,
        Command::Explain(args) => commands::explain::run(context, args).await,
        Command::Build(args) => commands::local::run_build(context, args).await,
        Command::Diff(args) => return commands::local::run_diff(context, args).await,
        Command::Push(args) => commands::artifact::push(context, args).await,
        Command::Pull(args) => commands::artifact::pull(context, args).await,
        Command::Kustomize(args) => commands::kustomize::run(args),
        Command::Helm(args) => commands::helm::run(context, args).await,
        Command::Envsubst(args) => commands::envsubst::run(&args),
        Command::Validate(args) => commands::validate::run(&args),
        Command::Completion(args) => commands::completion::run(&args),
        Command::Version(args) => commands::version::run(context, args).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn told(error: &CommandError) -> ExitCode {
    if error.kind() != ErrorKind::ClosedPipe {
        say::failure(&error.to_string());
        error.hints().iter().for_each(|hint| say::hint(hint));
    }
    ExitCode::from(error.kind().exit_code())
}
