use std::cmp::Ordering;

use crate::sort_in_any_order;

/// The order in which go-yaml prints the keys of a Go map: letters after everything else, digits by their number.
#[must_use]
pub fn compare_keys(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() {
        return compare(a.as_bytes(), b.as_bytes());
    }
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    compare(&a, &b)
}

/// Sorts entries by [`compare_keys`], which is no total order: keys of digits and other symbols can each stand before the
/// next one in a circle.
pub fn sort_keys<T: Copy>(entries: &mut [T], key: impl Fn(&T) -> &str) {
    sort_in_any_order(entries, &|a, b| compare_keys(key(a), key(b)).is_lt());
}

trait Symbol: Copy + Ord {
    fn is_letter(self) -> bool;
    fn digit(self) -> Option<i64>;
}

impl Symbol for u8 {
    fn is_letter(self) -> bool {
        self.is_ascii_alphabetic()
    }

    fn digit(self) -> Option<i64> {
        self.is_ascii_digit().then(|| i64::from(self - b'0'))
    }
}

impl Symbol for char {
    fn is_letter(self) -> bool {
        self.is_alphabetic()
    }

    fn digit(self) -> Option<i64> {
        self.to_digit(10).map(i64::from)
    }
}

fn compare<S: Symbol>(a: &[S], b: &[S]) -> Ordering {
    let Some(at) = a.iter().zip(b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (x.is_letter(), y.is_letter()) {
        (true, true) => x.cmp(&y),
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => compare_numbers(a, b, at),
    }
}

fn compare_numbers<S: Symbol>(a: &[S], b: &[S], at: usize) -> Ordering {
    let start = leading(a, b, at);
    let (a_end, a_number) = number(&a[at..], start);
    let (b_end, b_number) = number(&b[at..], start);
    a_number.cmp(&b_number).then(a_end.cmp(&b_end)).then(a[at].cmp(&b[at]))
}

/// A zero that continues a number counts as a digit, not as a leading zero.
fn leading<S: Symbol>(a: &[S], b: &[S], at: usize) -> i64 {
    if a[at].digit() != Some(0) && b[at].digit() != Some(0) {
        return 0;
    }
    let before = a[..at].iter().rev().map_while(|symbol| symbol.digit());
    i64::from(before.into_iter().any(|digit| digit != 0))
}

fn number<S: Symbol>(text: &[S], start: i64) -> (usize, i64) {
    let digits = text.iter().map_while(|symbol| symbol.digit());
    digits.fold((0, start), |(len, sum), digit| (len + 1, sum.wrapping_mul(10).wrapping_add(digit)))
}

#[cfg(test)]
mod tests {
    use super::sort_keys;

    #[test]
    fn sorts_as_go_yaml_sorts_map_keys() {
        let mut keys = vec!["b", "a10", "a2", "a", "A", "_x", "1", "10", "a.b", "a-b", "ab", "é", "a01"];
        sort_keys(&mut keys, |key| key);
        assert_eq!(keys, ["_x", "1", "10", "A", "a", "a-b", "a.b", "a01", "a2", "a10", "ab", "b", "é"]);
    }

    #[test]
    fn keys_that_go_round_in_a_circle_are_sorted_somehow() {
        let symbols =
            ["", "0", "1", "00", "9", "a", "é", "²", "٣", ".", "-", "\u{1}", "a0", "0a", ".0", "7."];
        let keys: Vec<String> =
            (0..400).map(|at| format!("{}{}", symbols[at % 16], symbols[at / 16 % 16])).collect();
        let mut sorted: Vec<&str> = keys.iter().map(String::as_str).collect();
        sort_keys(&mut sorted, |key| key);
        let mut all: Vec<&str> = keys.iter().map(String::as_str).collect();
        all.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(sorted, all, "none is lost");
    }
}
