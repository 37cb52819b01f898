use crate::say::harmless;

/// A table in the form of Flux's: columns padded to their width, a tab after each.
pub(crate) struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings, none of them shown when the list is empty.
    pub(crate) fn new(headers: Vec<&'static str>) -> Self {
        Self { headers, rows: Vec::new() }
    }

    /// One more row; what strangers wrote into it does not steer the terminal.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row.iter().map(|cell| harmless(cell)).collect());
    }

    /// True without rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text; widths are those of what is in it.
    pub(crate) fn render(&self, with_headers: bool) -> String {
        let headers: Vec<String> = self.headers.iter().map(|text| text.to_uppercase()).collect();
        let shown = || with_headers.then_some(&headers).into_iter().chain(&self.rows);
        let columns = shown().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| shown().filter_map(|row| row.get(column)).map(|cell| cells(cell)).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut out = String::new();
        for (at, row) in shown().enumerate() {
            push_row(&mut out, row, &widths);
            // Flux's printer ends its headings, and only them, with a blank.
            if with_headers && at == 0 && out.ends_with("\t\n") {
                out.replace_range(out.len() - 2.., " \n");
            }
        }
        out
    }
}

fn push_row(out: &mut String, row: &[String], widths: &[usize]) {
    let lines = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(1).max(1);
    for line in 0..lines {
        for (cell, width) in row.iter().zip(widths) {
            let text = cell.lines().nth(line).unwrap_or_default();
            out.push_str(text);
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(text.chars().count())));
            out.push('\t');
        }
        out.push('\n');
    }
}

fn cells(cell: &str) -> usize {
    cell.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_padded_and_followed_by_a_tab_but_the_last_heading() {
        let mut table = Table::new(vec!["Name", "Last scan"]);
        table.push(vec!["a-long-name".into(), String::new()]);
        assert_eq!(table.render(true), "NAME       \tLAST SCAN \na-long-name\t         \t\n");
        assert_eq!(table.render(false), "a-long-name\t\t\n");
    }

    #[test]
    fn what_steers_a_terminal_is_shown_as_text() {
        let mut table = Table::new(vec!["Message"]);
        table.push(vec!["\u{1b}]0;mine\u{7}".into()]);
        assert_eq!(table.render(false), "^[]0;mine^G\t\n");
    }

    #[test]
    fn a_message_of_two_lines_stays_in_its_column() {
        let mut table = Table::new(vec!["Name", "Message"]);
        table.push(vec!["a".into(), "one\ntwo".into()]);
        assert_eq!(table.render(false), "a\tone\t\n \ttwo\t\n");
    }
}
