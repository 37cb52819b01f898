//! Integers in their bases.

use super::printer::Flags;

/// The digits of an integer with sign, prefix and precision; `None` prints nothing but padding.
pub(super) fn text(flags: &Flags, negative: bool, magnitude: u64, verb: char) -> Option<String> {
    let mut digits = match verb {
        'b' => format!("{magnitude:b}"),
        'o' | 'O' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        _ => magnitude.to_string(),
    };
    let wanted = match flags.precision {
        Some(0) if magnitude == 0 => return None,
        Some(precision) => precision,
        None => match flags.width {
            Some(width) if flags.zero && !flags.minus => {
                width.saturating_sub(usize::from(negative || flags.plus || flags.space))
            }
            _ => 0,
        },
    };
    if digits.len() < wanted {
        digits.insert_str(0, &"0".repeat(wanted - digits.len()));
    }
    let prefix = match verb {
        'b' if flags.sharp => "0b",
        'o' if flags.sharp && !digits.starts_with('0') => "0",
        'x' if flags.sharp => "0x",
        'X' if flags.sharp => "0X",
        'O' if flags.sharp && !digits.starts_with('0') => "0o0",
        'O' => "0o",
        _ => "",
    };
    let sign = match (negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    Some(format!("{sign}{prefix}{digits}"))
}

/// `%U`.
pub(super) fn unicode(flags: &Flags, code: u64) -> String {
    let digits = flags.precision.unwrap_or(0).max(4);
    let code_digits = format!("{code:X}");
    let zeros = "0".repeat(digits.saturating_sub(code_digits.len()));
    let mut text = format!("U+{zeros}{code_digits}");
    let printable = u32::try_from(code).ok().and_then(char::from_u32).filter(|c| super::is_print(*c));
    if let (true, Some(c)) = (flags.sharp, printable) {
        text += &format!(" '{c}'");
    }
    text
}
