//! What callers rely on beyond the recorded cases: limits of reading, refusals, and messages.

use kustomize::{
    BuildLimits, BuildOptions, LoadRestriction, MemoryTree, RemoteError, RemoteLoader, Tree, build,
};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    files.iter().map(|(path, text)| (*path, *text)).collect()
}

fn built(files: &[(&str, &str)], path: &str, options: &BuildOptions<'_>) -> String {
    build(&tree(files), path, options).unwrap().to_yaml()
}

fn failure(files: &[(&str, &str)], path: &str, options: &BuildOptions<'_>) -> String {
    build(&tree(files), path, options).unwrap_err().to_string()
}

fn fails(files: &[(&str, &str)], path: &str, expect: &str) {
    let message = failure(files, path, &BuildOptions::default());
    assert!(message.contains(expect), "{message}");
}

#[test]
fn files_outside_of_the_root_need_the_lifted_restriction() {
    let files = [("a.yaml", CONFIG_MAP), ("app/kustomization.yaml", "resources: [../a.yaml]\n")];
    fails(&files, "app", "security; file '/a.yaml' is not in or below '/app'");
    let lifted = BuildOptions { load_restriction: LoadRestriction::None, ..BuildOptions::default() };
    assert!(built(&files, "app", &lifted).contains("name: a"));
}

#[test]
fn nothing_above_the_tree_is_ever_read() {
    let files = [("app/kustomization.yaml", "resources: [../../etc/passwd]\n")];
    let lifted = BuildOptions { load_restriction: LoadRestriction::None, ..BuildOptions::default() };
    let message = failure(&files, "app", &lifted);
    assert!(message.contains("security; file '/../etc/passwd' is not in or below '/'"), "{message}");
    let escaping = tree(&files);
    assert!(build(&escaping, "../x", &lifted).is_err());
}

#[test]
fn bases_that_include_each_other_are_a_cycle() {
    let files =
        [("a/kustomization.yaml", "resources: [../b]\n"), ("b/kustomization.yaml", "resources: [../a]\n")];
    fails(&files, "a", "cycle detected: candidate root '/a' contains visited root '/a'");
    fails(
        &[("a/kustomization.yaml", "resources: [..]\n"), ("kustomization.yaml", "namePrefix: x\n")],
        "a",
        "cycle",
    );
}

#[test]
fn says_what_is_missing() {
    fails(&[], "", "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization'");
    fails(&[("a", "x")], "b", "'/b' doesn't exist");
    fails(&[("kustomization.yaml", "resources: [nope.yaml]\n")], "", "'/nope.yaml' doesn't exist");
    let two = [("kustomization.yaml", "namePrefix: x\n"), ("kustomization.yml", "namePrefix: x\n")];
    fails(&two, "", "Found multiple kustomization files under: /");
}

#[test]
fn a_source_of_a_replacement_is_one_object() {
    let list = format!("{}---\n{}", CONFIG_MAP, CONFIG_MAP.replace("name: a", "name: b"));
    let from = |name: &str| {
        let select = format!("source: {{kind: ConfigMap{name}, fieldPath: metadata.name}}");
        format!(
            "resources: [a.yaml]\nreplacements: [{{{select}, targets: [{{select: {{kind: X}}, fieldPaths: [a]}}]}}]\n"
        )
    };
    for (name, expect) in
        [("", "multiple matches for selector ConfigMap"), (", name: c", "nothing selected by ConfigMap")]
    {
        fails(&[("kustomization.yaml", &from(name)), ("a.yaml", &list)], "", expect);
    }
}

#[test]
fn malformed_files_are_named_with_the_line() {
    let files = [("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", "kind: A\nb: c: d\n")];
    fails(&files, "", "MalformedYAMLError: yaml: line 2: mapping values are not allowed in this context");
    fails(&files, "", "in File: a.yaml");
}

#[test]
fn what_would_run_programs_is_refused() {
    fails(&[("kustomization.yaml", "helmCharts: [{name: x}]\n")], "", "helmCharts are not inflated");
    let plugin = "apiVersion: x/v1\nkind: Exec\nmetadata: {name: a}\n";
    let files = [("kustomization.yaml", "transformers: [t.yaml]\n"), ("t.yaml", plugin)];
    fails(&files, "", "unable to load external plugin 'Exec'");
    let helm = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: a}\n";
    let files = [("kustomization.yaml", "generators: [g.yaml]\n"), ("g.yaml", helm)];
    fails(&files, "", "helmCharts are not inflated");
}

#[test]
fn a_build_is_bounded() {
    let list = format!("{}---\n{}", CONFIG_MAP, CONFIG_MAP.replace("name: a", "name: b"));
    let files = [("kustomization.yaml", "resources: [a.yaml]\n"), ("a.yaml", list.as_str())];
    let options = BuildOptions {
        limits: BuildLimits { resources: 1, ..BuildLimits::default() },
        ..BuildOptions::default()
    };
    assert_eq!(
        failure(&files, "", &options),
        "accumulating resources: build exceeds the limit of 1 resources"
    );
    let options = BuildOptions {
        limits: BuildLimits { bases: 1, ..BuildLimits::default() },
        ..BuildOptions::default()
    };
    let (base, other) = ("namePrefix: x\nresources: []\n", "resources: [../b]\n");
    let files =
        [("a/kustomization.yaml", base), ("b/kustomization.yaml", base), ("c/kustomization.yaml", other)];
    assert_eq!(built(&files, "a", &options), "");
    assert!(failure(&files, "c", &options).contains("limit of 1"), "{}", failure(&files, "c", &options));
    let regex = "resources: [a.yaml]\npatches: [{patch: '[]', target: {name: '(a{1000}){1000}'}}]\n";
    fails(&[("kustomization.yaml", regex), ("a.yaml", CONFIG_MAP)], "", "error parsing regexp");
}

#[test]
fn messages_do_not_hold_the_values_of_secrets() {
    let canary = "c4n4ry-v4lue";
    let text = format!("secretGenerator: [{{name: s, literals: [k={canary}, k={canary}]}}]\n");
    let message = failure(&[("kustomization.yaml", &text)], "", &BuildOptions::default());
    assert!(!message.contains(canary), "{message}");
}

struct Remotes;

impl RemoteLoader for Remotes {
    fn file(&self, url: &str) -> Result<Vec<u8>, RemoteError> {
        if url.ends_with("cm.yaml") {
            return Ok(CONFIG_MAP.into());
        }
        Err(RemoteError::Unavailable(format!("{url}: 404")))
    }

    fn directory(&self, _url: &str) -> Result<(Box<dyn Tree>, String), RemoteError> {
        let files = [("base/kustomization.yaml", "resources: [a.yaml]\n"), ("base/a.yaml", CONFIG_MAP)];
        Ok((Box::new(tree(&files)), "base".into()))
    }
}

#[test]
fn remote_resources_need_a_loader() {
    for url in ["https://example.com/cm.yaml", "https://github.com/org/repo//base?ref=v1"] {
        let text = format!("resources: ['{url}']\nnamePrefix: p-\n");
        let files = [("kustomization.yaml", text.as_str())];
        fails(&files, "", "remote resources and bases are not allowed");
        let options = BuildOptions { remote: Some(&Remotes), ..BuildOptions::default() };
        assert!(built(&files, "", &options).contains("name: p-a"), "{url}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let text =
        "resources: [a.yaml]\nconfigMapGenerator: [{name: g, literals: [a=1, b=2]}]\ncommonLabels: {a: b}\n";
    let files = [("kustomization.yaml", text), ("a.yaml", CONFIG_MAP)];
    let options = BuildOptions::default();
    assert_eq!(built(&files, "", &options), built(&files, "", &options));
}

#[test]
fn objects_are_given_in_the_order_of_the_output() {
    let text = "resources: [a.yaml]\nconfigMapGenerator: [{name: g, literals: [a=1]}]\n";
    let files = [("kustomization.yaml", text), ("a.yaml", CONFIG_MAP)];
    let objects = build(&tree(&files), "", &BuildOptions::default()).unwrap().objects();
    let names: Vec<_> =
        objects.iter().map(|object| object.name().split('-').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["a", "g"]);
}

/// What the reference tool says of this: labels come before images, whatever resource is met first.
#[test]
fn the_first_step_that_fails_is_told_though_steps_go_over_resources_together() {
    let kustomization =
        "resources: [r.yaml]\nlabels: [{pairs: {l: x}}]\nimages: [{name: nginx, newTag: '2'}]\n";
    let no_container = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [text]}}}\n";
    let no_labels = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, labels: text}\n";
    let both = format!("{no_container}---\n{no_labels}");
    fails(
        &[("kustomization.yaml", kustomization), ("r.yaml", &both)],
        "",
        "considering field 'metadata/labels' of object ConfigMap.v1.[noGrp]/b.[noNs]",
    );
    fails(&[("kustomization.yaml", kustomization), ("r.yaml", no_container)], "", "wrong node kind");
    let no_pattern = kustomization.replace("name: nginx", "name: '('");
    fails(&[("kustomization.yaml", &no_pattern), ("r.yaml", &both)], "", "metadata/labels");
    fails(&[("kustomization.yaml", &no_pattern), ("r.yaml", CONFIG_MAP)], "", "is not a valid pattern");
}

/// Each copy is small enough, and a line of a patch; all of them are not.
#[test]
fn copies_have_one_limit_for_the_whole_build() {
    let object = format!("{CONFIG_MAP}data: {{k: v, a0: ['{}']}}\n", "y".repeat(1_000));
    let copy = |from: String, to: String| format!("- {{op: copy, from: /data/{from}, path: /data/{to}}}\n");
    let mut patch = String::new();
    for level in 0..11 {
        patch += &copy(format!("a{level}"), format!("a{}", level + 1));
        patch += &copy(format!("a{level}"), format!("a{}/-", level + 1));
    }
    let copies = |count: usize| (0..count).map(|at| copy("a11".into(), format!("c{at}"))).collect::<String>();
    let project = |patch: &str| {
        let indented: String = patch.lines().map(|line| format!("    {line}\n")).collect();
        format!("resources: [r.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: |\n{indented}")
    };
    let (few, many) = (project(&(patch.clone() + &copies(5))), project(&(patch + &copies(150))));
    assert!(
        built(&[("kustomization.yaml", &few), ("r.yaml", &object)], "", &BuildOptions::default()).len()
            > 1_000_000
    );
    fails(&[("kustomization.yaml", &many), ("r.yaml", &object)], "", "copy more than the limit");

    let large = format!("{CONFIG_MAP}data: {{big: {}}}\n", "x".repeat(1 << 20));
    let replace = |count: usize| {
        let fields: Vec<_> = (0..count).map(|at| format!("data.k{at}")).collect();
        format!(
            "resources: [r.yaml]\nreplacements:\n- source: {{kind: ConfigMap, fieldPath: data.big}}\n  targets:\n  - select: {{kind: \
             ConfigMap}}\n    options: {{create: true}}\n    fieldPaths: [{}]\n",
            fields.join(", ")
        )
    };
    built(&[("kustomization.yaml", &replace(10)), ("r.yaml", &large)], "", &BuildOptions::default());
    // Each place counts once.
    built(&[("kustomization.yaml", &replace(60)), ("r.yaml", &large)], "", &BuildOptions::default());
    fails(&[("kustomization.yaml", &replace(100)), ("r.yaml", &large)], "", "copy more than the limit");
    let (base, bases) = (replace(30), "resources: [a, b, c]\n");
    let other = |name: &str| large.replace("name: a", &format!("name: {name}"));
    let (b, c) = (other("b"), other("c"));
    let tree = [
        ("kustomization.yaml", bases),
        ("a/kustomization.yaml", &base),
        ("a/r.yaml", &large),
        ("b/kustomization.yaml", &base),
        ("b/r.yaml", &b),
        ("c/kustomization.yaml", &base),
        ("c/r.yaml", &c),
    ];
    fails(&tree, "", "copy more than the limit");
}

/// A line for each key, a megabyte of memory for each line.
#[test]
fn files_under_many_keys_have_a_limit() {
    let file = "x".repeat(1 << 20);
    let generator = |keys: usize| {
        let files: Vec<_> = (0..keys).map(|key| format!("k{key}=f")).collect();
        format!("configMapGenerator: [{{name: g, files: [{}]}}]\n", files.join(", "))
    };
    built(&[("kustomization.yaml", &generator(10)), ("f", &file)], "", &BuildOptions::default());
    let many = generator(70);
    let message = failure(&[("a/kustomization.yaml", &many), ("a/f", &file)], "a", &BuildOptions::default());
    for part in
        ["ConfigMapGenerator of '/a/kustomization.yaml'", "'/a/f'", "'g'", "read again", "limit of 67108864"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn bases_that_are_visited_often_have_a_limit() {
    let object = format!("{CONFIG_MAP}data: {{big: {}}}\n", "x".repeat(1 << 20));
    let base = ("base/kustomization.yaml".to_owned(), "resources: [a.yaml]\n".to_owned());
    let project = |overlays: usize| -> MemoryTree {
        let names: Vec<_> = (0..overlays).map(|at| format!("o{at}")).collect();
        let mut files = vec![base.clone(), ("base/a.yaml".to_owned(), object.clone())];
        files.push(("kustomization.yaml".to_owned(), format!("resources: [{}]\n", names.join(", "))));
        files.extend(names.iter().map(|name| {
            let text = format!("resources: [../base]\nnamePrefix: {name}-\n");
            (format!("{name}/kustomization.yaml"), text)
        }));
        files.into_iter().collect()
    };
    assert_eq!(build(&project(20), "", &BuildOptions::default()).unwrap().objects().len(), 20);
    let message = build(&project(140), "", &BuildOptions::default()).unwrap_err().to_string();
    let expect = "'/base/a.yaml': bases that are visited again hold more than the limit of 134217728 bytes";
    assert!(message.contains(expect), "{message}");
}

#[test]
fn a_kustomization_that_is_no_text_is_not_missing() {
    let mut tree = tree(&[("kustomization.yaml", "resources: [base]\n")]);
    tree.insert("base/kustomization.yaml", b"# caf\xe9\nresources: []\n");
    let message = build(&tree, "", &BuildOptions::default()).unwrap_err().to_string();
    assert!(message.ends_with("'kustomization.yaml' is not valid UTF-8"), "{message}");
    let missing = failure(&[("a.yaml", CONFIG_MAP)], "", &BuildOptions::default());
    assert!(missing.starts_with("unable to find one of"), "{missing}");
}
