use api::image::v1::TagFilter;
use regex::Regex;

use super::choose::ChoiceError;

/// `spec.filterTags`.
pub(super) struct Filter {
    pattern: Regex,
    /// What is compared, made of the pattern's groups; none for the whole tag.
    extract: Option<String>,
}

impl Filter {
    pub(super) fn new(filter: &TagFilter) -> Result<Self, ChoiceError> {
        let pattern = filter.pattern.clone().unwrap_or_default();
        let compiled = crate::regex::compile(&pattern);
        let compiled = compiled.map_err(|cause| ChoiceError::Filter { pattern, cause })?;
        Ok(Self { pattern: compiled, extract: filter.extract.clone().filter(|text| !text.is_empty()) })
    }

    /// What is compared of each tag that matches, and the tag. Of tags with one value the last one counts. Takes long
    /// with some patterns: `stop` is asked before each tag.
    ///
    /// # Errors
    /// [`ChoiceError::Stopped`].
    pub(super) fn apply(
        &self,
        tags: &[String],
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<(String, String)>, ChoiceError> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut places = std::collections::HashMap::new();
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
    fn of_tags_with_one_value_the_last_one_counts() {
        let filter = TagFilter { pattern: Some("^[a-z]+-([0-9]+)$".into()), extract: Some("$1".into()) };
        let tags = ["b-1", "a-1", "a-2", "x"].map(str::to_owned);
        let found = Filter::new(&filter).unwrap().apply(&tags, &|| false).unwrap();
        assert_eq!(found, [("1".to_owned(), "a-1".to_owned()), ("2".to_owned(), "a-2".to_owned())]);
    }
}
