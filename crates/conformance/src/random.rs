//! Random cases: the seeds of a run, what a seed settles, and the real tool that judges what came of it.
//!
//! `SLUICE_RANDOM=2000` compares so many cases instead of the usual number, `SLUICE_FROM=5000` begins at that
//! seed, `SLUICE_SEED=17` compares the one of that seed alone and shows it. A tool is found through
//! `KUSTOMIZE_BIN`, `HELM_BIN` or in the cache folder; without it, a test says so and compares nothing,
//! unless `CONFORMANCE_REQUIRE_TOOLS` is set.
mod dice;

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub use dice::Dice;

/// When a run of the usual number stops, however many it has compared.
const ENOUGH: Duration = Duration::from_secs(45);

/// A tool that judges, in the version that is pinned in `e2e/tools`.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    /// The real `kustomize`.
    pub const KUSTOMIZE: Tool = Tool { name: "kustomize", version: "5.8.1" };
    /// The real `helm`.
    pub const HELM: Tool = Tool { name: "helm", version: "4.2.4" };

    /// The program that the environment names, else that of the cache folder. Where there is none, that is
    /// said.
    ///
    /// # Panics
    /// As [`not_run`] does.
    #[must_use]
    pub fn find(self) -> Option<PathBuf> {
        let given = env::var_os(format!("{}_BIN", self.name.to_uppercase())).map(PathBuf::from);
        let found = given.or_else(|| self.cached());
        if found.is_none() {
            not_run(&format!("{} {} is not there", self.name, self.version));
        }
        found
    }

    /// The program of the cache folder.
    #[must_use]
    pub fn cached(self) -> Option<PathBuf> {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
        let path = cache.join(format!("sluice/tools/{0}-v{1}/{0}", self.name, self.version));
        path.is_file().then_some(path)
    }
}

/// Says aloud why nothing is compared.
///
/// # Panics
/// When `CONFORMANCE_REQUIRE_TOOLS` is set.
pub fn not_run(why: &str) {
    assert!(env::var_os("CONFORMANCE_REQUIRE_TOOLS").is_none(), "{why}");
    say(&format!("NOT RUN: {why}; nothing compared"));
}

/// The seed that `SLUICE_SEED` asks for.
#[must_use]
pub fn only_seed() -> Option<u64> {
    number("SLUICE_SEED")
}

/// The seeds of a run, one after the other: those that are asked for, else the `usual` number while there is
/// time.
pub fn seeds(usual: u64) -> impl Iterator<Item = u64> {
    let (wanted, from) = (number("SLUICE_RANDOM"), number("SLUICE_FROM").unwrap_or_default());
    let begun = Instant::now();
    (from..from + wanted.unwrap_or(usual)).take_while(move |_| wanted.is_some() || begun.elapsed() <= ENOUGH)
}

/// The number that a variable of the environment holds.
#[must_use]
pub fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// A line on standard error, past what captures the output of tests.
pub fn say(line: &str) {
    // What cannot be said changes no verdict.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Lays files, path and text, into a folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_files<T: AsRef<str>>(dir: &Path, files: &[(T, T)]) -> io::Result<()> {
    for (path, text) in files {
        let path = dir.join(path.as_ref());
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        fs::write(path, text.as_ref())?;
    }
    Ok(())
}
