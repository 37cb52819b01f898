//! Random kustomizations, built by the reference tool and by us: the outputs must be equal.
//!
//! Which and how many: [`conformance::random`]. The one of `SLUICE_SEED` is left in a folder and shown.

#![expect(
    clippy::disallowed_types,
    reason = "the engine is pure; this test runs the tool it is compared with"
)]

#[path = "differential/layers.rs"]
mod layers;
#[path = "differential/objects.rs"]
mod objects;
#[path = "differential/oddities.rs"]
mod oddities;
#[path = "differential/project.rs"]
mod project;
#[path = "differential/text.rs"]
mod text;
#[path = "differential/wider.rs"]
mod wider;

use std::{collections::BTreeMap, env, path::Path, process::Command};

use conformance::random::{Tool, only_seed, say, seeds, write_files};
use kustomize::{BuildOptions, MemoryTree, build};

use crate::project::Project;

/// Builds compared by default; each takes the reference tool a tenth of a second.
const BUILDS: u64 = 250;

/// Odd values compared by default.
const ODDITIES: u64 = 400;

fn reference(tool: &Path, dir: &Path) -> Result<String, String> {
    let output = Command::new(tool).args(["build", "--reorder", "none"]).arg(dir.join("overlay")).output();
    let output = output.expect("the tool can be started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the tool prints UTF-8");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn ours(files: &[(String, String)]) -> Result<String, String> {
    let tree: MemoryTree = files.iter().map(|(path, text)| (path.clone(), text.clone())).collect();
    let built = build(&tree, "overlay", &BuildOptions::default());
    built.map(|built| built.to_yaml()).map_err(|error| error.to_string())
}

/// What two builds of one project came to.
enum Outcome {
    Equal,
    /// Whether the message has the words of ours that say the cause.
    BothFail(bool),
    Differs(String),
}

fn compare(tool: &Path, files: &[(String, String)]) -> Outcome {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    write_files(dir.path(), files).expect("the folder is writable");
    match (reference(tool, dir.path()), ours(files)) {
        (Ok(theirs), Ok(ours)) if theirs == ours => Outcome::Equal,
        (Ok(theirs), Ok(ours)) => {
            let line = theirs.lines().zip(ours.lines()).position(|(a, b)| a != b).unwrap_or_default();
            let at = |text: &str| {
                text.lines().skip(line.saturating_sub(6)).take(12).collect::<Vec<_>>().join("\n")
            };
            Outcome::Differs(format!("line {line}: theirs\n{}\nours\n{}", at(&theirs), at(&ours)))
        }
        (Err(theirs), Err(ours)) => Outcome::BothFail(has_words_of(&theirs, &ours)),
        (Err(theirs), Ok(_)) => Outcome::Differs(format!("only they fail: {theirs}")),
        (Ok(_), Err(ours)) => Outcome::Differs(format!("only we fail: {ours}")),
    }
}

/// Whether a message names the cause as ours does: the words behind our last colon, without what is quoted.
fn has_words_of(theirs: &str, ours: &str) -> bool {
    let cause = ours.rsplit(": ").find(|part| part.len() > 8).unwrap_or(ours);
    let words = cause.split(['"', '\'', '`', '[', '(', '{']).next().unwrap_or_default().trim();
    theirs.contains(words)
}

#[derive(Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    same_words: u64,
    single: BTreeMap<&'static str, u64>,
    pairs: BTreeMap<(&'static str, &'static str), u64>,
    differences: Vec<(u64, String)>,
}

impl Tally {
    fn count(&mut self, seed: u64, features: &[&'static str], outcome: Outcome) {
        match outcome {
            Outcome::BothFail(same) => {
                self.refused += 1;
                self.same_words += u64::from(same);
            }
            Outcome::Differs(how) => self.differences.push((seed, how)),
            Outcome::Equal => {
                self.accepted += 1;
                for (at, first) in features.iter().enumerate() {
                    *self.single.entry(first).or_default() += 1;
                    for second in &features[at + 1..] {
                        *self.pairs.entry((first, second)).or_default() += 1;
                    }
                }
            }
        }
    }

    fn report(&self) {
        let all = layers::FEATURES.len() + 1;
        let rare = self.pairs.values().filter(|count| **count < 10).count();
        let absent = all * (all - 1) / 2 - self.pairs.len();
        let (accepted, refused, same) = (self.accepted, self.refused, self.same_words);
        let differ = self.differences.len();
        say(&format!(
            "{accepted} equal, {refused} refused by both ({same} in the same words), {differ} differ"
        ));
        let singles: Vec<String> =
            self.single.iter().map(|(name, count)| format!("{name} {count}")).collect();
        say(&format!("in accepted projects: {}", singles.join(", ")));
        say(&format!("pairs: {} seen, {rare} fewer than ten times, {absent} not", self.pairs.len()));
    }
}

#[test]
fn random_builds_equal_those_of_the_reference_tool() {
    let Some(tool) = Tool::KUSTOMIZE.find() else { return };
    if let Some(seed) = only_seed() {
        return show(&tool, seed);
    }
    let mut tally = Tally::default();
    for seed in seeds(BUILDS) {
        let project = Project::new(seed);
        tally.count(seed, &project.features(), compare(&tool, &project.files));
    }
    tally.report();
    let accepted = tally.accepted * 100 / (tally.accepted + tally.refused).max(1);
    assert!(tally.differences.is_empty(), "{:#?}", tally.differences);
    assert!(accepted >= 80, "the reference tool takes only {accepted} % of the projects");
}

/// Names that no repository can be read from.
#[test]
fn folders_named_like_addresses_are_built_as_by_the_reference_tool() {
    let Some(tool) = Tool::KUSTOMIZE.find() else { return };
    let names = [
        "github.com/x",
        "github.com:x",
        "GitHub.com/x",
        "user@host/p",
        "user@host:p",
        "git@github.com/x",
        "u_x@h/p/q",
    ];
    for name in names {
        let files = [
            ("overlay/kustomization.yaml".to_owned(), format!("resources: ['{name}']\n")),
            (format!("overlay/{name}/kustomization.yaml"), "resources: [a.yaml]\n".to_owned()),
            (
                format!("overlay/{name}/a.yaml"),
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n".to_owned(),
            ),
        ];
        let outcome = compare(&tool, &files);
        assert!(matches!(outcome, Outcome::Equal), "{name}");
    }
}

/// Their crashes are no rule; and they cannot print a mapping that got a key such as `1`, which we do.
fn is_theirs_alone(how: &str) -> bool {
    how.starts_with("only they fail") && (how.contains("panic: ") || how.contains("json: unsupported type"))
}

#[test]
fn odd_values_are_taken_and_refused_as_by_the_reference_tool() {
    let Some(tool) = Tool::KUSTOMIZE.find() else { return };
    let (mut equal, mut refused, mut words, mut differences) = (0, 0, 0, Vec::new());
    for seed in seeds(ODDITIES) {
        let files = oddities::odd(seed);
        match compare(&tool, &files) {
            Outcome::Equal => equal += 1,
            Outcome::BothFail(same) => {
                refused += 1;
                words += u32::from(same);
            }
            Outcome::Differs(how) if is_theirs_alone(&how) => {}
            Outcome::Differs(how) => differences.push((seed, files, how)),
        }
    }
    let differ = differences.len();
    say(&format!(
        "odd values: {equal} equal, {refused} refused by both ({words} in the same words), {differ} differ"
    ));
    assert!(differences.is_empty(), "{differences:#?}");
}

fn show(tool: &Path, seed: u64) {
    let project = Project::new(seed);
    let dir = env::temp_dir().join(format!("kustomize-{seed}"));
    write_files(&dir, &project.files).expect("the folder is writable");
    let ours = ours(&project.files);
    say(&format!(
        "{}\n{:?}\nours: {}",
        dir.display(),
        project.features(),
        ours.unwrap_or_else(|error| error)
    ));
    if let Outcome::Differs(how) = compare(tool, &project.files) {
        panic!("seed {seed}: {how}");
    }
}
