//! The format string: flags, width, precision, argument numbers.

use super::printer::{Flags, Printer};
use crate::value::Value;

/// Larger widths and argument numbers are errors, as in Go.
const MAX_NUMBER: usize = 1_000_000;

pub(super) fn format(printer: &mut Printer, format: &[u8], values: &[Value]) {
    let mut reader =
        Reader { format, at: 0, argument: 0, reordered: false, indexed: false, good: true, values };
    while reader.literal(printer) {
        reader.verb(printer);
    }
    reader.extra(printer);
}

struct Reader<'f> {
    format: &'f [u8],
    at: usize,
    /// The next argument.
    argument: usize,
    /// Whether any argument number was used.
    reordered: bool,
    /// Whether the item before was an argument number.
    indexed: bool,
    /// Whether all argument numbers of this verb were good.
    good: bool,
    values: &'f [Value],
}

impl Reader<'_> {
    /// Copies text up to a percent sign and steps over it; whether there was one.
    fn literal(&mut self, printer: &mut Printer) -> bool {
        let rest = &self.format[self.at..];
        let length = rest.iter().position(|byte| *byte == b'%');
        printer.out.extend_from_slice(&rest[..length.unwrap_or(rest.len())]);
        self.at += length.map_or(rest.len(), |length| length + 1);
        length.is_some()
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn verb(&mut self, printer: &mut Printer) {
        printer.flags = Flags::default();
        (self.good, self.indexed) = (true, false);
        self.flags(&mut printer.flags);
        self.argument_number();
        self.width(printer);
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            self.precision(printer);
        }
        if !self.indexed {
            self.argument_number();
        }
        let Some(verb) = self.next_char() else { return printer.push("%!(NOVERB)") };
        self.print(printer, verb);
    }

    fn flags(&mut self, flags: &mut Flags) {
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn width(&mut self, printer: &mut Printer) {
        if self.peek() != Some(b'*') {
            printer.flags.width = self.number();
            if self.indexed && printer.flags.width.is_some() {
                self.good = false;
            }
            return;
        }
        self.at += 1;
        match self.integer_argument() {
            None => printer.push("%!(BADWIDTH)"),
            Some(width) => {
                if width < 0 {
                    (printer.flags.minus, printer.flags.zero) = (true, false);
                }
                printer.flags.width = usize::try_from(width.unsigned_abs()).ok();
            }
        }
        self.indexed = false;
    }

    fn precision(&mut self, printer: &mut Printer) {
        if self.indexed {
            self.good = false;
        }
        self.argument_number();
        if self.peek() != Some(b'*') {
            printer.flags.precision = Some(self.number().unwrap_or(0));
            return;
        }
        self.at += 1;
        match self.integer_argument() {
            Some(precision) if precision >= 0 => printer.flags.precision = usize::try_from(precision).ok(),
            _ => printer.push("%!(BADPREC)"),
        }
        self.indexed = false;
    }

    /// The number here. Go asks whether it is too large before it reads each digit, and then reads nothing any more.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            let before = number.unwrap_or(0);
            if before > MAX_NUMBER {
                self.at = self.format.len();
                return None;
            }
            number = Some(before * 10 + usize::from(byte - b'0'));
            self.at += 1;
        }
        number
    }

    fn integer_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.argument)?;
        self.argument += 1;
        let number = value.signed().or_else(|| value.unsigned().and_then(|n| i64::try_from(n).ok()))?;
        (number.unsigned_abs() <= MAX_NUMBER as u64).then_some(number)
    }

    /// `[3]`: the next argument is the third.
    fn argument_number(&mut self) {
        if self.peek() != Some(b'[') {
            self.indexed = false;
            return;
        }
        self.reordered = true;
        let rest = &self.format[self.at..];
        let close = if rest.len() < 3 { None } else { rest.iter().position(|byte| *byte == b']') };
        let Some(close) = close else {
            self.at += 1;
            self.good = false;
            return;
        };
        let number = std::str::from_utf8(&rest[1..close]).ok().and_then(|text| text.parse::<usize>().ok());
        self.at += close + 1;
        match number {
            Some(number) if number >= 1 && number <= self.values.len() => {
                self.argument = number - 1;
                self.indexed = true;
            }
            _ => self.good = false,
        }
    }

    fn next_char(&mut self) -> Option<char> {
        let rest = &self.format[self.at..];
        let chunk = rest.utf8_chunks().next()?;
        let c = chunk.valid().chars().next();
        self.at += c.map_or(1, char::len_utf8);
        Some(c.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn print(&mut self, printer: &mut Printer, verb: char) {
        if verb == '%' {
            return printer.push("%");
        }
        if !self.good {
            return printer.push(&format!("%!{verb}(BADINDEX)"));
        }
        let Some(value) = self.values.get(self.argument) else {
            return printer.push(&format!("%!{verb}(MISSING)"));
        };
        self.argument += 1;
        // `%w` is for errors alone, and read as `%v` before it is refused.
        if matches!(verb, 'v' | 'w') {
            let flags = &mut printer.flags;
            flags.sharp_v = std::mem::take(&mut flags.sharp);
            flags.plus_v = std::mem::take(&mut flags.plus);
        }
        printer.argument(value, verb);
    }

    fn extra(&self, printer: &mut Printer) {
        if self.reordered || self.argument >= self.values.len() {
            return;
        }
        printer.flags = Flags::default();
        printer.push("%!(EXTRA ");
        for (index, value) in self.values[self.argument..].iter().enumerate() {
            if index > 0 {
                printer.push(", ");
            }
            if value.is_nil() {
                printer.push("<nil>");
                continue;
            }
            printer.push(value.type_name());
            printer.push("=");
            printer.argument(value, 'v');
        }
        printer.push(")");
    }
}
