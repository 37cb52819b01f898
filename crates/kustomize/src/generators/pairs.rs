use crate::{
    kustomization::GeneratorArgs,
    load::{LoadError, Loader},
    path,
};

/// Why a source of keys and values cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairsError {
    /// A file cannot be loaded.
    #[error("{kind}: [{file}]: {source}")]
    Load {
        /// Which sort of source.
        kind: &'static str,
        /// The file as written.
        file: String,
        /// What is wrong.
        source: LoadError,
    },
    /// A literal without a key or `=`. The literal itself may be secret.
    #[error("literal sources: invalid literal source of key '{0}', expected key=value")]
    Literal(String),
    /// A file source that is not `[key=]path`.
    #[error("file sources: source {source_text:?} {problem}")]
    File {
        /// The source as written.
        source_text: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A line that is no text.
    #[error("env source files: [{file}]: line {line} has invalid utf8 bytes")]
    NotText {
        /// The file.
        file: String,
        /// Line, from 0.
        line: usize,
    },
}

type Pairs = Vec<(String, Vec<u8>)>;

/// Reads all sources: env files, literals, files.
pub(super) fn load_pairs(args: &GeneratorArgs, loader: &Loader<'_>) -> Result<Pairs, PairsError> {
    let mut pairs = Vec::new();
    for file in &args.envs {
        env_file(file, &load(loader, file, "env source files")?, &mut pairs)?;
    }
    for literal in &args.literals {
        pairs.push(literal_pair(literal)?);
    }
    for source in &args.files {
        let (key, file) = file_source(source)?;
        pairs.push((key.to_owned(), load(loader, file, "file sources")?));
    }
    Ok(pairs)
}

fn load(loader: &Loader<'_>, file: &str, kind: &'static str) -> Result<Vec<u8>, PairsError> {
    let content = loader.load(file);
    content.map(std::borrow::Cow::into_owned).map_err(|source| PairsError::Load {
        kind,
        file: file.to_owned(),
        source,
    })
}

fn env_file(file: &str, content: &[u8], pairs: &mut Pairs) -> Result<(), PairsError> {
    for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = std::str::from_utf8(line)
            .map_err(|_| PairsError::NotText { file: file.to_owned(), line: number })?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = if number == 0 { line.trim_start_matches('\u{feff}') } else { line };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    Ok(())
}

fn literal_pair(literal: &str) -> Result<(String, Vec<u8>), PairsError> {
    match literal.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), unquoted(value).as_bytes().to_vec())),
        Some(_) => Err(PairsError::Literal(String::new())),
        None => Err(PairsError::Literal(literal.to_owned())),
    }
}

/// Without one pair of equal quotes around.
fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote) {
            return &text[1..text.len() - 1];
        }
    }
    text
}

/// `[key=]path`; without a key, the file's name is the key.
fn file_source(source: &str) -> Result<(&str, &str), PairsError> {
    let fail = |problem| Err(PairsError::File { source_text: source.to_owned(), problem });
    match (source.matches('=').count(), source.split_once('=')) {
        (0, _) | (_, None) => Ok((path::base_name(source), source)),
        (1, Some(("", _))) => fail("is missing a key name"),
        (1, Some((_, ""))) => fail("is missing a file path"),
        (1, Some((key, file))) => Ok((key, file)),
        _ => fail("key name or file path contains '='"),
    }
}

#[cfg(test)]
mod tests {
    use super::{env_file, file_source, literal_pair};

    #[test]
    fn env_files_skip_comments_and_keep_trailing_blanks() {
        let mut pairs = Vec::new();
        env_file("e", "\u{feff}# c\n  A=1 \r\nB\n\nC=x=y\n".as_bytes(), &mut pairs).unwrap();
        let expect = [("A", "1 "), ("B", ""), ("C", "x=y")];
        assert_eq!(pairs, expect.map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())));
    }

    #[test]
    fn literals_lose_one_pair_of_quotes() {
        for (literal, value) in [
            ("a=b", "b"),
            ("a='b'", "b"),
            ("a=\"b\"", "b"),
            ("a='b\"", "'b\""),
            ("a=b=c", "b=c"),
            ("a='", "'"),
        ] {
            assert_eq!(literal_pair(literal).unwrap().1, value.as_bytes(), "{literal}");
        }
        assert!(literal_pair("a").is_err() && literal_pair("=a").is_err());
    }

    #[test]
    fn file_sources_name_their_key_or_take_the_file_name() {
        assert_eq!(file_source("d/f.txt").unwrap(), ("f.txt", "d/f.txt"));
        assert_eq!(file_source("k=d/f").unwrap(), ("k", "d/f"));
        for bad in ["=f", "k=", "a=b=c"] {
            assert!(file_source(bad).is_err(), "{bad}");
        }
    }
}
