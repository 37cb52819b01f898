//! Compares renders of charts with those of the real `helm`, byte for byte: `charts HELM FOLDER...`.
//!
//! Every chart below the folders is rendered with its defaults and with each file of its `ci` folder. A line for each
//! says name, version, values, result, and the milliseconds of Helm and of us.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a program, not the crate"
)]

use std::{
    cell::Cell,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    rc::Rc,
    time::{Duration, Instant},
};

use helm_template::{Chart, Host, Limits, SprigHost, TemplateOptions, Values, template_output};

/// Randomness for tests: different each time, not secret.
#[derive(Default)]
struct World(Cell<u64>);

impl SprigHost for World {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), gotemplate::FuncError> {
        let mut state = self.0.get();
        for byte in buffer {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
        self.0.set(state);
        Ok(())
    }
}

impl Host for World {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
        Ok(serde_json::json!({}))
    }
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(helm) = arguments.next() else {
        println!("charts HELM FOLDER...");
        return ExitCode::FAILURE;
    };
    let (mut equal, mut all) = (0, 0);
    for folder in arguments {
        for chart in charts(Path::new(&folder)) {
            for values in value_files(&chart) {
                all += 1;
                equal += usize::from(compare(&helm, &chart, values.as_deref()));
            }
        }
    }
    println!("{equal} of {all} equal");
    if equal == all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Folders with a `Chart.yaml`, not those inside another chart.
fn charts(folder: &Path) -> Vec<PathBuf> {
    if folder.join("Chart.yaml").is_file() {
        return vec![folder.to_owned()];
    }
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders.iter().flat_map(|folder| charts(folder)).collect()
}

fn value_files(chart: &Path) -> Vec<Option<PathBuf>> {
    let ci = fs::read_dir(chart.join("ci")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        ci.filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "yml")).collect();
    files.sort();
    std::iter::once(None).chain(files.into_iter().map(Some)).collect()
}

fn compare(helm: &str, folder: &Path, values: Option<&Path>) -> bool {
    let begun = Instant::now();
    let mut command = Command::new(helm);
    command.args(["template", "release-name"]).arg(folder);
    if let Some(file) = values {
        command.arg("-f").arg(file);
    }
    let theirs = command.output().expect("helm can be started");
    let (helm_time, begun) = (begun.elapsed(), Instant::now());
    let ours = render(folder, values);
    let our_time = begun.elapsed();
    let expected = String::from_utf8_lossy(&theirs.stdout).into_owned();
    let result = match (&ours, theirs.status.success()) {
        (Ok(text), true) if *text == expected => "equal".to_owned(),
        (Ok(text), true) => {
            let again = command.output().map(|output| output.stdout).unwrap_or_default();
            match first_difference(&expected, &String::from_utf8_lossy(&again), text) {
                None => "equal".to_owned(),
                Some(difference) => format!("differs {difference}"),
            }
        }
        (Err(error), true) => format!("fails {error:?}"),
        (Ok(_), false) => format!("does not fail: {}", String::from_utf8_lossy(&theirs.stderr).trim()),
        (Err(error), false) => failure(&String::from_utf8_lossy(&theirs.stderr), error),
    };
    let same = result == "equal" || result == "fails equally";
    tell(folder, values, &result, helm_time, our_time);
    same
}

fn failure(theirs: &str, ours: &str) -> String {
    let plain = theirs.lines().filter(|line| !line.starts_with("level=") && !line.starts_with("time="));
    let text = plain.collect::<Vec<_>>().join("\n");
    let text = text.trim().trim_start_matches("Error: ");
    if text == ours.trim() {
        "fails equally".to_owned()
    } else {
        format!("fails otherwise: {text:?} but {ours:?}")
    }
}

fn tell(folder: &Path, values: Option<&Path>, result: &str, helm: Duration, ours: Duration) {
    let chart = fs::read_to_string(folder.join("Chart.yaml")).unwrap_or_default();
    let field = |key: &str| {
        let line = chart.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or("?").trim().trim_matches(['"', '\'']).to_owned()
    };
    let values = values.and_then(Path::file_name).map_or("defaults".into(), |name| name.to_string_lossy());
    let (helm, ours) = (helm.as_secs_f64() * 1000.0, ours.as_secs_f64() * 1000.0);
    println!("{} {} {values} {helm:.0}ms {ours:.1}ms: {result}", field("name:"), field("version:"));
}

fn render(folder: &Path, values: Option<&Path>) -> Result<String, String> {
    let mut files = Vec::new();
    read(folder, folder, &mut files);
    let chart = Chart::from_directory(files, &Limits::default()).map_err(|error| error.to_string())?;
    let text = values.map(|file| fs::read_to_string(file).unwrap_or_default()).unwrap_or_default();
    let values = Values::parse(&text).map_err(|error| error.to_string())?;
    template_output(&chart, &values, Rc::new(World::default()), &TemplateOptions::default())
        .map_err(|error| error.to_string())
}

fn read(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(root, &path, files);
        } else if let (Ok(name), Ok(data)) = (path.strip_prefix(root), fs::read(&path)) {
            files.push((name.to_string_lossy().into_owned(), data));
        }
    }
}

/// Lines that Helm itself prints differently each time are not compared: passwords, certificates, random names.
fn first_difference(expected: &str, again: &str, found: &str) -> Option<String> {
    let (mut theirs, mut others, mut ours) = (expected.lines(), again.lines(), found.lines());
    for line in 1.. {
        let (left, other, right) = (theirs.next(), others.next(), ours.next());
        if left != right && (left == other || right.is_none() || left.is_none()) {
            return Some(format!("at line {line}: {left:?} but {right:?}"));
        }
        if left.is_none() {
            break;
        }
    }
    None
}
