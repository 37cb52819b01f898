//! Sprig's and Helm's functions over gotemplate's values.
