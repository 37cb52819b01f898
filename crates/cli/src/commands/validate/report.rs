//! Forms of the report.
use std::{collections::BTreeSet, fmt::Write};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{
    Summary,
    finding::{Finding, Level},
};
use crate::CommandError;

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// FILE:LINE: what is wrong
    Text,
    /// All findings as JSON
    Json,
    /// Commands of a workflow on GitHub
    Github,
    /// A report of tests
    Junit,
    /// For code scanning
    Sarif,
}

/// The whole report.
pub(super) fn printed(form: Form, summary: &Summary) -> Result<String, CommandError> {
    Ok(match form {
        Form::Text => summary.findings.iter().map(text).collect(),
        Form::Github => summary.findings.iter().map(github).collect(),
        Form::Json => format!("{}\n", serde_json::to_string_pretty(&as_json(summary)?)?),
        Form::Sarif => format!("{}\n", serde_json::to_string_pretty(&sarif(summary))?),
        Form::Junit => junit(summary),
    })
}

fn level(finding: &Finding) -> &'static str {
    match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

fn about(finding: &Finding) -> String {
    if finding.object.is_empty() {
        finding.message.clone()
    } else {
        format!("{}: {}", finding.object, finding.message)
    }
}

fn text(finding: &Finding) -> String {
    format!("{}:{}: {}: {}\n", finding.file, finding.line, level(finding), about(finding))
}

fn github(finding: &Finding) -> String {
    let message = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| message(text).replace(':', "%3A").replace(',', "%2C");
    format!(
        "::{} file={},line={},title={}::{}\n",
        level(finding),
        property(&finding.file),
        finding.line,
        property(finding.rule),
        message(&about(finding))
    )
}

fn as_json(summary: &Summary) -> Result<Value, serde_json::Error> {
    Ok(json!({
        "findings": serde_json::to_value(&summary.findings)?,
        "units": summary.units,
        "checked": summary.checked,
        "unknown": summary.unknown,
    }))
}

fn sarif(summary: &Summary) -> Value {
    let rules: BTreeSet<&str> = summary.findings.iter().map(|finding| finding.rule).collect();
    let result = |finding: &Finding| {
        json!({
            "ruleId": finding.rule, "level": level(finding), "message": { "text": about(finding) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": finding.file, "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": finding.line },
            }}],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "sluice", "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_iter().map(|rule| json!({ "id": rule })).collect::<Vec<_>>(),
            }},
            "results": summary.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// One case for each file that something was found in, and one for each build; warnings are no failures.
fn junit(summary: &Summary) -> String {
    let errors: Vec<&Finding> = summary.findings.iter().filter(|finding| finding.is_error()).collect();
    let files: BTreeSet<&str> = errors.iter().map(|finding| finding.file.as_str()).collect();
    let clean: BTreeSet<&str> =
        summary.units.iter().map(String::as_str).filter(|unit| !files.contains(unit)).collect();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"sluice validate\" tests=\"{}\" failures=\"{}\">\n",
        files.len() + clean.len(),
        files.len()
    );
    // Writing to a String cannot fail.
    for unit in clean {
        let _ = writeln!(out, "  <testcase classname=\"sluice\" name=\"{}\"/>", escaped(unit));
    }
    for file in files {
        let _ = writeln!(out, "  <testcase classname=\"sluice\" name=\"{}\">", escaped(file));
        for finding in errors.iter().filter(|finding| finding.file == file) {
            let (line, rule, told) = (finding.line, finding.rule, escaped(&about(finding)));
            let _ = writeln!(
                out,
                "    <failure type=\"{rule}\" message=\"{told}\">line {line}: {told}</failure>"
            );
        }
        out.push_str("  </testcase>\n");
    }
    out.push_str("</testsuite>\n");
    out
}

/// Text of an XML document or attribute; characters that XML has no place for become a question mark.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Form, printed};
    use crate::commands::validate::{Summary, finding::Finding};

    fn told(form: Form) -> String {
        let one = Finding::error("schema", ("a,b.yaml", 3), "<x> & 100%\nmore");
        let other = Finding::error("reference", ("c.yaml", 0), "perhaps").into_warning();
        let summary = Summary { units: vec!["d".into()], checked: 2, unknown: 1, findings: vec![one, other] };
        printed(form, &summary).unwrap()
    }

    #[test]
    fn each_form_says_file_line_and_cause_and_nothing_breaks_out_of_it() {
        assert_eq!(told(Form::Text), "a,b.yaml:3: error: <x> & 100%\nmore\nc.yaml:1: warning: perhaps\n");
        assert_eq!(
            told(Form::Github),
            "::error file=a%2Cb.yaml,line=3,title=schema::<x> & 100%25%0Amore\n\
             ::warning file=c.yaml,line=1,title=reference::perhaps\n"
        );
        let junit = told(Form::Junit);
        assert!(
            junit.contains("tests=\"2\" failures=\"1\"") && junit.contains("&lt;x&gt; &amp; 100%&#10;more"),
            "{junit}"
        );
        let sarif: serde_json::Value = serde_json::from_str(&told(Form::Sarif)).unwrap();
        let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(
            (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
            (&"a,b.yaml".into(), &3.into())
        );
        let json: serde_json::Value = serde_json::from_str(&told(Form::Json)).unwrap();
        assert_eq!((&json["findings"][1]["level"], &json["checked"]), (&"warning".into(), &2.into()));
    }
}
