//! The command as a user runs it.
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A command, and whose cluster and namespace it is given.
pub(crate) struct Sluice {
    program: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Sluice {
    /// Ours.
    pub(crate) fn of(kubeconfig: &Path, namespace: &str) -> Sluice {
        Sluice::program(e2e::sluice_program().unwrap(), kubeconfig, namespace)
    }

    /// Another with the same verbs.
    pub(crate) fn program(program: PathBuf, kubeconfig: &Path, namespace: &str) -> Sluice {
        Sluice { program, kubeconfig: kubeconfig.into(), namespace: namespace.into() }
    }

    /// Runs it with these words.
    pub(crate) fn run(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// Not started yet.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words.split_whitespace());
        if !words.contains("--timeout") {
            command.args(["--timeout", "60s"]);
        }
        command.env("KUBECONFIG", &self.kubeconfig).env("FLUX_SYSTEM_NAMESPACE", &self.namespace);
        command.env_remove("GIT_PASSWORD");
        command
    }

    /// Runs a line as it is typed in a shell; every `sluice` in it is this program.
    pub(crate) fn shell(&self, line: &str, dir: &Path) -> Output {
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| if word == "sluice" { self.program.display().to_string() } else { word.to_owned() })
            .collect();
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{} --timeout 60s", words.join(" "))).current_dir(dir);
        command.env("KUBECONFIG", &self.kubeconfig).env("FLUX_SYSTEM_NAMESPACE", &self.namespace);
        command.env_remove("GIT_PASSWORD").output().unwrap()
    }

    /// The program.
    pub(crate) fn path(&self) -> &Path {
        &self.program
    }

    /// What it prints; it must end well.
    pub(crate) fn ok(&self, words: &str) -> String {
        let done = self.run(words);
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{} {words}: {:?} {told}", self.program.display(), done.status.code());
        String::from_utf8(done.stdout).unwrap()
    }

    /// It ends well, and these words are on one of both streams.
    pub(crate) fn tells(&self, words: &str, wanted: &[&str]) {
        let done = self.run(words);
        let text =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "sluice {words}: {text}");
        for word in wanted {
            assert!(text.contains(word), "sluice {words} does not tell {word}: {text}");
        }
    }

    /// The examples in the help of all verbs.
    pub(crate) fn examples(&self) -> Vec<String> {
        let help = self.ok("--help");
        let verbs = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
        let verbs =
            verbs.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        let mut pages = Vec::new();
        for verb in verbs.filter(|verb| *verb != "help") {
            pages.push(self.ok(&format!("{verb} --help")));
            if verb == "bootstrap" {
                pages.push(self.ok("bootstrap git --help"));
            }
        }
        let lines = pages.iter().flat_map(|page| page.lines());
        lines.map(str::trim).filter(|line| line.starts_with("sluice ")).map(str::to_owned).collect()
    }
}
