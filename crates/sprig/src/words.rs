//! Letters and words: case, abbreviation, wrapping, as goutils and xstrings do them.

/// Go's `unicode.IsSpace`.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{85}' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200a}')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Go's `unicode.ToUpper`: one letter to one letter.
pub(crate) fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Go's `unicode.ToLower`.
pub(crate) fn lower(c: char) -> char {
    match c {
        'İ' => 'i',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

/// Go's `strings.Title`: the first letter of each word in upper case.
pub(crate) fn title(text: &str) -> String {
    let mut before = ' ';
    let each = |c| {
        let begins = is_title_separator(before);
        before = c;
        if begins { upper(c) } else { c }
    };
    text.chars().map(each).collect()
}

fn is_title_separator(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_alphanumeric() && c != '_';
    }
    !c.is_alphanumeric() && is_space(c)
}

pub(crate) fn untitle(text: &str) -> String {
    let mut next = true;
    let each = |c| {
        if is_space(c) {
            next = true;
            return c;
        }
        if std::mem::take(&mut next) { lower(c) } else { c }
    };
    text.chars().map(each).collect()
}

pub(crate) fn swap_case(text: &str) -> String {
    let mut space = true;
    let each = |c: char| {
        if c.is_uppercase() {
            space = false;
            lower(c)
        } else if c.is_lowercase() {
            space = false;
            upper(c)
        } else {
            space = is_space(c);
            c
        }
    };
    text.chars().map(each).collect()
}

/// Each byte is taken for a character, as goutils does: what is not ASCII comes out as Latin-1.
pub(crate) fn no_space(bytes: &[u8]) -> Vec<u8> {
    let kept: String = bytes.iter().map(|byte| char::from(*byte)).filter(|c| !is_space(*c)).collect();
    if kept.chars().count() == bytes.len() { bytes.to_vec() } else { kept.into_bytes() }
}

/// The first letter of each word; bytes are taken for characters.
pub(crate) fn initials(bytes: &[u8]) -> String {
    let mut gap = true;
    let each = |byte: &u8| {
        let c = char::from(*byte);
        if is_space(c) {
            gap = true;
            return None;
        }
        std::mem::take(&mut gap).then_some(c)
    };
    bytes.iter().filter_map(each).collect()
}

pub(crate) fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    const MARK: &[u8] = b"...";
    let (Ok(width), Ok(length)) = (usize::try_from(width), i64::try_from(text.len())) else {
        return Vec::new();
    };
    if text.is_empty() || width < 4 {
        return Vec::new();
    }
    if text.len() <= width {
        return text.to_vec();
    }
    let room = i64::try_from(width - 3).unwrap_or(i64::MAX);
    let mut offset = offset.min(length);
    if length - offset < room {
        offset = length - room;
    }
    if offset <= 4 {
        return [&text[..width - 3], MARK].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + room < length {
        let from = usize::try_from(offset).unwrap_or(0);
        return [MARK, &abbreviate(&text[from..], 0, room)].concat();
    }
    [MARK, &text[text.len() - (width - 3)..]].concat()
}

/// Wraps at spaces; words longer than a line are cut when `cut` is set.
pub(crate) fn wrap(text: &[u8], width: i64, newline: &[u8], cut: bool) -> Vec<u8> {
    let newline = if newline.is_empty() { &b"\n"[..] } else { newline };
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut at = 0;
    while text.len() - at > width {
        if text[at] == b' ' {
            at += 1;
            continue;
        }
        let space = text[at..=at + width].iter().rposition(|byte| *byte == b' ').map(|space| at + space);
        let long =
            || text[at + width..].iter().position(|byte| *byte == b' ').map(|space| at + width + space);
        match space {
            Some(space) => at = break_at(&mut out, text, at, space, newline),
            None if cut => {
                out.extend_from_slice(&text[at..at + width]);
                out.extend_from_slice(newline);
                at += width;
            }
            None => match long() {
                Some(space) => at = break_at(&mut out, text, at, space, newline),
                None => break,
            },
        }
    }
    out.extend_from_slice(&text[at..]);
    out
}

fn break_at(out: &mut Vec<u8>, text: &[u8], at: usize, space: usize, newline: &[u8]) -> usize {
    out.extend_from_slice(&text[at..space]);
    out.extend_from_slice(newline);
    space + 1
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// Letters that come in words; ideographs stand alone.
fn is_alphabet(c: char) -> bool {
    let ideograph =
        matches!(c, '\u{4E00}'..='\u{9FCC}' | '\u{3400}'..='\u{4D85}' | '\u{20000}'..='\u{2B81D}');
    c.is_alphabetic() && !ideograph
}

/// Unicode's punctuation, near enough: what is neither letter, number, space nor symbol.
fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~');
    }
    matches!(c, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' | '\u{3001}'..='\u{3003}')
}

pub(crate) fn to_pascal_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    let mut current = '\0';
    let mut first_upper = false;
    let mut found = false;
    for c in chars.by_ref() {
        current = c;
        if !is_connector(c) {
            first_upper = c.is_uppercase();
            current = upper(c);
            found = true;
            break;
        }
        out.push(c);
    }
    let rest = chars.as_str();
    if rest.is_empty() {
        if !text.is_empty() {
            out.push(current);
        }
        return out;
    }
    debug_assert!(found || rest.is_empty());
    for c in rest.chars() {
        let before = current;
        current = c;
        if is_connector(c) && is_connector(before) {
            out.push(before);
            continue;
        }
        if is_connector(before) {
            first_upper = c.is_uppercase();
            current = upper(c);
            continue;
        }
        if first_upper {
            if c.is_uppercase() {
                current = lower(c);
            } else {
                first_upper = false;
            }
        }
        out.push(before);
    }
    out.push(current);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Nothing,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

/// Takes one word of one kind from the front.
fn next_word(text: &str) -> (Word, &str, &str) {
    let Some(first) = text.chars().next() else { return (Word::Nothing, "", "") };
    let while_ = |wanted: &dyn Fn(char) -> bool| text.find(|c| !wanted(c)).unwrap_or(text.len());
    let (word, end) = if is_connector(first) {
        (Word::Connector, while_(&is_connector))
    } else if is_punctuation(first) {
        (Word::Punctuation, while_(&is_punctuation))
    } else if first.is_uppercase() {
        (Word::Upper, upper_word(text, first))
    } else if is_alphabet(first) {
        (Word::Alphabet, while_(&|c| is_alphabet(c) && !c.is_uppercase()))
    } else if first.is_numeric() {
        (Word::Number, while_(&char::is_numeric))
    } else {
        let other = |c| !(is_connector(c) || is_alphabet(c) || c.is_numeric() || is_punctuation(c));
        (Word::Other, while_(&other))
    };
    (word, &text[..end], &text[end..])
}

/// `HTTPServer` gives `HTTP`, `Server` all of it.
fn upper_word(text: &str, first: char) -> usize {
    let after = first.len_utf8();
    let second = text[after..].chars().next();
    match second {
        Some(c) if c.is_uppercase() => {
            let run = text.find(|c: char| !c.is_uppercase()).unwrap_or(text.len());
            match text[run..].chars().next() {
                Some(c) if is_alphabet(c) => {
                    text[..run].char_indices().next_back().map_or(run, |(last, _)| last)
                }
                _ => run,
            }
        }
        Some(c) if is_alphabet(c) => {
            let lower = |c: char| !is_alphabet(c) || c.is_uppercase();
            text[after..].find(lower).map_or(text.len(), |end| after + end)
        }
        _ => after,
    }
}

fn push_lower(out: &mut String, word: Word, text: &str, connector: char) {
    if !matches!(word, Word::Upper | Word::Connector) {
        out.push_str(text);
        return;
    }
    out.extend(text.chars().map(|c| if is_connector(c) { connector } else { lower(c) }));
}

/// `HTTPServer2 name` to `http_server2_name`.
pub(crate) fn to_lower_case(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            push_lower(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                (kind, word, rest) = push_alphanumeric(&mut out, (kind, word, rest), connector);
            }
            Word::Connector => push_lower(&mut out, before, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Word::Alphabet {
                    out.push(connector);
                    out.push_str(number);
                    (kind, word, rest) = push_alphanumeric(&mut out, (kind, word, rest), connector);
                } else {
                    out.push_str(number);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push_lower(&mut out, kind, word, connector);
    out
}

fn push_alphanumeric<'t>(
    out: &mut String,
    (mut kind, mut word, mut rest): (Word, &'t str, &'t str),
    connector: char,
) -> (Word, &'t str, &'t str) {
    while matches!(kind, Word::Alphabet | Word::Number) {
        out.push_str(word);
        (kind, word, rest) = next_word(rest);
    }
    if !matches!(kind, Word::Nothing | Word::Punctuation | Word::Connector) {
        out.push(connector);
    }
    (kind, word, rest)
}
