/// A YAML timestamp as Go's `time.Time` prints it in JSON (RFC 3339 with what fraction there is), or
/// `None` when the text is none. Forms: `2001-1-2`, `2001-1-2T3:4:5.6Z`, `…+01:00`, `2001-1-2 3:4:5.6`.
pub(crate) fn parse_timestamp(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut reader = Reader(&bytes[5..]);
    let year: u32 = text[..4].parse().ok()?;
    let month = reader.number(1, 12)?;
    reader.expect(b'-')?;
    let day = reader.number(1, days(year, month))?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    match reader.next() {
        None => Some(format!("{date}T00:00:00Z")),
        Some(b'T' | b't') => Some(format!("{date}T{}{}", reader.clock()?, reader.zone()?)),
        Some(b' ') => {
            let clock = reader.clock()?;
            reader.0.is_empty().then(|| format!("{date}T{clock}Z"))
        }
        Some(_) => None,
    }
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// One or two digits within bounds.
    fn number(&mut self, least: u32, most: u32) -> Option<u32> {
        let len = self.0.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(len);
        self.0 = rest;
        let number = digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        (len > 0 && (least..=most).contains(&number)).then_some(number)
    }

    /// `15:4:5.999`, printed with two digits each and no trailing zeros of the fraction.
    fn clock(&mut self) -> Option<String> {
        let hour = self.number(0, 23)?;
        self.expect(b':')?;
        let minute = self.number(0, 59)?;
        self.expect(b':')?;
        let second = self.number(0, 59)?;
        Some(format!("{hour:02}:{minute:02}:{second:02}{}", self.fraction()?))
    }

    fn fraction(&mut self) -> Option<String> {
        if self.0.first() != Some(&b'.') {
            return Some(String::new());
        }
        let len = self.0[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if len == 0 {
            return None;
        }
        let digits = &self.0[1..=len];
        let kept = String::from_utf8_lossy(&digits[..len.min(9)]).trim_end_matches('0').to_owned();
        self.0 = &self.0[len + 1..];
        Some(if kept.is_empty() { kept } else { format!(".{kept}") })
    }

    fn zone(&mut self) -> Option<String> {
        let zone = String::from_utf8_lossy(self.0).into_owned();
        match self.next()? {
            b'Z' => self.0.is_empty().then_some(zone),
            b'+' | b'-' => {
                let form = zone.len() == 6 && zone.as_bytes()[3] == b':';
                let hour = self.number(0, 24)?;
                self.expect(b':')?;
                let minute = self.number(0, 60)?;
                let utc = hour == 0 && minute == 0;
                (form && self.0.is_empty()).then(|| if utc { "Z".into() } else { zone })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_timestamp;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(parse_timestamp(text).as_deref(), expect, "{text}");
    }

    #[test]
    fn reads_the_forms_go_yaml_reads() {
        check("2001-01-01", Some("2001-01-01T00:00:00Z"));
        check("2001-1-2", Some("2001-01-02T00:00:00Z"));
        check("2001-01-01T01:02:03Z", Some("2001-01-01T01:02:03Z"));
        check("2001-01-01t1:2:3.50+01:00", Some("2001-01-01T01:02:03.5+01:00"));
        check("2001-01-01 01:02:03", Some("2001-01-01T01:02:03Z"));
    }

    #[test]
    fn leaves_other_text_alone() {
        for text in
            ["2001-02-30", "2001-13-01", "2001-01-01T", "2001-01-01 01:02:03Z", "20010101", "2001-01-é"]
        {
            check(text, None);
        }
    }
}
