//! Random charts from a grammar, rendered by the real `helm template` and by us: outputs and errors must be equal.
//!
//! Which and how many: [`conformance::random`]. The one of `SLUICE_SEED` is left in a folder and shown.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the engine is pure; this test runs the tool it is compared with"
)]

#[path = "differential/chart.rs"]
mod chart;
#[path = "differential/expressions.rs"]
mod expressions;
#[path = "differential/flags.rs"]
mod flags;
#[path = "differential/schema.rs"]
mod schema;
#[path = "differential/templates.rs"]
mod templates;
#[path = "differential/values.rs"]
mod values;
#[path = "differential/world.rs"]
mod world;

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use conformance::random::{Tool, number, only_seed, say, seeds, write_files};
use helm_template::HelmMajor;

use crate::chart::Project;

/// Charts compared by default; each takes Helm a tenth of a second.
const CHARTS: u64 = 200;

/// What Helm prints, or its error without the hints of its log.
fn reference(tool: &Path, dir: &Path, flags: &[String]) -> Result<String, String> {
    let mut command = Command::new(tool);
    command.current_dir(dir).args(["template", "release-name", "chart"]).args(flags);
    if major() == HelmMajor::Three && !flags.iter().any(|flag| flag == "--kube-version") {
        command.args(["--kube-version", world::KUBE]);
    }
    command.env("HELM_NAMESPACE", "default").env("KUBECONFIG", "/nonexistent").env("TZ", "UTC");
    let output = command.output().expect("helm can be started");
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    if let Some((_, error)) = text.rsplit_once("Error: ").filter(|_| major() == HelmMajor::Three) {
        return Err(error.trim().to_owned());
    }
    let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with("level=")).collect();
    Err(plain.join("\n").trim().trim_start_matches("Error: ").to_owned())
}

/// Where pointers lie differs from run to run.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len();
        out.push_str("0x");
        out.push_str(&part[if digits >= 9 { digits } else { 0 }..]);
    }
    out
}

/// With `HELM_BIN` naming a Helm 3 and `HELM_MAJOR=3`, we render as Helm 3 does.
fn major() -> HelmMajor {
    if number("HELM_MAJOR") == Some(3) { HelmMajor::Three } else { HelmMajor::Four }
}

/// What two renders of one chart came to.
enum Outcome {
    Equal,
    /// Whether in the same words.
    BothFail(bool, String),
    Differs(String),
    /// Helm dies of values that contain each other.
    HelmDies,
}

fn compare(tool: &Path, project: &Project) -> Outcome {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    write_files(dir.path(), &project.files).expect("the folder is writable");
    let ours = world::template(project, major());
    let mut last = Outcome::Equal;
    // Go goes through maps in no order: which of several errors it meets first is by chance.
    for _ in 0..4 {
        last = judge(reference(tool, dir.path(), &project.flags), &ours);
        if matches!(last, Outcome::Equal | Outcome::BothFail(true, _)) {
            break;
        }
    }
    last
}

fn judge(theirs: Result<String, String>, ours: &Result<String, String>) -> Outcome {
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) if theirs == *ours => Outcome::Equal,
        (Ok(theirs), Ok(ours)) if without_addresses(&theirs) == without_addresses(ours) => Outcome::Equal,
        (Ok(theirs), Ok(ours)) => {
            let place = theirs.bytes().zip(ours.bytes()).position(|(a, b)| a != b);
            let place = place.unwrap_or(theirs.len().min(ours.len()));
            let (from, to) = (place.saturating_sub(100), place + 100);
            let at =
                |text: &str| String::from_utf8_lossy(&text.as_bytes()[from..to.min(text.len())]).into_owned();
            Outcome::Differs(format!("byte {place}: theirs\n{}\nours\n{}", at(&theirs), at(ours)))
        }
        (Err(theirs), _) if theirs.contains("goroutine stack exceeds") => Outcome::HelmDies,
        (Err(theirs), Err(ours)) => {
            let same = sorted_words(&theirs) == sorted_words(ours);
            Outcome::BothFail(same, format!("theirs {theirs}\nours   {ours}"))
        }
        (Err(theirs), Ok(_)) => Outcome::Differs(format!("only they fail: {theirs}")),
        (Ok(_), Err(ours)) => Outcome::Differs(format!("only we fail: {ours}")),
    }
}

/// Helm lists properties in the order of a Go map, which is another each time.
fn sorted_words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split([' ', ',', '\n']).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words
}

#[derive(Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    features: BTreeMap<&'static str, u64>,
    causes: BTreeMap<String, u64>,
    reworded: Vec<(u64, String)>,
    differences: Vec<(u64, String)>,
}

impl Tally {
    fn count(&mut self, seed: u64, features: &[&'static str], outcome: Outcome) {
        match outcome {
            Outcome::BothFail(same, words) => {
                self.refused += 1;
                *self.causes.entry(cause(&words)).or_default() += 1;
                if !same {
                    self.reworded.push((seed, words));
                }
            }
            Outcome::HelmDies => {}
            Outcome::Differs(how) => self.differences.push((seed, how)),
            Outcome::Equal => {
                self.accepted += 1;
                for feature in features {
                    *self.features.entry(feature).or_default() += 1;
                }
            }
        }
    }

    fn report(&self) {
        let (accepted, refused, differ) = (self.accepted, self.refused, self.differences.len());
        let reworded = self.reworded.len();
        say(&format!(
            "{accepted} equal, {refused} refused by both ({reworded} in other words), {differ} differ"
        ));
        let list: Vec<String> = self.features.iter().map(|(name, count)| format!("{name} {count}")).collect();
        say(&format!("in accepted charts: {}", list.join(", ")));
        let list: Vec<String> = self.causes.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        say(&format!("why charts are refused: {}", list.join("; ")));
        for (seed, words) in &self.reworded {
            say(&format!("other words, seed {seed}: {words}"));
        }
    }
}

/// What stands behind the last colon of the last line of Helm's error.
fn cause(words: &str) -> String {
    let theirs = words.split("\nours ").next().unwrap_or_default();
    let plain = |line: &&str| !line.trim().is_empty() && !line.starts_with("Use --debug");
    let line = theirs.lines().rfind(plain).unwrap_or_default();
    line.rsplit(": ").next().unwrap_or_default().chars().take(70).collect()
}

#[test]
fn random_charts_render_as_helm_renders_them() {
    let Some(tool) = Tool::HELM.find() else { return };
    if let Some(seed) = only_seed() {
        return show(&tool, seed);
    }
    let mut tally = Tally::default();
    for seed in seeds(CHARTS) {
        let project = Project::new(seed);
        tally.count(seed, &project.features(), compare(&tool, &project));
    }
    tally.report();
    let accepted = tally.accepted * 100 / (tally.accepted + tally.refused).max(1);
    let list: Vec<String> =
        tally.differences.iter().map(|(seed, how)| format!("seed {seed}: {how}")).collect();
    assert!(list.is_empty(), "{}", list.join("\n\n"));
    assert!(tally.reworded.len() as u64 * 100 <= tally.accepted + tally.refused, "errors differ");
    assert!(accepted >= 80, "Helm takes only {accepted} % of the charts");
}

fn show(tool: &Path, seed: u64) {
    let project = Project::new(seed);
    let dir = env::temp_dir().join(format!("helm-{seed}"));
    write_files(&dir, &project.files).expect("the folder is writable");
    say(&format!("{}\n{:?}\n{:?}", dir.display(), project.flags, project.features()));
    fs::write(dir.join("ours"), world::template(&project, major()).unwrap_or_else(|error| error))
        .expect("writable");
    match compare(tool, &project) {
        Outcome::Equal | Outcome::HelmDies => say("equal, or Helm dies"),
        Outcome::BothFail(same, words) => say(&format!("refused by both, same words {same}: {words}")),
        Outcome::Differs(how) => panic!("seed {seed}: {how}"),
    }
}
