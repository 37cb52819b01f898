//! Small inputs made to cost much: each ends in a clear error (or, where that is right, in a result) within a moment
//! and within 64 MiB above what the program holds anyway. Each runs in a process of its own, which tells its peak.

mod pack;

use std::{
    env,
    fmt::Write as _,
    fs,
    io::Write as _,
    process::Command,
    rc::Rc,
    time::{Duration, Instant},
};

use envsubst::{Unset, substitute};
use gotemplate::{FuncError, Funcs, Session, Templates, Value};
use helm_template::{Chart, Limits, TemplateOptions, Values, template_output};
use jiff::Timestamp;
use kustomize::{BuildOptions, MemoryTree, build};
use manifest::yaml::parse_documents;
use semver_range::Constraint;

/// What is asked is a second in a release build; a debug build gets this.
const PATIENCE: Duration = Duration::from_secs(20);
/// KiB above an idle process. A debug build holds no more than a release build.
const MEMORY: u64 = 64 << 10;
const VARIABLE: &str = "SLUICE_BOMB";

type Answer = Result<String, String>;
type Bomb = (&'static str, fn() -> Answer, Option<&'static str>);

/// Name, what runs, and words of the error; none where a result is right.
const BOMBS: &[Bomb] = &[
    ("idle", || Ok(String::new()), None),
    ("aliases", aliases, Some("alias")),
    ("depth of lists", || yaml(&"[".repeat(1_000_000)), Some("256 levels")),
    ("depth of mappings", || yaml(&"{a: ".repeat(500_000)), Some("256 levels")),
    ("many keys of one mapping", || yaml(&keys(100_000)), None),
    (
        "a base that includes itself",
        || kustomize(&[("kustomization.yaml", "resources: [.]\n")]),
        Some("cycle"),
    ),
    ("bases that fan out", fan_out, Some("bases")),
    ("a patch far behind the end", far_index, Some("index")),
    ("copies that double", copies, Some("limit")),
    ("replacements that double", replacements, Some("limit")),
    ("an endless range", || template("{{range 9000000000000}}{{end}}"), Some("steps")),
    ("ranges in ranges", || template("{{range 1000000}}{{range 1000000}}{{end}}{{end}}"), Some("steps")),
    (
        "a template that includes itself",
        || template("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}"),
        Some("depth"),
    ),
    (
        "deep include",
        || chart("{{define \"a\"}}{{include \"a\" .}}{{end}}{{include \"a\" .}}", ""),
        Some("nested reference"),
    ),
    ("deep tpl", || chart("{{ tpl .Values.t . }}", "t: '{{ tpl .Values.t . }}'\n"), Some("depth")),
    ("repeat to gigabytes", || template("{{ repeat 1000000000 \"abc\" }}"), Some("bytes")),
    ("repeat of repeat", || template("{{ repeat 10000 (repeat 10000 \"abc\") }}"), Some("bytes")),
    (
        "a text that doubles",
        || template("{{$x := \"abc\"}}{{range 60}}{{$x = print $x $x}}{{end}}{{$x}}"),
        Some("bytes"),
    ),
    ("a list that doubles, printed", || doubled("toYaml $x"), Some("bytes")),
    ("a list that doubles, copied", || doubled("len (deepCopy $x)"), Some("")),
    ("a list that doubles, compared", || doubled("deepEqual $x $y"), Some("")),
    (
        "lists in a list",
        || template("{{$k := list}}{{range 40}}{{$k = append $k (until 500000)}}{{end}}{{len $k}}"),
        Some("at once"),
    ),
    (
        "lists held by maps",
        || {
            template(
                "{{$k := dict}}{{range $i := until 60000}}{{$_ := set $k (print $i) (dict \"a\" (dict))}}{{end}}",
            )
        },
        Some("at once"),
    ),
    (
        "maps that hold lists for a moment",
        || template("{{range 9000}}{{$d := dict}}{{$_ := set $d \"a\" (until 1000)}}{{end}}"),
        None,
    ),
    (
        "texts held in a list",
        || template("{{$k := list}}{{range 40}}{{$k = append $k (repeat 9000000 \"a\")}}{{end}}"),
        Some("at once"),
    ),
    (
        "a text split into letters",
        || template("{{ repeat 16000000 \"a\" | split \"\" | len }}"),
        Some("limit"),
    ),
    ("a list in chunks of one", || template("{{ chunk 1 (until 600000) | len }}"), Some("limit")),
    (
        "every place of a text",
        || template("{{ regexFindAll \"\" (repeat 16000000 \"a\") -1 | len }}"),
        Some("than"),
    ),
    (
        "a long YAML list",
        || template("{{ fromYamlArray (repeat 4000000 \"- a\\n\") | len }}"),
        Some("values"),
    ),
    (
        "a long JSON list",
        || template("{{ fromJsonArray (print \"[\" (repeat 5000000 \"1,\") \"1]\") | len }}"),
        Some("limit"),
    ),
    (
        "JSON of many objects",
        || template("{{ fromJsonArray (print \"[\" (repeat 2000000 \"{},\") \"1]\") | len }}"),
        Some("at once"),
    ),
    ("one text many times, as TOML", || many("toToml"), Some("limit")),
    ("one text many times, as YAML", || many("toYaml"), Some("limit")),
    ("a template of many actions", || chart("{{ tpl (repeat 1000000 \"{{1}}\") . }}", ""), Some("memory")),
    ("templates that hold trees", trees, Some("at once")),
    (
        "output in output",
        || chart("{{define \"a\"}}{{repeat 4000000 \"a\"}}{{include \"a\" .}}{{end}}{{include \"a\" .}}", ""),
        Some("at once"),
    ),
    (
        "an exploding expression",
        || template("{{ regexMatch \"((a{1,100}){1,100}){1,100}\" \"aaa\" }}x"),
        None,
    ),
    ("a schema that is its own part", schema, None),
    (
        "a schema of many links",
        || linked_schema(20_000, "{\"type\": \"string\"}"),
        Some("values.schema.json"),
    ),
    ("a schema that doubles", || linked_schema(60, "NEXT"), Some("too many ways")),
    ("a schema of errors that double", || linked_schema(16, "NEXT"), Some("too many reasons")),
    ("a schema of alternatives, nested in values", nested_values, Some("too many ways")),
    ("aliases of a sub-chart with many values", || aliased_chart(40, 50_000), Some("aliases")),
    ("values of a sub-chart, as many as may be", || aliased_chart(5, 50_000), None),
    ("values of a chart, as many as may be", || chart("", &format!("l:\n{}", "- 1\n".repeat(300_000))), None),
    ("loops over files", files, None),
    ("a default value of 10 MB", default_value, None),
    ("references in references", || substitution(&"${a:-".repeat(100_000)), Some("")),
    ("a pack of deltas on deltas", deltas, Some("unpacked together")),
    ("a constraint of many parts", || constraint(&">=1.0.0 || ".repeat(100_000)), Some("")),
];

fn yaml(text: &str) -> Answer {
    let parsed = parse_documents("f.yaml", text, &manifest::yaml::Limits::default());
    parsed.map(|documents| documents.len().to_string()).map_err(|error| error.to_string())
}

fn aliases() -> Answer {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        let items = vec![format!("*a{below}"); 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{items}]").map_err(|error| error.to_string())?;
    }
    yaml(&text)
}

fn keys(count: usize) -> String {
    (0..count).map(|key| format!("k{key}: 1\n")).collect()
}

fn kustomize<P: AsRef<str>>(files: &[(P, &str)]) -> Answer {
    let tree: MemoryTree = files.iter().map(|(path, text)| (path.as_ref(), *text)).collect();
    let built = build(&tree, "", &BuildOptions::default());
    built.map(|built| built.to_yaml()).map_err(|error| error.to_string())
}

/// Each level visits both directories of the next.
fn fan_out() -> Answer {
    let mut tree = MemoryTree::new();
    tree.insert("kustomization.yaml", "resources: [a0, b0]\n");
    for level in 0..60 {
        for side in ["a", "b"] {
            let next = level + 1;
            let text = format!("resources: [../a{next}, ../b{next}]\n");
            tree.insert(format!("{side}{level}/kustomization.yaml"), text);
        }
    }
    for side in ["a", "b"] {
        tree.insert(format!("{side}60/kustomization.yaml"), "namePrefix: x\n");
    }
    build(&tree, "", &BuildOptions::default()).map(|built| built.to_yaml()).map_err(|error| error.to_string())
}

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \"x:y\"}\nlist: [1]\n";

fn far_index() -> Answer {
    let patch =
        "patches: [{target: {kind: ConfigMap}, patch: '- {op: add, path: /list/1000000000, value: 1}'}]\n";
    kustomize(&[("kustomization.yaml", &*format!("resources: [r.yaml]\n{patch}")), ("r.yaml", CONFIG_MAP)])
}

fn copies() -> Answer {
    let copy: Vec<String> =
        (0..48).map(|at| format!(r#"{{"op": "copy", "from": "/data", "path": "/data/c{at}"}}"#)).collect();
    let patch = format!("patches: [{{target: {{kind: ConfigMap}}, patch: '[{}]'}}]\n", copy.join(", "));
    kustomize(&[("kustomization.yaml", &*format!("resources: [r.yaml]\n{patch}")), ("r.yaml", CONFIG_MAP)])
}

fn replacements() -> Answer {
    let one = "- source: {kind: ConfigMap, fieldPath: data.k}\n  targets: [{select: {kind: ConfigMap}, \
               fieldPaths: [data.k], options: {delimiter: ':', index: -1}}]\n";
    let text = format!("resources: [r.yaml]\nreplacements:\n{}", one.repeat(48));
    kustomize(&[("kustomization.yaml", &*text), ("r.yaml", CONFIG_MAP)])
}

struct Still;

impl sprig::Host for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn random(&self, _: &mut [u8]) -> Result<(), FuncError> {
        Err("no randomness".into())
    }
}

impl helm_template::Host for Still {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
        Ok(serde_json::json!({}))
    }
}

fn template(text: &str) -> Answer {
    let mut funcs = Funcs::new();
    sprig::add_functions(&mut funcs, Rc::new(Still));
    sprig::add_encodings(&mut funcs);
    let mut set = Templates::new("bomb");
    set.parse("bomb", text, &funcs).map_err(|error| error.to_string())?;
    let out = set.execute("bomb", &Value::Nil, &funcs, &Session::default());
    out.map(|out| out.to_string()).map_err(|error| error.to_string())
}

/// A list that holds one long text many times.
fn many(function: &str) -> Answer {
    let list = "{{$t := repeat 4000000 \"a\"}}{{$l := list}}{{range 60}}{{$l = append $l $t}}{{end}}";
    template(&format!("{list}{{{{ {function} (dict \"a\" $l) | len }}}}"))
}

/// Each text is parsed while the one around it runs.
fn trees() -> Answer {
    let text = format!("{{{{ tpl $.Values.t . }}}}{}", "{{1}}".repeat(20_000));
    chart("{{ tpl .Values.t . }}", &format!("t: '{text}'\n"))
}

/// A list of two times itself, sixty levels deep: small in memory, endless when walked.
fn doubled(use_of_it: &str) -> Answer {
    let grow = "{{range 60}}{{$x = list $x $x}}{{$y = list $y $y}}{{end}}";
    template(&format!("{{{{$x := list 1}}}}{{{{$y := list 1}}}}{grow}{{{{ {use_of_it} }}}}"))
}

fn chart_with(files: &[(&str, &str)]) -> Answer {
    let mut all = vec![("Chart.yaml".to_owned(), b"apiVersion: v2\nname: c\nversion: 1.0.0\n".to_vec())];
    all.retain(|(own, _)| files.iter().all(|(path, _)| path != own));
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
    let chart = Chart::from_directory(all, &Limits::default()).map_err(|error| error.to_string())?;
    let out = template_output(&chart, &Values::new(), Rc::new(Still), &TemplateOptions::default());
    out.map_err(|error| error.to_string())
}

fn chart(template: &str, values: &str) -> Answer {
    chart_with(&[("templates/a.yaml", template), ("values.yaml", values)])
}

fn schema() -> Answer {
    let text = r##"{"$ref": "#/definitions/a", "definitions": {"a": {"allOf": [{"$ref": "#/definitions/b"}]},
        "b": {"anyOf": [{"type": "object"}, {"$ref": "#/definitions/b"}]}}}"##;
    chart_with(&[("values.schema.json", text), ("values.yaml", "a: 1\n")])
}

/// A sub-chart with a list of numbers, under several names.
fn aliased_chart(aliases: usize, numbers: usize) -> Answer {
    let wanted: String =
        (0..aliases).map(|at| format!("- {{name: s, version: 1.0.0, alias: s{at}}}\n")).collect();
    let head = format!("apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n{wanted}");
    let values = format!("l:\n{}", "- 1\n".repeat(numbers));
    chart_with(&[
        ("Chart.yaml", &head),
        ("charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n"),
        ("charts/s/values.yaml", &values),
        ("charts/s/templates/a.yaml", "# {{ len .Values.l }}"),
    ])
}

/// Ten files of 4 MiB, asked for again and again.
fn files() -> Answer {
    let large = "x".repeat(4 << 20);
    let names: Vec<String> = (0..10).map(|at| format!("f{at}.txt")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), large.as_str())).collect();
    let inner = "{{ range $.Files }}{{ range $.Files }}{{ range $.Files }}{{ end }}{{ end }}{{ end }}";
    let text = format!("{{{{ range until 20000 }}}}{{{{ $_ := len $.Files }}}}{{{{ end }}}}{inner}");
    files.push(("templates/a.yaml", &text));
    chart_with(&files)
}

/// Each definition takes what the next takes, or else `other`.
fn linked_schema(links: usize, other: &str) -> Answer {
    let mut text = "{\"properties\": {\"a\": {\"$ref\": \"#/$defs/a0\"}}, \"$defs\": {".to_owned();
    for link in 0..links {
        let next = format!("{{\"$ref\": \"#/$defs/a{}\"}}", link + 1);
        let other = other.replace("NEXT", &next);
        write!(text, "\"a{link}\": {{\"anyOf\": [{next}, {other}]}},").map_err(|error| error.to_string())?;
    }
    write!(text, "\"a{links}\": {{\"type\": \"string\"}}}}}}").map_err(|error| error.to_string())?;
    chart_with(&[("values.schema.json", &text), ("values.yaml", "a: 1\n")])
}

fn nested_values() -> Answer {
    let text = r##"{"$ref": "#/$defs/a", "$defs": {"a": {"oneOf": [
        {"additionalProperties": {"$ref": "#/$defs/a"}, "required": ["b"]},
        {"additionalProperties": {"$ref": "#/$defs/a"}, "required": ["c"]}]}}}"##;
    let values = format!("a: {}1{}\n", "{a: ".repeat(40), "}".repeat(40));
    chart_with(&[("values.schema.json", text), ("values.yaml", &values)])
}

fn substitution(text: &str) -> Answer {
    substitute(text, |_| None, Unset::Empty).map_err(|error| error.to_string())
}

fn default_value() -> Answer {
    substitution(&format!("${{a:-{}}}", "x".repeat(10 << 20)))
}

/// Forty levels of a base of 8 MiB, each with a delta that nothing is made of and one that the next level is made of.
fn deltas() -> Answer {
    git::replay::ingest(&pack::deltas(8 << 20, 40), 32 << 20)
        .map(|()| String::new())
        .map_err(|error| error.to_string())
}

fn constraint(text: &str) -> Answer {
    Constraint::parse(text).map(|_| String::new()).map_err(|error| error.to_string())
}

/// The most memory this process has held, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.expect("the kernel tells VmHWM")
}

fn say(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").expect("stderr is open");
}

/// In the process of one bomb: runs it and tells how it went.
fn burst(name: &str) {
    let (_, run, _) = BOMBS.iter().find(|(known, ..)| *known == name).expect("the bomb is known");
    let begun = Instant::now();
    let answer = run();
    let took = begun.elapsed().as_millis();
    let (kind, text) = match answer {
        Ok(_) => ("ok", String::new()),
        Err(text) => ("error", ends(&text)),
    };
    say(&format!("BOMB\t{took}\t{}\t{kind}\t{}", peak(), text.replace(['\n', '\t'], " ")));
}

/// The first and last letters of a message.
fn ends(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < 600 {
        return text.to_owned();
    }
    letters[..200].iter().chain(&letters[letters.len() - 400..]).collect()
}

/// Milliseconds, KiB and the error of one bomb, run in a process of its own.
fn run(name: &str) -> Result<(u64, u64, Option<String>), String> {
    let me = env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(me);
    command.args(["--exact", "bombs_end_in_a_clear_error", "--nocapture"]).env(VARIABLE, name);
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.strip_prefix("BOMB\t"));
    let fields: Vec<&str> = line.ok_or(format!("died: {text}"))?.split('\t').collect();
    let [took, peak, kind, message] = fields[..] else { return Err(format!("odd: {fields:?}")) };
    let number = |text: &str| text.parse().map_err(|_| format!("odd number {text}"));
    Ok((number(took)?, number(peak)?, (kind == "error").then(|| message.to_owned())))
}

#[test]
fn bombs_end_in_a_clear_error() {
    if let Ok(name) = env::var(VARIABLE) {
        return burst(&name);
    }
    let (_, idle, _) = run("idle").expect("an idle process ends");
    let mut findings = Vec::new();
    for &(name, _, words) in BOMBS {
        let (took, peak, error) = match run(name) {
            Ok(told) => told,
            Err(problem) => {
                findings.push(format!("{name}: {problem}"));
                continue;
            }
        };
        let above = peak.saturating_sub(idle);
        say(&format!("{name}: {took} ms, {above} KiB: {}", error.as_deref().unwrap_or("a result")));
        let clear = match (words, &error) {
            (Some(words), Some(error)) => error.contains(words),
            (None, None) => true,
            _ => false,
        };
        if !clear || Duration::from_millis(took) > PATIENCE || above > MEMORY {
            findings.push(format!("{name}: {took} ms, {above} KiB, {error:?}"));
        }
    }
    assert!(findings.is_empty(), "{findings:#?}");
}
