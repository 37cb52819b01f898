//! Functions the library lacks (`sets`), and those whose cost it does not bound, under names that cannot be
//! written in CEL; `instrument` puts them in.

use cel::{
    DeclarationError, Env, ExecutionError,
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelString, DYN_TYPE, INT_TYPE, LIST_TYPE, STRING_TYPE},
        value::{CowVal, Val},
    },
};

use crate::budget::{charge, charge_bytes, charge_value};

pub(crate) const CHARGED: &str = "@charged";
pub(crate) const GOING: &str = "@going";
pub(crate) const DOUBLE: &str = "@double";
pub(crate) const FORMAT: &str = "@format";
pub(crate) const REPLACE: &str = "@replace";
pub(crate) const JOIN: &str = "@join";
pub(crate) const MATCHES: &str = "@matches";

/// Bytes of a compiled regular expression; matching takes time by the product of this and the text.
pub(crate) const MAX_REGEX: usize = 64 << 10;
/// Digits of a number in a format: `%.999999999f` would make a gigabyte.
const MAX_PRECISION_DIGITS: usize = 2;

type Given<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

pub(crate) fn register(env: &mut Env) -> Result<(), DeclarationError> {
    let text = || STRING_TYPE;
    env.add_overload("sets.contains", "sets_contains", vec![LIST_TYPE, LIST_TYPE], sets_contains)?;
    env.add_overload("sets.equivalent", "sets_equivalent", vec![LIST_TYPE, LIST_TYPE], sets_equivalent)?;
    env.add_overload("sets.intersects", "sets_intersects", vec![LIST_TYPE, LIST_TYPE], sets_intersects)?;
    env.add_overload(CHARGED, "charged", vec![DYN_TYPE], charged)?;
    env.add_overload(GOING, "going", vec![DYN_TYPE], going)?;
    env.add_overload(DOUBLE, "double_text", vec![DYN_TYPE], double)?;
    env.add_overload(FORMAT, "format", vec![text()], format)?;
    env.add_overload(REPLACE, "replace", vec![text(), text(), text()], replace)?;
    env.add_overload(REPLACE, "replace_n", vec![text(), text(), text(), INT_TYPE], replace)?;
    env.add_overload(JOIN, "join", vec![LIST_TYPE], join)?;
    env.add_overload(JOIN, "join_separator", vec![LIST_TYPE, text()], join)?;
    env.add_overload(MATCHES, "matches", vec![text(), text()], matches)?;
    Ok(())
}

/// Its argument, charged for.
fn charged<'b, 'v>(mut args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let value = args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    charge_value(value.as_ref())?;
    Ok(value)
}

/// The condition of a loop, charged for. A loop whose evaluation ran out ends at once: an error would be swallowed by
/// `||` in its body, and the loop would go on to its end.
fn going<'b, 'v>(mut args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let value = args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    if charge(1).is_err() {
        return Ok(CowVal::owned(CelBool::from(false)));
    }
    Ok(value)
}

/// A double as text, as `string` makes it in Go; any other value as it is.
fn double<'b, 'v>(mut args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let value = args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    match value.downcast_ref::<CelDouble>() {
        Some(number) => Ok(CowVal::owned(CelString::from(go_float(**number)))),
        None => Ok(value),
    }
}

/// Go's `%g`: an exponent of two digits below 1e-4 and from 1e6 on.
fn go_float(number: f64) -> String {
    if !number.is_finite() {
        let sign = if number.is_sign_negative() { "-Inf" } else { "+Inf" };
        return if number.is_nan() { "NaN" } else { sign }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or_default() {
        -4..6 => number.to_string(),
        exponent => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}

/// A format, refused when it asks for a precision of more than two digits.
fn format<'b, 'v>(args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let wide = string(&args, 0)?.split('%').skip(1).any(|part| {
        let digits = part.trim_start_matches('.').chars().take_while(char::is_ascii_digit).count();
        digits > MAX_PRECISION_DIGITS
    });
    if wide {
        return Err(ExecutionError::function_error("format", "precision too large"));
    }
    charged(args)
}

fn replace<'b, 'v>(args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (text, from, to) = (string(&args, 0)?, string(&args, 1)?, string(&args, 2)?);
    let limit = match args.get(3).and_then(|count| count.downcast_ref::<CelInt>()) {
        Some(count) => usize::try_from(*count.inner()).unwrap_or(usize::MAX),
        None => usize::MAX,
    };
    charge_bytes(text.len())?;
    let found = text.matches(from).take(limit).count();
    charge_bytes(found.saturating_mul(to.len()))?;
    Ok(CowVal::owned(CelString::from(text.replacen(from, to, limit))))
}

fn join<'b, 'v>(args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let items = list(&args, 0)?;
    let separator = if args.len() > 1 { string(&args, 1)? } else { "" };
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        let item =
            item.downcast_ref::<CelString>().ok_or_else(|| unexpected(item.as_ref(), "string"))?.inner();
        charge_bytes(item.len() + separator.len())?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(item);
    }
    Ok(CowVal::owned(CelString::from(out)))
}

fn matches<'b, 'v>(args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (text, pattern) = (string(&args, 0)?, string(&args, 1)?);
    // Each step of the automaton costs up to the size of the pattern.
    charge_bytes(text.len().saturating_mul(1 + pattern.len() / 8).saturating_add(pattern.len() * 64))?;
    let regex = regex::RegexBuilder::new(pattern).size_limit(MAX_REGEX).build();
    let regex = regex.map_err(|error| ExecutionError::function_error("matches", error))?;
    Ok(boolean(regex.is_match(text)))
}

fn sets_contains<'b, 'v>(args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (all, some) = pair(&args)?;
    Ok(boolean(subset(some, all)))
}

fn sets_equivalent<'b, 'v>(args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (left, right) = pair(&args)?;
    Ok(boolean(subset(left, right) && subset(right, left)))
}

fn sets_intersects<'b, 'v>(args: Given<'b, 'v>) -> Answer<'b, 'v> {
    let (left, right) = pair(&args)?;
    Ok(boolean(left.iter().any(|item| has(right, item.as_ref()))))
}

type Items<'a, 'v> = &'a [Box<dyn Val + 'v>];

/// Both lists, charged for comparing each with each.
fn pair<'a, 'v>(args: &'a Given<'_, 'v>) -> Result<(Items<'a, 'v>, Items<'a, 'v>), ExecutionError> {
    let (left, right) = (list(args, 0)?, list(args, 1)?);
    charge((left.len() as u64).saturating_mul(right.len() as u64))?;
    Ok((left, right))
}

fn subset(some: Items<'_, '_>, all: Items<'_, '_>) -> bool {
    some.iter().all(|item| has(all, item.as_ref()))
}

fn has(items: Items<'_, '_>, wanted: &dyn Val) -> bool {
    items.iter().any(|item| item.equals(wanted))
}

fn boolean<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(value))
}

fn string<'a>(args: &'a Given<'_, '_>, index: usize) -> Result<&'a str, ExecutionError> {
    let value = args.get(index).ok_or_else(ExecutionError::missing_argument_or_target)?;
    let text = value.downcast_ref::<CelString>().ok_or_else(|| unexpected(value.as_ref(), "string"))?;
    Ok(text.inner())
}

fn list<'a, 'v>(args: &'a Given<'_, 'v>, index: usize) -> Result<Items<'a, 'v>, ExecutionError> {
    let value = args.get(index).ok_or_else(ExecutionError::missing_argument_or_target)?;
    let list = value.downcast_ref::<CelList>().ok_or_else(|| unexpected(value.as_ref(), "list"))?;
    Ok(list.inner())
}

fn unexpected(value: &dyn Val, want: &str) -> ExecutionError {
    ExecutionError::UnexpectedType { got: value.get_type().name().to_owned(), want: want.to_owned() }
}
