//! Values files laid one over the other in place of a chart's own.

use helm_template::{Chart, Values};

/// Reads a file of values; none when it may be left out.
type ReadValues<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>, String> + 'a;

/// Merges the files that `read` knows. Gives the values and the files that were there.
pub(super) fn merge(files: &[String], read: &ReadValues<'_>) -> Result<(Values, Vec<String>), String> {
    let (mut merged, mut used) = (Values::new(), Vec::new());
    for file in files {
        let Some(text) = read(file)? else { continue };
        let values = Values::read(&String::from_utf8_lossy(&text))
            .map_err(|error| format!("unmarshaling values from '{file}' failed: {error}"))?;
        merged.merge(&values);
        used.push(file.clone());
    }
    Ok((merged, used))
}

/// Gives a chart other default values; false when they are the ones it has.
pub(super) fn overwrite(chart: &mut Chart, values: &Values) -> Result<bool, String> {
    let text = if values.is_empty() { String::new() } else { values.to_yaml() };
    match chart.values_file() {
        None => Err("failed to locate values file: values.yaml".into()),
        Some(file) if *file.data == *text.as_bytes() => Ok(false),
        Some(_) => chart.set_values_file(text).map(|()| true).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::merge;

    #[test]
    fn later_files_win_and_absent_ones_are_left_out() {
        let read = |file: &str| match file {
            "a" => Ok(Some(b"x: 1\nz: 1\n".to_vec())),
            "b" => Ok(Some(b"z: 2\n".to_vec())),
            "bad" => Ok(Some(b"- 1\n".to_vec())),
            "none" => Ok(None),
            other => Err(format!("no values file found at path '{other}'")),
        };
        let files = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (values, used) = merge(&files(&["a", "none", "b"]), &read).unwrap();
        assert_eq!(values.to_yaml(), "x: 1\nz: 2\n");
        assert_eq!(used, files(&["a", "b"]));
        assert!(
            merge(&files(&["bad"]), &read)
                .unwrap_err()
                .starts_with("unmarshaling values from 'bad' failed: ")
        );
        assert_eq!(merge(&files(&["x"]), &read).unwrap_err(), "no values file found at path 'x'");
    }
}
