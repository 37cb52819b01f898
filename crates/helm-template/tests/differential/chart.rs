//! Whole charts: files, sub-charts, and the flags of one render.
use conformance::random::Dice;

use crate::{
    flags::flags,
    schema::schema,
    templates::Writer,
    values::{overlay, values, word},
};

/// A chart below `chart/`, files beside it, and flags.
pub(crate) struct Project {
    pub(crate) files: Vec<(String, String)>,
    pub(crate) flags: Vec<String>,
    used: Vec<&'static str>,
}

/// A chart that another depends on.
struct Sub {
    name: &'static str,
    library: bool,
    entry: String,
}

impl Project {
    /// The chart of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x4845_4c4d);
        let mut project = Self { files: Vec::new(), flags: Vec::new(), used: Vec::new() };
        project.chart("chart", "root", 2, &mut dice);
        project.file("file.txt".to_owned(), "from a file\nwith \"two\" lines");
        let over = dice.chance(40);
        if over {
            let mut sheet = values(false, &mut dice);
            if dice.chance(40) {
                sheet.nest("alpha", &overlay(2, &mut dice));
            }
            project.file("over.yaml".to_owned(), &sheet.done());
            project.used.push("second values file");
        }
        project.flags = flags(over, "templates/t0.yaml", &mut dice);
        project
    }

    /// The features, each once.
    pub(crate) fn features(&self) -> Vec<&'static str> {
        let mut features = self.used.clone();
        for flag in &self.flags {
            let known = [
                "--set",
                "--set-string",
                "--set-json",
                "--set-file",
                "--set-literal",
                "--is-upgrade",
                "--show-only",
            ];
            features.extend(known.into_iter().filter(|known| known == flag));
        }
        features.sort_unstable();
        features.dedup();
        features
    }

    fn file(&mut self, path: String, text: &str) {
        self.files.push((path, text.to_owned()));
    }

    fn chart(&mut self, dir: &str, name: &str, depth: usize, dice: &mut Dice) {
        let subs = if depth > 0 { self.subs(dir, depth, dice) } else { Vec::new() };
        self.values(dir, &subs, dice);
        self.metadata(dir, name, &subs, dice);
        self.templates(dir, name, false, dice);
        self.others(dir, dice);
    }

    fn subs(&mut self, dir: &str, depth: usize, dice: &mut Dice) -> Vec<Sub> {
        let mut subs = Vec::new();
        for name in ["alpha", "beta", "lib"] {
            if !dice.chance(if depth == 2 { 40 } else { 15 }) {
                continue;
            }
            let library = name == "lib";
            self.used.push(if library { "library chart" } else { "sub-chart" });
            let entry = self.entry(name, dice);
            subs.push(Sub { name, library, entry });
            let below = format!("{dir}/charts/{name}");
            if library {
                self.file(
                    format!("{below}/Chart.yaml"),
                    &format!("apiVersion: v2\nname: {name}\nversion: 0.2.0\ntype: library\n"),
                );
                self.file(
                    format!("{below}/values.yaml"),
                    "fromlib: 1\nexports:\n  data:\n    imported: {lib: true}\n",
                );
                self.templates(&below, name, true, dice);
            } else {
                self.chart(&below, name, depth - 1, dice);
            }
        }
        subs
    }

    /// The entry of a dependency in `Chart.yaml`.
    fn entry(&mut self, name: &str, dice: &mut Dice) -> String {
        let version = word(dice, &["0.2.0", ">=0.1.0", "~0.2", "*", "0.x", "^0.2.0-0"]);
        let mut entry = format!(
            "- name: {name}\n  version: \"{version}\"\n  repository: \"https://example.com/charts\"\n"
        );
        if name == "lib" {
            return entry;
        }
        if dice.chance(20) {
            self.used.push("alias");
            entry.push_str(&format!("  alias: {}\n", word(dice, &["other", "al-ias", "alpha2"])));
        }
        if dice.chance(40) {
            self.used.push("condition");
            let conditions = [
                "alpha.enabled",
                "beta.enabled,flag",
                "global.flag",
                "no.such,flag",
                "str",
                "other.enabled",
                " flag ",
            ];
            entry.push_str(&format!("  condition: \"{}\"\n", word(dice, &conditions)));
        }
        if dice.chance(30) {
            self.used.push("tags");
            entry.push_str(word(
                dice,
                &["  tags: [front]\n", "  tags: [front, back]\n", "  tags:\n    - back\n"],
            ));
        }
        if dice.chance(35) {
            self.used.push("import-values");
            entry.push_str("  import-values:\n");
            let imports = [
                "  - data\n",
                "  - child: nested.image\n    parent: imported\n",
                "  - child: map\n    parent: map\n",
                "  - child: exports.data\n    parent: imported.deep\n",
                "  - child: no.such\n    parent: imported\n",
                "  - more\n",
            ];
            for _ in 0..1 + dice.below(2) {
                entry.push_str(word(dice, &imports));
            }
        }
        entry
    }

    fn values(&mut self, dir: &str, subs: &[Sub], dice: &mut Dice) {
        let mut sheet = values(true, dice);
        for sub in subs.iter().filter(|sub| !sub.library) {
            if dice.chance(60) {
                sheet.nest(sub.name, &overlay(2, dice));
            }
        }
        if dice.chance(20) {
            sheet.nest("other", &overlay(2, dice));
        }
        if dice.chance(30) {
            sheet.put("enabled", word(dice, &["true", "false"]));
        }
        if dice.chance(30) {
            sheet.put(
                "tags",
                word(dice, &["{front: false}", "{back: true, front: false}", "{back: false}", "{}"]),
            );
        }
        if dice.chance(50) {
            sheet.put(
                "exports",
                "\n  data:\n    imported: {x: 1, y: [a]}\n    map: {a: exported}\n  more: {setmap: {m: 1}}",
            );
        }
        let text = sheet.done();
        let text = if dice.chance(4) { text.replace('\n', "\r\n") } else { text };
        self.file(format!("{dir}/values.yaml"), &text);
        if dice.chance(25) {
            self.used.push("schema");
            let schema = schema(dice);
            self.file(format!("{dir}/values.schema.json"), &schema);
        }
    }

    fn metadata(&mut self, dir: &str, name: &str, subs: &[Sub], dice: &mut Dice) {
        let old = dice.chance(10);
        let mut text =
            format!("apiVersion: {}\nname: {name}\nversion: 0.2.0\n", if old { "v1" } else { "v2" });
        for (share, line) in [
            (60, "appVersion: \"1.16.0\"\n"),
            (20, "description: >-\n  A chart\n  of tests\n"),
            (20, "annotations:\n  a.b/c: \"1\"\n  d: |\n    text\n"),
            (20, "keywords: [one, two]\n"),
            (15, "maintainers:\n- name: ada\n  email: a@b.c\n- name: bob\n  url: https://b\n"),
            (15, "kubeVersion: \">=1.20.0-0\"\n"),
            (
                10,
                "icon: https://example.com/i.png\nhome: https://example.com\nsources: [https://example.com/s]\n",
            ),
            (10, "deprecated: true\n"),
            (10, "unknownField: {a: 1}\n"),
        ] {
            if dice.chance(share) {
                text.push_str(line);
            }
        }
        if !old && dice.chance(40) {
            text.push_str("type: application\n");
        }
        let entries: String = subs.iter().filter(|_| dice.chance(90)).map(|sub| sub.entry.as_str()).collect();
        let dependencies =
            if entries.is_empty() { String::new() } else { format!("dependencies:\n{entries}") };
        if old {
            self.file(format!("{dir}/requirements.yaml"), &dependencies);
        } else {
            text.push_str(&dependencies);
        }
        self.file(format!("{dir}/Chart.yaml"), &text);
    }

    fn templates(&mut self, dir: &str, name: &str, library: bool, dice: &mut Dice) {
        let mut helpers = Writer::new(dice);
        helpers.helpers(name);
        let (text, used) = helpers.done();
        self.used.extend(used);
        self.file(format!("{dir}/templates/_helpers.tpl"), &text);
        if library {
            return;
        }
        for at in 0..1 + dice.below(3) {
            let mut writer = Writer::new(dice);
            writer.file();
            let (text, used) = writer.done();
            self.used.extend(used);
            let text = if dice.chance(4) { text.replace('\n', "\r\n") } else { text };
            let place = if dice.chance(15) { format!("sub/t{at}.yaml") } else { format!("t{at}.yaml") };
            self.file(format!("{dir}/templates/{place}"), &text);
        }
        if dice.chance(30) {
            self.used.push("notes");
            let notes = word(
                dice,
                &[
                    "Thanks for {{ .Chart.Name }}.\n",
                    "{{ include \"own.labels\" . }}",
                    "{{ .Values.nope.x }}",
                ],
            );
            let notes = if dice.chance(96) {
                "Installed {{ .Release.Name }}: {{ .Values.str | quote }}\n"
            } else {
                notes
            };
            self.file(format!("{dir}/templates/NOTES.txt"), notes);
        }
        if dice.chance(20) {
            self.used.push("tests");
            let test = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"{{ .Release.Name }}-test\"\n  annotations:\n    helm.sh/hook: test\n";
            self.file(format!("{dir}/templates/tests/test.yaml"), test);
        }
    }

    fn others(&mut self, dir: &str, dice: &mut Dice) {
        if dice.chance(70) {
            self.file(
                format!("{dir}/conf.txt"),
                word(dice, &["a=1\nb={{ .Release.Name }}\n", "one line", "x\n\ny\n"]),
            );
            self.file(
                format!("{dir}/files/a.txt"),
                word(dice, &["alpha\n", "two\nlines", "tab\there: \"q\"\n"]),
            );
            self.file(format!("{dir}/files/b.json"), "{\"b\": [1, {\"c\": null}]}");
        }
        if dice.chance(25) {
            self.used.push("crds");
            let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: {{ not a template }}\n";
            self.file(format!("{dir}/crds/a.yaml"), crd);
            if dice.chance(50) {
                self.file(format!("{dir}/crds/sub/b.yaml"), "---\nkind: B\n---\nkind: C\n");
            }
            if dice.chance(30) {
                self.file(format!("{dir}/crds/README.md"), "no manifest\n");
            }
        }
        if dice.chance(8) {
            self.used.push("helmignore");
            self.file(
                format!("{dir}/.helmignore"),
                word(dice, &["conf.txt\n", "*.json\n", "# c\n/files/\n", "templates/sub\n", "t1.yaml\n"]),
            );
        }
    }
}
