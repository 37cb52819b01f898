use crate::yaml::{Dialect, Limits, Node, YamlError, compose::Composer, parse::guarded};

/// As the composer reads.
fn composed(text: &str, limits: &Limits) -> Result<Vec<Node>, YamlError> {
    guarded(|| {
        let mut composer = Composer::new(text, Dialect::Sigs, limits)?;
        let mut nodes = Vec::new();
        while let Some(node) = composer.next_document()? {
            nodes.push(node);
        }
        Ok(nodes)
    })
}

/// Places, tags and styles included; where a document without anything stands is nobody's business.
fn shown(nodes: &[Node]) -> Vec<String> {
    nodes.iter().filter(|node| !node.is_null()).map(|node| format!("{node:?}")).collect()
}

/// Whether this reader took the text; if so the composer reads the same.
fn agrees(text: &str) -> bool {
    let limits = Limits::default();
    let Some(quick) = super::documents(text, Dialect::Sigs, &limits) else { return false };
    let composed = composed(text, &limits).map(|nodes| shown(&nodes));
    assert_eq!(composed.as_deref(), Ok(&shown(&quick)[..]), "{text:?}");
    true
}

#[test]
fn what_most_files_are_is_read_here() {
    for text in [
        "",
        "# only\n\n   # comments",
        "a: 1",
        "a:\n  b: x y # c\n  c:\nd: ~\n",
        "---\n# c\n---\na: b\n---\n- 1\n- -2\n-\n  - x\n-\n- y: 1\n  z:\n  - 2\n\n  -   - 3\n      - 4\n",
        "a:\n- b\n-\n- c: d\n  e: f\n\n# g\n\n- h # i\nj: k\n",
        "k: 'it''s'\n'a b': \"x\\n\\\"y\\\" \\\\\" # c\n\"q\":\n  value\n",
        "a: |\n  x\n   y\n\n  z\t\n\nb: |-\n  x\n\nc: |+\n  x\n\n\nd: 1\n",
        "a: |\n\n\n  é # ü\n  b",
        "a: |+\n  b",
        "a: |-\n  b\n\n\n",
        "- |\n  a\n- |-\n   b\n- c: |\n    d\n  e: f\n",
        "a: {}\nb: []\nc: {d: e, f: [1, 'x', \"y\"], g: {h: /i:8080}}\nd: [ a , b ] # c\n",
        "a: b:c#d\nhttp://x: y\n<<: z\nyes: no\n",
        "a:\n    b: 1\n    c:\n      - d\n",
        "name: ü\nx: ünder 'q' \"w\" {e} [r], t\n",
    ] {
        assert!(agrees(text), "{text:?}");
    }
}

#[test]
fn what_is_doubtful_is_left_to_the_composer() {
    for text in [
        "a: b\n  c\n",
        "a: b: c\n",
        "a\n",
        "a: 'b\n",
        "a: 'b' c\n",
        "a: \"\\x41\"\n",
        "a: *b\n",
        "a: &b c\n",
        "a: !t b\n",
        "a: >\n  b\n",
        "a: |2\n  b\n",
        "a: |\n b\n  \tc\n\td\n",
        "a: |\n   \n  b\n",
        "a:\tb\n",
        "a: b\r\n",
        "a: - b\n",
        "- a\nb: c\n",
        "a: b\n- c\n",
        "a: b\n c: d\n",
        "  a: b\n c: d\n",
        "%a: b\n",
        "...\n",
        "--- a\n",
        "? a\n: b\n",
        "{a: b}\n",
        "a: {b}\n",
        "a: [b: c]\n",
        "a: [b, ]\n",
        "a: [b\n  ]\n",
        "a: {b: c} d\n",
        "a: @b\n",
        "a: |\nb: c\n",
        "a: \u{1}\n",
        "a: x\u{85}y\n",
        "\u{feff}a: b\n",
        "é: 1\n",
        "a : b\n",
        "a: 'b'#c\n",
        "a: {{ b }}\n",
        "a: [{b: c}, -]\n",
        "- - a\n - b\n",
        "a: |\n  b\n ",
    ] {
        assert!(!agrees(text), "{text:?}");
    }
    let long = format!("{}: b\n", "a".repeat(1_100));
    assert!(!agrees(&long));
}

#[test]
fn a_block_at_the_end_gets_no_line_break_that_is_not_there() {
    let limits = Limits::default();
    for text in ["a: |\n  é ü\n  b", "a: |\n  x\n  b"] {
        for nodes in [super::documents(text, Dialect::Sigs, &limits), composed(text, &limits).ok()] {
            let value = nodes.as_ref().and_then(|nodes| nodes[0].get("a")?.text());
            assert!(value.is_some_and(|value| value.ends_with("\nb")), "{value:?}");
        }
    }
}

#[test]
fn limits_are_left_to_the_composer() {
    let text = "a:\n  b: [c, d]\n";
    let read = |limits: Limits| super::documents(text, Dialect::Sigs, &limits).is_some();
    assert!(read(Limits { bytes: text.len(), depth: 3, nodes: 7, ..Limits::default() }));
    assert!(!read(Limits { bytes: text.len() - 1, ..Limits::default() }));
    assert!(!read(Limits { depth: 2, ..Limits::default() }));
    assert!(!read(Limits { nodes: 6, ..Limits::default() }));
}

/// A generator of texts: numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }
}

const PIECES: [&str; 48] = [
    "\n", "\n", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n ", " ", " ", "  ", "a", "b", "key", "é", "1",
    "-1.5", "yes", ": ", ": ", ": ", ":", ":\n", ":\n  ", "- ", "- ", "-", "\n- ", "\n  - ", "|", "|\n  ",
    "|-\n    ", "|+\n  ", "'", "\"", "\\n", "\\", "# c", " # c\n", "{", "}", "[", "]", ", ", "{}", "---",
    "\n---\n", "~",
];

#[test]
fn random_texts_are_read_alike() {
    let mut dice = Dice(1);
    let mut taken = 0;
    for _ in 0..60_000 {
        let length = 1 + dice.roll(14);
        let text: String = (0..length).map(|_| PIECES[dice.roll(PIECES.len())]).collect();
        taken += usize::from(agrees(&text));
        let text = format!("k:\n  {text}\nz: 1\n");
        taken += usize::from(agrees(&text));
    }
    assert!(taken > 5_000, "{taken} texts were taken");
}
