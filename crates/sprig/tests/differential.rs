//! Random templates from a grammar. Always: we neither crash nor hang, and most are accepted. With `GOTEMPLATE_ORACLE`
//! set to the built `e2e/tools/gotemplate`: each answer equals Go's. `GOTEMPLATE_CASES` and `GOTEMPLATE_SEED` say how
//! many and which; the seed of a difference is printed.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a test may start the oracle")]

mod world;

use std::{
    collections::BTreeMap,
    env,
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value as Json, json};
use world::{answer, recorded, text};

/// A generator with a state that fits in a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % end
    }

    fn pick<'p>(&mut self, from: &[&'p str]) -> &'p str {
        from[self.below(from.len())]
    }
}

/// Makes one template; counts the functions it calls.
struct Grammar<'r> {
    random: &'r mut Random,
    used: Vec<&'static str>,
    variables: Vec<String>,
}

const STRING_CALLS: [(&str, &str); 60] = [
    ("upper", "S"),
    ("lower", "S"),
    ("title", "S"),
    ("trim", "S"),
    ("quote", "A"),
    ("squote", "A"),
    ("trunc", "N S"),
    ("replace", "S S S"),
    ("nindent", "N S"),
    ("indent", "N S"),
    ("join", "S L"),
    ("toJson", "A"),
    ("toYaml", "A"),
    ("printf", "F A"),
    ("print", "A A"),
    ("b64enc", "S"),
    ("sha256sum", "S"),
    ("trimSuffix", "S S"),
    ("trimPrefix", "S S"),
    ("snakecase", "S"),
    ("kebabcase", "S"),
    ("camelcase", "S"),
    ("cat", "A A"),
    ("substr", "N N S"),
    ("untitle", "S"),
    ("swapcase", "S"),
    ("nospace", "S"),
    ("initials", "S"),
    ("abbrev", "N S"),
    ("wrap", "N S"),
    ("wrapWith", "N S S"),
    ("plural", "S S N"),
    ("repeat", "P S"),
    ("sha1sum", "S"),
    ("sha512sum", "S"),
    ("adler32sum", "S"),
    ("b32enc", "S"),
    ("b64dec", "S"),
    ("b32dec", "S"),
    ("base", "S"),
    ("dir", "S"),
    ("clean", "S"),
    ("ext", "S"),
    ("regexFind", "R S"),
    ("regexReplaceAll", "R S S"),
    ("regexReplaceAllLiteral", "R S S"),
    ("regexQuoteMeta", "S"),
    ("toPrettyJson", "A"),
    ("toRawJson", "A"),
    ("toYamlPretty", "A"),
    ("typeOf", "A"),
    ("kindOf", "A"),
    ("trimAll", "S S"),
    ("toToml", "M"),
    ("dateInZone", "D N \"UTC\""),
    ("duration", "S"),
    ("durationRound", "S"),
    ("html", "A"),
    ("urlquery", "S"),
    ("js", "S"),
];
const LIST_CALLS: [(&str, &str); 24] = [
    ("list", "A A A"),
    ("splitList", "S S"),
    ("append", "L A"),
    ("prepend", "L A"),
    ("reverse", "L"),
    ("uniq", "L"),
    ("compact", "L"),
    ("rest", "L"),
    ("initial", "L"),
    ("concat", "L L"),
    ("sortAlpha", "L"),
    ("without", "L A"),
    ("until", "N"),
    ("untilStep", "N N N"),
    ("sortAlpha (keys", "M"),
    ("rest", "L"),
    ("pluck", "S M M"),
    ("toStrings", "A"),
    ("regexFindAll", "R S N"),
    ("regexSplit", "R S N"),
    ("mustAppend", "L A"),
    ("chunk", "P L"),
    ("slice", "L 0"),
    ("fromYamlArray", "J"),
];
const ANY_CALLS: [(&str, &str); 42] = [
    ("default", "A A"),
    ("coalesce", "A A"),
    ("ternary", "A A B"),
    ("first", "L"),
    ("last", "L"),
    ("get", "M S"),
    ("index", "M S"),
    ("dict", "S A S A"),
    ("merge", "M M"),
    ("set", "M S A"),
    ("add", "N N"),
    ("mul", "N N"),
    ("int", "A"),
    ("len", "L"),
    ("toString", "A"),
    ("pick", "M S"),
    ("omit", "M S"),
    ("max", "N N"),
    ("unset", "M S"),
    ("mergeOverwrite", "M M"),
    ("deepCopy", "M"),
    ("dig", "S S A M"),
    ("sub", "N N"),
    ("min", "N N"),
    ("add1", "N"),
    ("div", "N P"),
    ("mod", "N P"),
    ("addf", "A A"),
    ("subf", "A A"),
    ("mulf", "A A"),
    ("maxf", "A A"),
    ("minf", "A A"),
    ("floor", "A"),
    ("ceil", "A"),
    ("round", "A P"),
    ("int64", "A"),
    ("float64", "A"),
    ("atoi", "S"),
    ("fromJson", "J"),
    ("fromYaml", "J"),
    ("split", "S S"),
    ("seq", "N N"),
];
const BOOL_CALLS: [(&str, &str); 20] = [
    ("eq", "S S"),
    ("ne", "N N"),
    ("lt", "N N"),
    ("gt", "N N"),
    ("and", "A A"),
    ("or", "A A"),
    ("not", "A"),
    ("empty", "A"),
    ("has", "A L"),
    ("hasKey", "M S"),
    ("contains", "S S"),
    ("kindIs", "S A"),
    ("hasPrefix", "S S"),
    ("hasSuffix", "S S"),
    ("deepEqual", "A A"),
    ("typeIs", "S A"),
    ("all", "A A"),
    ("any", "A A"),
    ("regexMatch", "R S"),
    ("semverCompare", "\">=1.2\" V"),
];

impl Grammar<'_> {
    fn nodes(&mut self, depth: usize) -> String {
        let count = 1 + self.random.below(3);
        let known = self.variables.len();
        let nodes = (0..count).map(|_| self.node(depth)).collect();
        self.variables.truncate(known);
        nodes
    }

    fn node(&mut self, depth: usize) -> String {
        let (open, close) =
            (self.random.pick(&["{{ ", "{{- ", "{{"]), self.random.pick(&[" }}", " -}}", "}}"]));
        let action = |text: &str| {
            let text = if text.starts_with(['-', '+']) { format!("({text})") } else { text.to_owned() };
            format!("{open}{text}{close}")
        };
        match if depth == 0 { self.random.below(3) } else { self.random.below(9) } {
            0 => self.random.pick(&["text ", "\n  ", "a: b\n", "- ", "é☃", ""]).to_owned(),
            1 | 2 => action(&self.pipeline(depth)),
            3 => {
                let value = self.pipeline(depth);
                let name = format!("$v{}", self.variables.len());
                let text = action(&format!("{name} := {value}"));
                self.variables.push(name);
                text
            }
            4 | 5 => {
                let condition = self.expression('B', depth);
                let (yes, no) = (self.nodes(depth - 1), self.nodes(depth - 1));
                format!("{}{yes}{{{{else}}}}{no}{{{{end}}}}", action(&format!("if {condition}")))
            }
            6 => {
                let value = self.expression('A', depth);
                let (yes, no) = (self.nodes(depth - 1), self.nodes(depth - 1));
                format!("{}{yes}{{{{else}}}}{no}{{{{end}}}}", action(&format!("with {value}")))
            }
            _ => {
                let kind = if self.random.below(3) == 0 { 'M' } else { 'L' };
                let value = self.expression(kind, depth);
                let body = self.nodes(depth - 1);
                format!(
                    "{}[{{{{$k}}}}={{{{$e}}}}]{body}{{{{end}}}}",
                    action(&format!("range $k, $e := {value}"))
                )
            }
        }
    }

    fn pipeline(&mut self, depth: usize) -> String {
        let first = self.expression('A', depth);
        match self.random.below(4) {
            0 => format!(
                "{first} | toString | {}",
                self.random.pick(&["quote", "upper", "trunc 5", "nindent 2", "len"])
            ),
            1 => format!("{first} | default {}", self.atom('A')),
            _ => first,
        }
    }

    fn expression(&mut self, kind: char, depth: usize) -> String {
        if depth == 0 || self.random.below(3) == 0 {
            return self.atom(kind);
        }
        let (name, parameters) = match kind {
            'S' => STRING_CALLS[self.random.below(STRING_CALLS.len())],
            'L' => LIST_CALLS[self.random.below(LIST_CALLS.len())],
            'B' => BOOL_CALLS[self.random.below(BOOL_CALLS.len())],
            'M' | 'N' | 'F' | 'P' | 'R' | 'D' | 'J' | 'V' => return self.atom(kind),
            _ => match self.random.below(4) {
                0 => STRING_CALLS[self.random.below(STRING_CALLS.len())],
                1 => LIST_CALLS[self.random.below(LIST_CALLS.len())],
                2 => BOOL_CALLS[self.random.below(BOOL_CALLS.len())],
                _ => ANY_CALLS[self.random.below(ANY_CALLS.len())],
            },
        };
        self.used.push(name);
        // Go gives keys in no order.
        let close = if name.contains('(') { ")" } else { "" };
        let mut call = name.to_owned();
        for parameter in parameters.split(' ') {
            let argument = match parameter.chars().next() {
                Some(kind) if kind.is_ascii_uppercase() => self.expression(kind, depth - 1),
                _ => parameter.to_owned(),
            };
            let simple = !argument.contains(' ') || argument.starts_with('"');
            call += &if simple { format!(" {argument}") } else { format!(" ({argument})") };
        }
        call + close
    }

    fn atom(&mut self, kind: char) -> String {
        if kind == 'A' && !self.variables.is_empty() && self.random.below(4) == 0 {
            return self.variables[self.random.below(self.variables.len())].clone();
        }
        let from: &[&str] = match kind {
            'S' => &["\"\"", "\"abc\"", "\"a,b,c\"", "\"A-b_C d\"", "$.name", "$.uni", "\"1\"", "\"x\\ny\""],
            'L' => &["$.list", "$.nums", "$.empty", "$.mixed", "(list)", "(list 1 \"a\")"],
            'M' => &["$.m", "$.em", "(dict \"a\" 1)", "(dict \"x\" (dict \"y\" 2))"],
            'N' => &["0", "1", "3", "-2", "(int $.n)", "12"],
            'P' => &["1", "2", "(int $.n)"],
            'R' => {
                &["\"[a-z]+\"", "\"a|b\"", "\"(.)(.)\"", "\"^x?\"", "\"\\\\d\"", "\"[^a-c]\"", "`\\w+\\s*`"]
            }
            'D' => &["\"2006-01-02\"", "\"Mon Jan _2 15:04:05 2006\"", "\"3:04PM Z07:00\""],
            'J' => &[
                "\"{\\\"a\\\": [1, null]}\"",
                "\"[1, 2]\"",
                "\"a: 1\"",
                "\"x\"",
                "(toJson $.m)",
                "(toYaml $.list)",
            ],
            'V' => &["\"1.2.3\"", "\"v1.3.0-rc.1\"", "\"1.1\""],
            'B' => &["true", "false", "$.t"],
            'F' => &["\"%v\"", "\"%s\"", "\"%d\"", "\"%q\"", "\"%5v|\"", "\"%T\"", "\"%x\""],
            _ => &[
                "1", "\"s\"", "$.name", "$.n", "$.f", "$.nul", "$.list", "$.m", "$.nope", "true", "$.m.b.c",
                "0", "\"\"", "$.big", ".", "2.5",
            ],
        };
        self.random.pick(from).to_owned()
    }
}

fn dot() -> Json {
    json!({
        "name": "ada", "uni": "héllo ☃", "n": 3, "f": 2.5, "big": 1_234_567, "t": true, "nul": null, "empty": [], "em": {},
        "list": ["c", "a", "b"], "nums": [3, 1, 2], "mixed": [1, "x", null, true, 2.5, {"q": 1}, [1, 2]],
        "m": {"a": 1, "b": {"c": "deep"}, "l": [1, 2]},
    })
}

fn cases(count: usize, seed: u64) -> (Vec<Json>, BTreeMap<&'static str, usize>) {
    let mut used = BTreeMap::new();
    let make = |index: usize| {
        let own = seed.wrapping_add(index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = Random(own);
        let mut grammar = Grammar { random: &mut random, used: Vec::new(), variables: Vec::new() };
        let template = grammar.nodes(3);
        grammar.used.iter().for_each(|name| *used.entry(*name).or_default() += 1);
        json!({"name": format!("seed {seed} case {index}"), "template": template, "values": dot(), "sprig": true})
    };
    let cases = (0..count).map(make).collect();
    (cases, used)
}

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The oracle's answers. A template that brings Go itself down (a map that contains itself, printed) has none.
fn ask(oracle: &str, cases: &[Json]) -> Vec<Option<Json>> {
    let mut answers = Vec::new();
    while answers.len() < cases.len() {
        let some = ask_once(oracle, &cases[answers.len()..]);
        answers.extend(some.into_iter().map(Some));
        if answers.len() < cases.len() {
            answers.push(None);
        }
    }
    answers
}

fn ask_once(oracle: &str, cases: &[Json]) -> Vec<Json> {
    let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let mut command = Command::new(oracle);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).env("TZ", "UTC");
    let mut child = command.spawn().expect("the oracle starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the oracle ends");
    // It does not read to the end when it dies.
    let _ = writer.join().expect("no panic");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect()
}

#[test]
fn random_templates_are_answered_as_go_does() {
    let (count, seed) = (number("GOTEMPLATE_CASES", 500), number("GOTEMPLATE_SEED", 1));
    let (cases, used) = cases(usize::try_from(count).unwrap_or(1_000), seed);
    let ours: Vec<_> = cases.iter().map(|case| answer(case, &case["values"])).collect();
    let accepted = ours.iter().filter(|answer| answer.is_ok()).count();
    println!("{} templates, {accepted} accepted; calls: {used:?}", cases.len());
    assert!(accepted * 10 >= cases.len() * 8, "the grammar makes mostly refused templates: {accepted}");
    let Ok(oracle) = env::var("GOTEMPLATE_ORACLE") else {
        println!("GOTEMPLATE_ORACLE is not set: NOT compared with Go");
        return;
    };
    let go = ask(&oracle, &cases);
    let answered = go.iter().flatten().count();
    println!("Go answers {answered}, dies of {}", go.len() - answered);
    assert!(answered * 10 >= cases.len() * 9, "the oracle answers most cases");
    let both = go.iter().zip(&ours).filter_map(|(go, ours)| Some((go.as_ref()?, ours)));
    let wrong: Vec<_> = both
        .filter(|(go, ours)| recorded(go) != **ours)
        .map(|(go, ours)| {
            let (name, template) = (text(go, "name"), text(go, "template"));
            format!("{name}: {template}\n   go   {:?}\n   ours {ours:?}", recorded(go))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Certificates and keys of ours, in base64, by the call that makes them.
fn certificate(call: &str) -> (String, String) {
    let case =
        json!({"template": format!("{{{{$c := {call}}}}}{{{{b64enc $c.Cert}}}} {{{{b64enc $c.Key}}}}")});
    let out = answer(&case, &Json::Null).expect(call);
    let (cert, key) = out.split_once(' ').expect("two words");
    (cert.to_owned(), key.to_owned())
}

#[test]
fn certificates_are_read_and_used_by_go() {
    let calls = [
        "genCA \"ours\" 10",
        "genSelfSignedCert \"a.b\" (list \"10.0.0.1\" \"::1\") (list \"a.b\" \"*.c\") 30",
        "genSignedCert \"é\" nil (list \"x\") 30 (genCA \"ours\" 10)",
        "genCAWithKey \"ec\" 10 (genPrivateKey \"ecdsa\")",
        "genCAWithKey \"ed\" 10 (genPrivateKey \"ed25519\")",
        "genSignedCertWithKey \"\" nil (list \"x\") 30 (genCAWithKey \"ec\" 1 (genPrivateKey \"ecdsa\")) (genPrivateKey \"ed25519\")",
    ];
    let signed = |call: &&str| {
        let (cert, key) = certificate(call);
        let template = format!(
            "{{{{(genSignedCert \"x\" nil nil 1 (buildCustomCert \"{cert}\" \"{key}\")).Cert | trunc 27}}}}"
        );
        json!({"name": call, "template": template, "sprig": true})
    };
    let cases: Vec<_> = calls.iter().map(signed).collect();
    for case in &cases {
        assert_eq!(
            answer(case, &Json::Null).as_deref(),
            Ok("-----BEGIN CERTIFICATE-----"),
            "{}",
            text(case, "name")
        );
    }
    let Ok(oracle) = env::var("GOTEMPLATE_ORACLE") else {
        println!("GOTEMPLATE_ORACLE is not set: NOT read by Go");
        return;
    };
    for (go, case) in ask(&oracle, &cases).iter().zip(&cases) {
        let go = go.as_ref().map(recorded);
        assert_eq!(go, Some(Ok("-----BEGIN CERTIFICATE-----".to_owned())), "{}", text(case, "name"));
    }
}
