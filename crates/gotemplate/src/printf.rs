//! Go's `fmt`.
use crate::value::Value;
pub(crate) fn quote(bytes: &[u8]) -> String { format!("{:?}", String::from_utf8_lossy(bytes)) }
pub(crate) fn rune_name(c: char) -> String { format!("U+{:04X}", u32::from(c)) }
/// Go's `strconv.FormatFloat(f, 'g', -1, 64)`.
#[must_use] pub fn format_float(f: f64) -> String { f.to_string() }
/// Go's `fmt.Sprint`.
#[must_use] pub fn sprint(_: &[Value]) -> String { String::new() }
/// Go's `fmt.Sprintln`.
#[must_use] pub fn sprintln(_: &[Value]) -> String { String::new() }
/// Go's `fmt.Sprintf`.
#[must_use] pub fn sprintf(_: &str, _: &[Value]) -> String { String::new() }
