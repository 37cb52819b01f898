use clap::builder::{PossibleValue, PossibleValuesParser};

/// One of these words, or none.
pub(crate) fn one_of(words: &'static [&'static str]) -> PossibleValuesParser {
    let none = PossibleValue::new("").hide(true);
    PossibleValuesParser::new(std::iter::once(none).chain(words.iter().map(PossibleValue::new)))
}
