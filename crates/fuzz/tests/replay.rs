//! Every fuzz target on stable: over its corpus, then over random changes of it for a bounded time.
//!
//! `SLUICE_FUZZ_SECONDS=300` runs each target for so long instead of over 1,500 changes, `SLUICE_FUZZ_TARGET=yaml` only one.
//! A finding is written to a file that the message names; put it into `corpus/<target>/` with the fix.
//! `SLUICE_FUZZ_SEEDS=/tmp/seeds` writes the seeds of each target into a folder there, where libfuzzer begins.

use std::{
    env, fs,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fuzz::{TARGETS, Target};
use serde_json::Value;

/// One input may take so long in a debug build; a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a seed that is mutated.
const SEED: usize = 8 << 10;
const SEEDS: usize = 400;

/// Where seeds of a target lie besides its own corpus: cases of the engines. Each file is one seed, and of a recording
/// each text.
fn borrowed(target: &str) -> &'static [&'static str] {
    match target {
        "yaml" | "setters" | "edits" => &["kustomize/tests/corpus", "helm-template/tests/corpus"],
        "template" => &["gotemplate/tests/corpus", "helm-template/tests/corpus"],
        "functions" => &["sprig/tests/corpus", "helm-template/tests/corpus"],
        "constraint" => &["semver-range/tests/corpus"],
        "substitution" => &["envsubst/tests/corpus"],
        "expression" => &["expr/tests/corpus"],
        _ => &[],
    }
}

/// Where trees of files lie that become one seed each.
fn trees(target: &str) -> Option<&'static str> {
    match target {
        "kustomization" | "flux-build" => Some("kustomize/tests/corpus"),
        "chart" => Some("helm-template/tests/corpus"),
        _ => None,
    }
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut seeds: Vec<Vec<u8>> = files_below(&own).iter().filter_map(|path| fs::read(path).ok()).collect();
    for folder in borrowed(target) {
        let files = files_below(&crates().join(folder));
        let found: Vec<Vec<u8>> = files.iter().flat_map(|path| texts(path)).collect();
        let step = found.len() / SEEDS + 1;
        seeds.extend(found.into_iter().step_by(step));
    }
    if let Some(folder) = trees(target) {
        seeds.extend(inputs(&crates().join(folder)).iter().map(|input| tree(input)));
    }
    seeds.iter_mut().for_each(|seed| seed.truncate(SEED));
    seeds
}

/// The texts of a recording (`.json`, or a JSON value a line), or the whole file.
fn texts(path: &Path) -> Vec<Vec<u8>> {
    let Ok(content) = fs::read(path) else { return Vec::new() };
    if !path.file_name().is_some_and(|name| RECORDINGS.iter().any(|known| name == *known)) {
        return vec![content];
    }
    let mut texts = Vec::new();
    for value in serde_json::Deserializer::from_slice(&content).into_iter::<Value>() {
        gather(&value.expect("a recording is JSON"), &mut texts);
    }
    texts
}

/// Names of recordings.
const RECORDINGS: [&str; 4] = ["recorded.json", "recorded.jsonl", "masterminds.json", "random.json"];

/// Keys and texts of a value.
fn gather(value: &Value, texts: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => texts.push(text.clone().into_bytes()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(map) => map.iter().for_each(|(key, item)| {
            texts.push(key.clone().into_bytes());
            gather(item, texts);
        }),
        _ => {}
    }
}

/// The `input` folders of cases.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    let deeper = |path: &PathBuf| if path.ends_with("input") { vec![path.clone()] } else { inputs(path) };
    folders.iter().flat_map(deeper).collect()
}

fn tree(input: &Path) -> Vec<u8> {
    let root = if input.join("chart").is_dir() { input.join("chart") } else { input.to_owned() };
    let mut out = Vec::new();
    for path in files_below(&root) {
        let name = path.strip_prefix(&root).unwrap_or(&path);
        out.extend_from_slice(format!("=== {}\n", name.display()).as_bytes());
        out.extend(fs::read(&path).unwrap_or_default());
        out.push(b'\n');
    }
    out
}

/// Random changes; the same number makes the same ones.
struct Mutator(u64);

impl Mutator {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end.max(1)
    }

    fn range(&mut self, of: &[u8], longest: usize) -> std::ops::Range<usize> {
        let start = self.below(of.len());
        start..(start + self.below(longest) + 1).min(of.len())
    }

    fn mutate(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        const WORDS: [&[u8]; 22] = [
            b"{{",
            b"}}",
            b"${",
            b"}",
            b"&a ",
            b"*a",
            b"<<: ",
            b"- ",
            b": ",
            b"\n",
            b"|\n",
            b"'",
            b"\"",
            b"[",
            b"{",
            b"null",
            b"999999999999",
            b"-1",
            b"\xff",
            b"\xe2\x80\xa8",
            b"$patch: delete",
            b"%",
        ];
        let mut out = seeds.get(self.below(seeds.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(5) {
            match self.below(6) {
                0 if !out.is_empty() => drop(out.drain(self.range(&out, 12))),
                1 if !out.is_empty() => {
                    let at = self.below(out.len());
                    out[at] = u8::try_from(self.below(256)).unwrap_or_default();
                }
                2 => {
                    let (at, word) = (self.below(out.len() + 1), WORDS[self.below(WORDS.len())]);
                    out.splice(at..at, word.iter().copied());
                }
                3 if !out.is_empty() => {
                    let piece = out[self.range(&out, 60)].to_vec();
                    let at = self.below(out.len() + 1);
                    out.splice(at..at, piece);
                }
                4 => {
                    let other = &seeds[self.below(seeds.len())];
                    let piece =
                        if other.is_empty() { Vec::new() } else { other[self.range(other, 200)].to_vec() };
                    let at = self.below(out.len() + 1);
                    out.splice(at..at, piece);
                }
                _ => out.truncate(self.below(out.len() + 1)),
            }
        }
        out
    }
}

/// Without a time of its own a run tries the same inputs on every machine: a change is judged by what it changed.
const INPUTS: usize = 1_500;

/// How many inputs, and for how long at most.
fn bounds() -> (usize, Duration) {
    match env::var("SLUICE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()) {
        Some(seconds) => (usize::MAX, Duration::from_secs(seconds)),
        None => (INPUTS, Duration::from_secs(20)),
    }
}

/// Runs a target on one input; keeps the input where it panics or takes too long.
fn check(name: &str, target: Target, input: &[u8]) -> Result<(), String> {
    let begun = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    let took = begun.elapsed();
    if outcome.is_ok() && took < PATIENCE {
        return Ok(());
    }
    let digest = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = env::temp_dir().join(format!("sluice-fuzz-{name}-{digest:016x}"));
    let kept = fs::write(&path, input).map(|()| path.display().to_string());
    Err(format!("{name}: {outcome:?} after {took:?}: {kept:?}"))
}

fn run(name: &str, target: Target) -> (usize, Vec<String>) {
    let mut seeds = seeds(name);
    let mut findings: Vec<String> = seeds.iter().filter_map(|seed| check(name, target, seed).err()).collect();
    seeds.push(Vec::new());
    let mut mutator = Mutator(0x5eed_0000_0000_0001 ^ seeds.len() as u64);
    let (inputs, time) = bounds();
    let (mut count, until) = (0, Instant::now() + time);
    while count < inputs && Instant::now() < until && findings.len() < 5 {
        let input = mutator.mutate(&seeds);
        findings.extend(check(name, target, &input).err());
        count += 1;
    }
    (count, findings)
}

#[test]
fn no_target_panics_or_hangs() {
    let wanted = env::var("SLUICE_FUZZ_TARGET").ok();
    let mut findings = Vec::new();
    for (name, target) in TARGETS {
        if wanted.as_deref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let (count, found) = run(name, target);
        writeln!(std::io::stderr().lock(), "{name}: {count} inputs, {} findings", found.len())
            .expect("stderr is open");
        findings.extend(found);
    }
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn every_target_has_seeds() {
    let wanted = env::var("SLUICE_FUZZ_SEEDS").ok();
    for (name, _) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seed");
        if let Some(folder) = &wanted {
            write_seeds(&Path::new(folder).join(name), &seeds);
        }
    }
}

fn write_seeds(folder: &Path, seeds: &[Vec<u8>]) {
    fs::create_dir_all(folder).expect("the folder can be made");
    for (at, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{at}")), seed).expect("the folder takes a file");
    }
}
