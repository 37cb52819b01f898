use api::image::v1::TagFilter;
use regex::Regex;

use super::choose::ChoiceError;

/// `spec.filterTags`.
pub(super) struct Filter {
    pattern: Regex,
    /// What is compared, made of the pattern's groups; none for the whole tag.
    extract: Option<String>,
}

/// Bytes of `extract`, and of what it makes of all tags, at most: a short pattern can repeat a tag many times.
const LONGEST_EXTRACT: usize = 1024;
const ROOM: usize = 64 << 20;

impl Filter {
    pub(super) fn new(filter: &TagFilter) -> Result<Self, ChoiceError> {
        if filter.extract.as_ref().is_some_and(|extract| extract.len() > LONGEST_EXTRACT) {
            return Err(ChoiceError::TooLarge { what: "the extract", limit: LONGEST_EXTRACT });
        }
        let pattern = filter.pattern.clone().unwrap_or_default();
        let compiled = crate::regex::compile(&pattern);
        let compiled = compiled.map_err(|cause| ChoiceError::Filter { pattern, cause })?;
        Ok(Self { pattern: compiled, extract: filter.extract.clone().filter(|text| !text.is_empty()) })
    }

    /// What is compared of each tag that matches, and the tag. Of tags with one value the last one counts. Takes long
    /// with some patterns: `stop` is asked before each tag.
    ///
    /// # Errors
    /// [`ChoiceError::Stopped`], [`ChoiceError::TooLarge`].
    pub(super) fn apply(
        &self,
        tags: &[String],
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<(String, String)>, ChoiceError> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        let mut left = ROOM;
        for tag in tags {
            if stop() {
                return Err(ChoiceError::Stopped);
            }
            let Some(captures) = self.pattern.captures(tag) else { continue };
            let value = match &self.extract {
                None => tag.clone(),
                Some(template) => {
                    let mut value = String::new();
                    captures.expand(template, &mut value);
                    value
                }
            };
            let too_large = ChoiceError::TooLarge { what: "what is extracted of all tags", limit: ROOM };
            left = left.checked_sub(value.len()).ok_or(too_large)?;
            match places.get(&value) {
                Some(at) => {
                    let (_, kept): &mut (String, String) = &mut found[*at];
                    kept.clone_from(tag);
                }
                None => {
                    places.insert(value.clone(), found.len());
                    found.push((value, tag.clone()));
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use api::image::v1::TagFilter;

    #[test]
    fn an_extract_that_multiplies_tags_is_refused() {
        let filter =
            |times: usize| TagFilter { pattern: Some(".*".into()), extract: Some("$0".repeat(times)) };
        let tags = vec!["a".repeat(128); 2_000];
        let refused = |times| {
            let found = Filter::new(&filter(times)).and_then(|filter| filter.apply(&tags, &|| false));
            matches!(found, Err(error) if error.is_invalid())
        };
        assert!(!refused(1) && refused(500) && refused(600));
    }

    #[test]
    fn of_tags_with_one_value_the_last_one_counts() {
        let filter = TagFilter { pattern: Some("^[a-z]+-([0-9]+)$".into()), extract: Some("$1".into()) };
        let tags = ["b-1", "a-1", "a-2", "x"].map(str::to_owned);
        let found = Filter::new(&filter).unwrap().apply(&tags, &|| false).unwrap();
        assert_eq!(found, [("1".to_owned(), "a-1".to_owned()), ("2".to_owned(), "a-2".to_owned())]);
    }
}
