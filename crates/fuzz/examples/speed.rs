//! Our engines beside the real tools, in one run: `speed KUSTOMIZE HELM SLUICE [CHART...]`, built with `--release`.
//!
//! A line says what was built, the milliseconds of the tool, of our engine and of our command (the fastest of five each), how
//! often ours fit into theirs, and what is wanted of the engine. The time of `kustomize` grows with the square of the objects: it is not asked for 10,000.
//! The last lines say how our time grows from 1,000 to 10,000 objects and the memory held at most. What is wanted and
//! missed ends the program with 1.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a program that runs others and reads the clock, not the crate"
)]

use std::{
    env, fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    rc::Rc,
    thread,
    time::Instant,
};

use helm_template::{Chart, Limits, TemplateOptions, Values, template_output};
use kustomize::{BuildOptions, MemoryTree, build_yaml};

/// That of the controllers and the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Now;

impl sprig::Host for Now {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), gotemplate::FuncError> {
        for (at, byte) in buffer.iter_mut().enumerate() {
            *byte = u8::try_from(at % 251).unwrap_or_default();
        }
        Ok(())
    }
}

impl helm_template::Host for Now {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
        Ok(serde_json::json!({}))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kustomize, helm, sluice, charts @ ..] = &arguments[..] else {
        println!("speed KUSTOMIZE HELM SLUICE [CHART...]");
        return ExitCode::FAILURE;
    };
    let times = [600, 1_000, 10_000].map(|count| kustomize_build(kustomize, sluice, count));
    let mut fine = times.iter().all(|build| build.fine);
    for chart in charts {
        fine &= helm_template(helm, sluice, Path::new(chart));
    }
    let growth = times[2].ours / times[1].ours;
    fine &= growth <= GROWTH;
    let verdict = if growth <= GROWTH { "" } else { ": MISSED" };
    println!("10,000 objects take {growth:.1} times what 1,000 take (<= {GROWTH}){verdict}");
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    println!("memory of all this: {peak}");
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How often the time of 1,000 objects may fit into that of 10,000.
const GROWTH: f64 = 11.0;

/// What a run may cost.
struct Wanted {
    milliseconds: f64,
    /// How often ours fits into theirs, at least.
    times: f64,
}

/// Milliseconds of the tool, where it is asked, of our engine and of our command.
struct Times {
    theirs: Option<f64>,
    ours: f64,
    command: f64,
}

/// What was measured.
struct Measured {
    ours: f64,
    fine: bool,
}

/// Milliseconds of the fastest of five runs, or of fewer when they take long.
fn fastest(mut run: impl FnMut()) -> f64 {
    fastest_of(|| (), |()| run())
}

/// As [`fastest`], of runs that use up what `prepare` makes outside of their time.
fn fastest_of<I>(mut prepare: impl FnMut() -> I, mut run: impl FnMut(I)) -> f64 {
    let once = |_| {
        let input = prepare();
        let begun = Instant::now();
        run(input);
        begun.elapsed().as_secs_f64() * 1_000.0
    };
    let begun = Instant::now();
    let soon = |_: &usize| begun.elapsed().as_secs() < 10;
    (0..5).take_while(soon).map(once).fold(f64::INFINITY, f64::min)
}

/// What a command takes from its start to its end.
fn whole(command: &mut Command) -> f64 {
    fastest(|| {
        let output = command.output().expect("the command can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    })
}

/// One line; whether it is what was wanted.
fn tell(what: &str, times: &Times, wanted: &Wanted) -> bool {
    let Times { theirs, ours, command } = *times;
    let mut line = format!("{what}: ours {ours:.2} ms, as a command {command:.1} ms");
    let mut fine = ours <= wanted.milliseconds;
    if let Some(theirs) = theirs {
        line += &format!(
            ", theirs {theirs:.1} ms: 1/{:.0}, as a command 1/{:.1}",
            theirs / ours,
            theirs / command
        );
        fine &= theirs / ours >= wanted.times;
    }
    if wanted.milliseconds.is_finite() {
        line += &format!(" (<= {} ms)", wanted.milliseconds);
    }
    if wanted.times > 0.0 && theirs.is_some() {
        line += &format!(" (<= 1/{})", wanted.times);
    }
    println!("{line}{}", if fine { "" } else { ": MISSED" });
    fine
}

fn project(count: usize) -> [(&'static str, String); 2] {
    let object = |at: usize| match at % 3 {
        0 => format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{at}}}\ndata: {{k: v, l: \"1\"}}\n"
        ),
        1 => format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: app-{at}}}\nspec: {{selector: {{app: x}}, ports: [{{port: 80}}]}}\n"
        ),
        _ => format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{at}}}\nspec:\n  selector: {{matchLabels: {{app: x}}}}\n  \
             template:\n    metadata: {{labels: {{app: x}}}}\n    spec:\n      containers:\n      - name: main\n        image: nginx:1\n        \
             envFrom: [{{configMapRef: {{name: map-{}}}}}]\n",
            at - 2
        ),
    };
    let objects: Vec<String> = (0..count).map(object).collect();
    let file = "resources: [r.yaml]\nnamePrefix: p-\nnamespace: ns\nimages: [{name: nginx, newTag: '2'}]\n\
        labels: [{pairs: {l: x}, includeSelectors: true}]\n";
    [("r.yaml", objects.join("---\n")), ("kustomization.yaml", file.to_owned())]
}

fn kustomize_build(tool: &str, sluice: &str, count: usize) -> Measured {
    let files = project(count);
    let dir = env::temp_dir().join(format!("sluice-speed-{}-{count}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder can be made");
    for (path, text) in &files {
        fs::write(dir.join(path), text).expect("the folder is writable");
    }
    let mut expected = Vec::new();
    let theirs = (count <= 1_000).then(|| {
        fastest(|| {
            let output =
                Command::new(tool).arg("build").arg(&dir).output().expect("kustomize can be started");
            expected = output.stdout;
        })
    });
    let tree: MemoryTree = files.iter().map(|(path, text)| (*path, text.clone())).collect();
    let mut found = String::new();
    let ours = fastest(|| {
        let options = BuildOptions { legacy_order: true, ..BuildOptions::default() };
        found = build_yaml(&tree, "", &options).expect("the project is right");
    });
    let command = whole(Command::new(sluice).args(["kustomize", "build"]).arg(&dir));
    let same = theirs.is_none() || found.as_bytes() == expected;
    let wanted = match count {
        10_000 => Wanted { milliseconds: 1_000.0, times: 0.0 },
        600 => Wanted { milliseconds: 60.0, times: 20.0 },
        _ => Wanted { milliseconds: f64::INFINITY, times: 20.0 },
    };
    let what = format!("kustomize build of {count} objects{}", if same { "" } else { " (DIFFERENT)" });
    let fine = tell(&what, &Times { theirs, ours, command }, &wanted) && same;
    let _ = fs::remove_dir_all(&dir);
    Measured { ours, fine }
}

fn helm_template(tool: &str, sluice: &str, folder: &Path) -> bool {
    let theirs = Some(whole(Command::new(tool).args(["template", "release-name"]).arg(folder)));
    let command = whole(Command::new(sluice).args(["helm", "template", "release-name"]).arg(folder));
    let mut files = Vec::new();
    read(folder, folder, &mut files);
    let mut options = TemplateOptions::default();
    options.render.threads = thread::available_parallelism().map_or(1, NonZero::get);
    let ours = fastest_of(
        || files.clone(),
        |files| {
            let chart = Chart::from_directory(files, &Limits::default()).expect("the folder is a chart");
            let _ = template_output(&chart, &Values::new(), Rc::new(Now), &options);
        },
    );
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let wanted = match name.as_str() {
        "podinfo" => Wanted { milliseconds: 5.0, times: 8.0 },
        _ => Wanted { milliseconds: f64::INFINITY, times: 10.0 },
    };
    tell(&format!("helm template of {name}"), &Times { theirs, ours, command }, &wanted)
}

fn read(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    for path in entries {
        if path.is_dir() {
            read(root, &path, files);
        } else if let (Ok(name), Ok(data)) = (path.strip_prefix(root), fs::read(&path)) {
            files.push((name.to_string_lossy().into_owned(), data));
        }
    }
}
