use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::{commands, connect::ClusterArgs, duration};

/// What a command needs beside its own flags.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// How long this command may take
    #[arg(long, global = true, default_value = "5m0s", value_parser = duration::parse, value_name = "DURATION")]
    pub(crate) timeout: Duration,
    /// Show the objects that are made
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
    /// Taken for Flux's sake: one command does not need a limit
    #[arg(long, global = true, hide = true)]
    kube_api_qps: Option<f32>,
    /// Taken for Flux's sake: one command does not need a limit
    #[arg(long, global = true, hide = true)]
    kube_api_burst: Option<u32>,
    /// Taken for Flux's sake: nothing is cached
    #[arg(long, global = true, hide = true)]
    cache_dir: Option<std::path::PathBuf>,
}

/// Assembles, inspects and steers GitOps deliveries.
#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version,
    about = "Assembles, inspects and steers GitOps deliveries on Kubernetes",
    after_help = "Exit codes: 0 done, 1 failed (diff: there are differences), 2 wrong command line, \
                  3 cluster not reachable or not allowed, 4 out of time, 5 no such object",
    arg_required_else_help = true,
    subcommand_required = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for the life of the program")]
pub(crate) enum Command {
    Check(commands::check::CheckArgs),
    Install(commands::install::InstallArgs),
    Uninstall(commands::uninstall::UninstallArgs),
    Bootstrap(commands::bootstrap::BootstrapArgs),
    Get(commands::get::GetArgs),
    Reconcile(commands::reconcile::ReconcileArgs),
    Suspend(commands::suspend::SuspendArgs),
    Resume(commands::resume::ResumeArgs),
    Create(commands::create::CreateArgs),
    Delete(commands::delete::DeleteArgs),
    Export(commands::export::ExportArgs),
    Tree(commands::tree::TreeArgs),
    Trace(commands::trace::TraceArgs),
    Explain(commands::explain::ExplainArgs),
    Events(commands::events::EventsArgs),
    Logs(commands::logs::LogsArgs),
    Build(commands::local::BuildArgs),
    Diff(commands::local::DiffArgs),
    Push(commands::artifact::PushArgs),
    Pull(commands::artifact::PullArgs),
    Kustomize(commands::kustomize::KustomizeArgs),
    Helm(commands::helm::HelmArgs),
    Envsubst(commands::envsubst::EnvsubstArgs),
    Validate(commands::validate::ValidateArgs),
    Completion(commands::completion::CompletionArgs),
    Version(commands::version::VersionArgs),
}
