//! Values files in every form that YAML has.
use conformance::random::Dice;

/// One of several words.
pub(crate) fn word(dice: &mut Dice, from: &[&'static str]) -> &'static str {
    from[dice.below(from.len())]
}

/// Texts, as YAML writes them; what follows a line break is indented below its key.
const TEXTS: [&str; 28] = [
    "plain",
    "a plain text",
    "\"quoted \\u00e9\\t\\x41\"",
    "'it''s'",
    "|\n  line one\n  line two",
    "|-\n  no break\n    deeper\n  back",
    ">-\n  folded\n  text\n\n  new paragraph",
    ">\n  folded\n   more\n  end",
    "|+\n  kept\n",
    "|2\n    two more\n  end",
    "\"over\n  two lines\"",
    "plain over\n  two lines",
    "!!str 12",
    "\"\"",
    "''",
    "\"true\"",
    "'1'",
    "\"null\"",
    "http://a.b:80/c?d=e",
    "v1.2.3",
    "\"1.10\"",
    "é☃😀",
    "\"a: b #c\"",
    "\"{{ .Release.Name }}-x\"",
    "a#b",
    "\"\\n\"",
    "\" lead and trail \"",
    "\"%d %s\"",
];
const NUMBERS: [&str; 26] = [
    "0",
    "1",
    "3",
    "80",
    "8080",
    "65536",
    "1000000",
    "12345678",
    "-1",
    "+7",
    "1.5",
    "1.0",
    "-2.50",
    "1e3",
    "1e21",
    "0.1",
    ".5",
    "0x1F",
    "0o17",
    "017",
    "1_000",
    "0b11",
    "1e-7",
    "123456789012",
    "9007199254740993",
    "12345678901234567890",
];
const BOOLS: [&str; 10] = ["true", "false", "true", "false", "yes", "no", "on", "Off", "True", "FALSE"];
/// Whatever else a value can be.
const ODD: [&str; 40] = [
    "~",
    "null",
    "Null",
    "",
    "{}",
    "[]",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "!!int \"3\"",
    "!!float 2",
    "!!binary aGVsbG8=",
    "12:30:45",
    "190:20:30",
    "y",
    "n",
    "{a: 1, b: [x, y], \"c d\": {e: null}}",
    "[1, [2, 3], {c: d}, ~, 'x']",
    "\n  - a\n  - b: 1\n    c: 2\n  -\n    - nested\n  - ~",
    "\n- at the key's column\n- two",
    "\n  x: &anchor\n    k: v\n    l: [1]\n  y: *anchor\n  z:\n    <<: *anchor\n    k: own",
    "\n  <<: [{a: 1, b: 1}, {b: 2, c: 2}]\n  d: 3",
    "\n  1: one\n  true: yes\n  1.5: f",
    "\n  \"quoted key\": 1\n  'single': 2\n  a.b/c: 3\n  é: 4\n  \"\": 5",
    "\n  ? complex\n  : value\n  ? |\n    block key\n  : other",
    "\n  deep:\n    er:\n      est:\n        - - - x",
    "1e400",
    "-0",
    "-0e0x",
    "0.30000000000000004",
    "1.",
    "0x",
    "0o8",
    "08",
    "1__0",
    "_1",
    "@at",
    "- x",
    ".nan",
    ".inf",
    "|\n  {{ .Values.str }}\n  {{- if true }} yes{{ end }}",
];
const KEYS: [&str; 9] = ["a", "b", "c-d", "e.f", "\"10\"", "\"9\"", "z", "'quoted'", "UPPER"];
/// Texts that are templates.
const TEMPLATES: [&str; 8] = [
    "\"{{ .Release.Name }}-{{ .Chart.Name }}\"",
    "'{{ .Values.str | default \"none\" | quote }}'",
    "|\n  {{- range $k, $v := .Values.map }}\n  {{ $k }}={{ $v }}\n  {{- end }}",
    "\"{{ include \\\"own.name\\\" . }}\"",
    "'{{ tpl \"{{ .Release.Namespace }}\" . }}'",
    "no template",
    "'{{ define \"in.tpl\" }}x{{ . }}{{ end }}{{ include \"in.tpl\" 1 }}'",
    "'{{ .Template.Name }} {{ .Values.nope }}'",
];

/// A mapping, line by line.
pub(crate) struct Sheet {
    text: String,
    indent: usize,
}

impl Sheet {
    pub(crate) fn new(indent: usize) -> Self {
        Self { text: String::new(), indent }
    }

    /// A key with a value as YAML writes it.
    pub(crate) fn put(&mut self, key: &str, raw: &str) {
        let pad = " ".repeat(self.indent);
        let mut lines = raw.split('\n');
        let first = lines.next().unwrap_or_default();
        let gap = if first.is_empty() { "" } else { " " };
        self.text.push_str(&format!("{pad}{key}:{gap}{first}\n"));
        for line in lines {
            if line.is_empty() {
                self.text.push('\n');
            } else {
                self.text.push_str(&format!("{pad}{line}\n"));
            }
        }
    }

    /// A key with a mapping below it.
    pub(crate) fn nest(&mut self, key: &str, below: &str) {
        if below.is_empty() {
            return self.put(key, "{}");
        }
        self.text.push_str(&format!("{}{key}:\n{below}", " ".repeat(self.indent)));
    }

    pub(crate) fn comment(&mut self) {
        self.text.push_str("# -- a comment: {{ not a template }}\n\n");
    }

    pub(crate) fn done(self) -> String {
        self.text
    }
}

fn raw_text(dice: &mut Dice) -> &'static str {
    word(dice, &TEXTS)
}

fn raw_any(dice: &mut Dice) -> &'static str {
    match dice.below(5) {
        0 => raw_text(dice),
        1 => word(dice, &NUMBERS),
        2 => word(dice, &BOOLS),
        // What is no YAML, or no JSON, is rare.
        _ if dice.chance(1) => word(dice, &ODD),
        _ => word(dice, &ODD[..31]),
    }
}

fn raw_list(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => "[]".to_owned(),
        1 => "[c, a, b]".to_owned(),
        2 => "[3, 1, 2, 10]".to_owned(),
        3 => "\n- name: one\n  value: 1\n- name: two\n  value: x".to_owned(),
        _ => {
            let one = |dice: &mut Dice| {
                word(dice, &["x", "'y'", "1", "true", "~", "1.5", "\"q\\n\"", "[1]", "{k: v}"])
            };
            (0..1 + dice.below(4)).map(|_| format!("\n  - {}", one(dice))).collect()
        }
    }
}

fn map(indent: usize, dice: &mut Dice) -> String {
    let mut sheet = Sheet::new(indent);
    let first = dice.below(KEYS.len());
    for at in 0..dice.below(5) {
        let raw = raw_any(dice);
        sheet.put(KEYS[(first + at) % KEYS.len()], raw);
    }
    sheet.done()
}

fn nested(indent: usize, dice: &mut Dice) -> String {
    let mut sheet = Sheet::new(indent);
    let mut image = Sheet::new(indent + 2);
    image.put("repository", word(dice, &["nginx", "reg:5000/a/b", "\"quay.io/x\""]));
    image.put("tag", word(dice, &["\"1.0\"", "1.10", "latest", "\"\"", "~", "v2"]));
    sheet.nest("image", &image.done());
    sheet.put("replicas", word(dice, &NUMBERS));
    if dice.chance(60) {
        sheet.put(
            "resources",
            word(dice, &["{}", "\n  limits: {cpu: 1, memory: 1Gi}\n  requests:\n    cpu: 100m", "~"]),
        );
    }
    if dice.chance(50) {
        sheet.nest("deep", &map(indent + 2, dice));
    }
    sheet.done()
}

/// The values of a chart; `all` of them, or some to lay over others.
pub(crate) fn values(all: bool, dice: &mut Dice) -> Sheet {
    let mut sheet = Sheet::new(0);
    if dice.chance(40) {
        sheet.comment();
    }
    let share = if all { 100 } else { 25 };
    let here = |dice: &mut Dice| dice.chance(share);
    if here(dice) {
        sheet.put("str", raw_text(dice));
    }
    if here(dice) {
        sheet.put("num", word(dice, &NUMBERS));
    }
    if here(dice) {
        sheet.put("flag", word(dice, &BOOLS));
    }
    if here(dice) {
        sheet.put("list", &raw_list(dice));
    }
    if here(dice) {
        sheet.nest("map", &map(2, dice));
    }
    if here(dice) {
        sheet.nest("nested", &nested(2, dice));
    }
    if here(dice) {
        sheet.put("tmpl", word(dice, &TEMPLATES));
    }
    for key in ["odd1", "odd2"] {
        if here(dice) {
            sheet.put(key, raw_any(dice));
        }
    }
    if all || dice.chance(30) {
        sheet.nest("global", &global(dice));
    }
    if !all && dice.chance(20) {
        sheet.put(word(dice, &["nul", "map2", "odd3", "extra"]), "null");
    }
    if dice.chance(30) {
        sheet.put("removed", word(dice, &["1", "{a: 1, b: null}", "null", "x"]));
    }
    sheet
}

fn global(dice: &mut Dice) -> String {
    let mut sheet = Sheet::new(2);
    sheet.put("env", word(dice, &["prod", "\"test\"", "1", "~"]));
    if dice.chance(50) {
        sheet.put("flag", word(dice, &BOOLS));
    }
    if dice.chance(50) {
        sheet.nest("shared", &map(4, dice));
    }
    sheet.done()
}

/// A few keys to lay over the values of a sub-chart, indented below its name.
pub(crate) fn overlay(indent: usize, dice: &mut Dice) -> String {
    let mut sheet = Sheet::new(indent);
    if dice.chance(50) {
        sheet.put("enabled", word(dice, &BOOLS));
    }
    if dice.chance(40) {
        sheet.put("str", raw_text(dice));
    }
    if dice.chance(30) {
        sheet.nest("map", &map(indent + 2, dice));
    }
    if dice.chance(20) {
        sheet.put(
            word(dice, &["odd1", "odd2", "removed", "list"]),
            word(dice, &["null", "~", "x", "{n: null}"]),
        );
    }
    if dice.chance(15) {
        let mut global = Sheet::new(indent + 2);
        global.put("env", "inner");
        global.put("own", "1");
        sheet.nest("global", &global.done());
    }
    sheet.done()
}
