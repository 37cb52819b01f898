//! Problems of values in the words and the layout of the library that Helm uses.
use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, hash_map::Entry},
};

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::keywords::{Keywords, Special};

/// One line, and the lines below it.
struct Problem {
    path: String,
    text: String,
    causes: Vec<Problem>,
}

/// Problems by the part of the values they are at.
#[derive(Default)]
struct Place {
    here: Vec<Problem>,
    below: BTreeMap<String, Place>,
}

/// Said of several problems of one part of the values.
const GROUP: &str = "validation failed";

/// Bytes of a report.
const LONGEST: usize = 64 << 10;

/// All problems, one a line, indented where they belong together; after 64 KiB it says that there are more.
pub(super) fn report(errors: &[ValidationError<'_>], keywords: &Keywords<'_>) -> String {
    let report = Report { keywords, left: Cell::new(LONGEST), cut: Cell::new(false) };
    let mut found = report.problems("", errors);
    if let [only] = found.as_mut_slice()
        && only.text == GROUP
    {
        found = std::mem::take(&mut only.causes);
    }
    let mut out = String::new();
    let all = found.iter().all(|problem| print(problem, 0, &mut out));
    if !all || report.cut.get() {
        out.push_str("... and more\n");
    }
    out
}

/// Prints a problem and its causes; false when the report is full.
fn print(problem: &Problem, indent: usize, out: &mut String) -> bool {
    let Problem { path, text, causes } = problem;
    let line = format!("{}- at {}: {text}\n", "  ".repeat(indent), quote(path));
    if out.len() + line.len() > LONGEST {
        return false;
    }
    out.push_str(&line);
    causes.iter().all(|cause| print(cause, indent + 1, out))
}

/// What a problem's place has that makes others moot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Plain,
    /// None of the values allowed.
    Value,
    /// A wrong type.
    Type,
}

fn weight(kind: &Kind) -> Weight {
    match kind {
        Kind::Type { .. } => Weight::Type,
        Kind::Constant { .. } | Kind::Enum { .. } => Weight::Value,
        _ => Weight::Plain,
    }
}

/// A value of a wrong type, or none of those allowed, has no other problems.
fn decisive<'a, 'e>(errors: &'a [ValidationError<'e>]) -> impl Iterator<Item = &'a ValidationError<'e>> {
    let place = |error: &'a ValidationError<'e>| {
        let schema = error.schema_path().as_str();
        (error.instance_path().as_str(), schema.rsplit_once('/').map_or("", |parts| parts.0))
    };
    let mut heaviest = HashMap::new();
    for error in errors {
        let known = heaviest.entry(place(error)).or_insert(Weight::Plain);
        *known = weight(error.kind()).max(*known);
    }
    errors.iter().filter(move |error| {
        let most = heaviest.get(&place(error)).copied().unwrap_or(Weight::Plain);
        weight(error.kind()) >= most
    })
}

/// What is told so far.
struct Report<'r> {
    keywords: &'r Keywords<'r>,
    /// Bytes that may be told yet.
    left: Cell<usize>,
    /// Something was left out.
    cut: Cell<bool>,
}

impl Report<'_> {
    /// The problems below a path, those of one place grouped.
    fn problems(&self, base: &str, errors: &[ValidationError<'_>]) -> Vec<Problem> {
        let mut root = Place::default();
        for error in decisive(errors) {
            if self.is_full() {
                break;
            }
            let path = error.instance_path().as_str();
            let relative = path.strip_prefix(base).unwrap_or(path);
            let place = relative
                .split('/')
                .skip(1)
                .fold(&mut root, |place, step| place.below.entry(step.to_owned()).or_default());
            self.add(place, path, error);
        }
        gather(root, base)
    }

    /// Whether no more can be told; notes that something is left out then.
    fn is_full(&self) -> bool {
        let full = self.left.get() == 0;
        self.cut.set(self.cut.get() || full);
        full
    }

    /// Takes the room for a text at a path from what is left.
    fn charge(&self, path: &str, text: &str) {
        self.left.set(self.left.get().saturating_sub(path.len() + text.len()));
    }

    fn add(&self, place: &mut Place, path: &str, error: &ValidationError<'_>) {
        if let Some(special) = self.keywords.special(error) {
            for special in special {
                if !place.here.iter().any(|known| known.text == special.text) {
                    place.here.push(self.explained(path, &special, error.instance()));
                }
            }
            return;
        }
        if let Kind::Required { property } = error.kind() {
            let name = quote(property.as_str().unwrap_or_default());
            let known = place.here.iter_mut().find(|problem| problem.text.starts_with("missing propert"));
            if let Some(problem) = known {
                self.charge("", &name);
                let all = problem
                    .text
                    .split_once(' ')
                    .and_then(|parts| parts.1.split_once(' '))
                    .map_or("", |p| p.1);
                problem.text = format!("missing properties {all}, {name}");
                return;
            }
        }
        let text = text(error);
        self.charge(path, &text);
        place.here.push(Problem { path: path.to_owned(), text, causes: self.causes(path, error.kind()) });
    }

    /// A problem with a list, and why each of its items did not do.
    fn explained(&self, path: &str, special: &Special, list: &Value) -> Problem {
        self.charge(path, &special.text);
        let mut problem = Problem { path: path.to_owned(), text: special.text.clone(), causes: Vec::new() };
        let Some(wanted) = &special.wanted else { return problem };
        for at in &special.items {
            if self.is_full() {
                break;
            }
            let Some(item) = list.get(at) else { continue };
            let errors: Vec<_> = wanted.iter_errors(item).collect();
            let mut cause = self.grouped("", &errors);
            cause.move_below(&format!("{path}/{at}"));
            problem.causes.push(cause);
        }
        problem
    }

    fn causes(&self, path: &str, kind: &Kind) -> Vec<Problem> {
        let alternatives = match kind {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => context,
            _ => return Vec::new(),
        };
        let told = alternatives.iter().take_while(|_| !self.is_full());
        told.map(|errors| self.grouped(path, errors)).collect()
    }

    /// The only problem, or all of them below one line.
    fn grouped(&self, path: &str, errors: &[ValidationError<'_>]) -> Problem {
        let mut inner = self.problems(path, errors);
        match inner.len() {
            1 => inner.remove(0),
            _ => Problem { path: path.to_owned(), text: GROUP.to_owned(), causes: inner },
        }
    }
}

fn gather(place: Place, path: &str) -> Vec<Problem> {
    let mut found = place.here;
    for (step, below) in place.below {
        let path = format!("{path}/{step}");
        let mut inner = gather(below, &path);
        match inner.len() {
            1 => found.append(&mut inner),
            _ => found.push(Problem { path, text: GROUP.to_owned(), causes: inner }),
        }
    }
    found
}

impl Problem {
    fn move_below(&mut self, base: &str) {
        self.path.insert_str(0, base);
        self.causes.iter_mut().for_each(|cause| cause.move_below(base));
    }
}

fn text(error: &ValidationError<'_>) -> String {
    let got = error.instance().as_ref();
    let limit = |word: &str, want: &Value| format!("{word}: got {}, want {}", number(got), number(want));
    let count = |word: &str, want: u64| format!("{word}: got {}, want {}", grouped(size(got)), grouped(want));
    match error.kind() {
        Kind::Type { kind } => format!("got {}, want {}", json_type(got), wanted_types(kind)),
        Kind::Required { property } => {
            format!("missing property {}", quote(property.as_str().unwrap_or_default()))
        }
        Kind::Enum { options } => one_of(options),
        Kind::Constant { expected_value } => match expected_value.as_ref() {
            Value::Array(_) | Value::Object(_) => "'const' failed".to_owned(),
            value => format!("value must be {}", display(value)),
        },
        Kind::AdditionalProperties { unexpected } => {
            format!("additional properties {} not allowed", quoted(unexpected))
        }
        Kind::UnevaluatedProperties { unexpected } => {
            format!("unevaluated properties {} not allowed", quoted(unexpected))
        }
        Kind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        Kind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        Kind::OneOfMultipleValid { context } => several_matched(context),
        Kind::Not { .. } => "'not' failed".to_owned(),
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::Minimum { limit: want } => limit("minimum", want),
        Kind::Maximum { limit: want } => limit("maximum", want),
        Kind::ExclusiveMinimum { limit: want } => limit("exclusiveMinimum", want),
        Kind::ExclusiveMaximum { limit: want } => limit("exclusiveMaximum", want),
        Kind::MultipleOf { multiple_of } => limit("multipleOf", &Value::from(*multiple_of)),
        Kind::MinLength { limit } => count("minLength", *limit),
        Kind::MaxLength { limit } => count("maxLength", *limit),
        Kind::MinItems { limit } => count("minItems", *limit),
        Kind::MaxItems { limit } => count("maxItems", *limit),
        Kind::MinProperties { limit } => count("minProperties", *limit),
        Kind::MaxProperties { limit } => count("maxProperties", *limit),
        Kind::Pattern { pattern } => {
            format!("{} does not match pattern {}", quote(got.as_str().unwrap_or_default()), quote(pattern))
        }
        Kind::PropertyNames { error } => {
            format!("invalid propertyName {}", quote(error.instance().as_str().unwrap_or_default()))
        }
        Kind::UniqueItems => duplicates(got),
        Kind::Format { format } => format!("{} is not valid {format}", display(got)),
        _ => error.to_string(),
    }
}

/// The first item that equals one before it.
fn duplicates(list: &Value) -> String {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut known = HashMap::new();
    let (mut first, mut second) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        match known.entry(sorted(item)) {
            Entry::Vacant(place) => {
                place.insert(at);
            }
            Entry::Occupied(place) => {
                (first, second) = (*place.get(), at);
                break;
            }
        }
    }
    format!("items at {first} and {second} are equal")
}

/// A text that only equal values have.
fn sorted(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// The first two alternatives that took the value.
fn several_matched(context: &[Vec<ValidationError<'static>>]) -> String {
    let matched =
        context.iter().enumerate().filter(|(_, errors)| errors.is_empty()).map(|(at, _)| at.to_string());
    let matched: Vec<String> = matched.take(2).collect();
    format!("'oneOf' failed, subschemas {} matched", matched.join(", "))
}

fn wanted_types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(several) => {
            // The order of the library's own list of types.
            let known = ["null", "boolean", "number", "integer", "string", "array", "object"];
            let mut names: Vec<String> = several.iter().map(|one| one.to_string()).collect();
            names.sort_by_key(|name| known.iter().position(|known| known == name));
            names.join(" or ")
        }
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn one_of(options: &Value) -> String {
    match options.as_array().map(Vec::as_slice) {
        Some(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            "'enum' failed".to_owned()
        }
        Some([one]) => format!("value must be {}", display(one)),
        Some(items) => {
            let shown: Vec<String> = items.iter().map(display).collect();
            format!("value must be one of {}", shown.join(", "))
        }
        None => "'enum' failed".to_owned(),
    }
}

fn display(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Null => "<nil>".to_owned(),
        Value::Array(_) | Value::Object(_) => "value".to_owned(),
        Value::Number(number) => plain(number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

fn quoted(names: &[String]) -> String {
    let mut names: Vec<String> = names.iter().map(|name| quote(name)).collect();
    names.sort();
    names.join(", ")
}

pub(super) fn quote(text: &str) -> String {
    let quoted = format!("{text:?}").replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &quoted[1..quoted.len() - 1])
}

fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.chars().count() as u64,
        Value::Array(items) => items.len() as u64,
        Value::Object(map) => map.len() as u64,
        _ => 0,
    }
}

fn plain(float: f64) -> String {
    format!("{float}")
}

/// A number with commas between thousands; large and small ones with a power of ten.
fn number(value: &Value) -> String {
    let float = value.as_f64().unwrap_or_default();
    if float != 0.0 && !(1e-4..1e6).contains(&float.abs()) {
        return power_of_ten(float);
    }
    let text = plain(float);
    let (sign, rest) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, String::new()), |(w, f)| (w, format!(".{f}")));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    format!("{sign}{whole}{fraction}")
}

/// `1.5×10⁰⁶`
fn power_of_ten(float: f64) -> String {
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("", exponent), |rest| ("⁻", rest));
    let raised = |c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(c.to_digit(10).unwrap_or_default() as usize);
    let exponent: String = format!("{exponent:0>2}").chars().filter_map(raised).collect();
    format!("{digits}×10{sign}{exponent}")
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
