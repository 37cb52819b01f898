//! Go's `fmt`: verbs and flags on every kind of value, and `strconv`'s quoting.

mod float;
mod integer;
mod printer;
mod quoting;
mod verbs;

pub use float::format_float;
pub(crate) use quoting::{is_print, quote, rune_name};

use self::printer::Printer;
use crate::{
    session::LimitError,
    value::{Str, Value},
};

/// Go's `fmt.Sprint`: operands as `%v`, a space between two that are no strings.
///
/// # Errors
/// When a value is nested too deep, contains itself, or prints more than 16 MiB.
pub fn sprint(values: &[Value]) -> Result<Str, LimitError> {
    let mut printer = Printer::default();
    let mut string_before = true;
    for (index, value) in values.iter().enumerate() {
        let string = matches!(value, Value::String(_));
        if index > 0 && !string && !string_before {
            printer.out.push(b' ');
        }
        printer.argument(value, 'v');
        string_before = string;
    }
    printer.finish()
}

/// Go's `fmt.Sprintln`: a space between all operands, a line end behind.
///
/// # Errors
/// As [`sprint`].
pub fn sprintln(values: &[Value]) -> Result<Str, LimitError> {
    let mut printer = Printer::default();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.out.push(b' ');
        }
        printer.argument(value, 'v');
    }
    printer.out.push(b'\n');
    printer.finish()
}

/// Go's `fmt.Sprintf`.
///
/// # Errors
/// As [`sprint`].
///
/// ```
/// use gotemplate::{Value, sprintf};
/// assert_eq!(sprintf(b"%05.1f|%-4q|%d", &[Value::Float(3.14), "a".into(), "x".into()])?, "003.1|\"a\" |%!d(string=x)");
/// # Ok::<(), gotemplate::LimitError>(())
/// ```
pub fn sprintf(format: &[u8], values: &[Value]) -> Result<Str, LimitError> {
    let mut printer = Printer::default();
    verbs::format(&mut printer, format, values);
    printer.finish()
}

/// One value by one verb, for error texts.
pub(crate) fn shown(format: &[u8], value: &Value) -> String {
    match sprintf(format, std::slice::from_ref(value)) {
        Ok(text) => text.to_string(),
        Err(error) => error.to_string(),
    }
}
