//! `docs/abuse.md`, written by the run: which row of hostile input is tested where, and what the object says.
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use regex::Regex;
use testkit::workspace_root;

/// A row of the list: number, input, level, tests.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// Through the binaries, on a real API server.
const BINARY: &str = "binary";
/// Against a real API server, without the binary.
const API: &str = "API server";
/// The function alone.
const UNIT: &str = "unit";

const ROWS: &[Row] = &[
    (
        "1",
        "names in archives that climb, are absolute or no text",
        BINARY,
        &["archives_of_an_enemy_are_refused_whole"],
    ),
    ("2", "symbolic and hard links", BINARY, &["archives_of_an_enemy_are_refused_whole"]),
    ("3", "FIFOs and devices", BINARY, &["archives_of_an_enemy_are_refused_whole"]),
    ("4", "bombs, endless entries, cut archives", BINARY, &["archives_of_an_enemy_are_refused_whole"]),
    ("5", "malformed PAX headers", BINARY, &["archives_of_an_enemy_are_refused_whole"]),
    ("6", "a file where a folder must be", BINARY, &["archives_of_an_enemy_are_refused_whole"]),
    (
        "7",
        "another file than the digest says",
        BINARY,
        &["artifacts_that_are_swapped_or_lead_to_the_metadata_service_are_not_used"],
    ),
    (
        "8",
        "disk full, a kill in the middle of a write",
        BINARY,
        &[
            "a_disk_that_takes_no_more_is_told_and_keeps_the_old_artifact_and_the_neighbours",
            "source_controller_killed_while_it_stores_serves_whole_artifacts_after_the_restart",
        ],
    ),
    (
        "9",
        "URLs that are options, other schemes, passwords in URLs",
        BINARY,
        &["urls_and_references_of_an_enemy_are_refused"],
    ),
    ("10", "names of branches, tags and commits", BINARY, &["urls_and_references_of_an_enemy_are_refused"]),
    (
        "12",
        "silent and slow servers",
        BINARY,
        &["a_git_server_that_misbehaves_holds_up_nobody_and_the_last_artifact_stays"],
    ),
    (
        "12",
        "redirects for ever, inward, to another host",
        BINARY,
        &["redirects_end_and_take_no_password_along"],
    ),
    (
        "19",
        "alias bombs, deep nesting, merge loops, bad binary",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "20",
        "kustomizations that include themselves, leave the source, fetch or run something",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "21",
        "patterns that explode, indices of a billion",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "22",
        "variables that are missing or nested",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "24",
        "expressions that are quadratic, wrong, or on missing fields",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "26",
        "intervals of a million years",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    ("27", "annotations and status of foreign shape", BINARY, &["an_object_of_foreign_shape_stops_no_watch"]),
    (
        "28",
        "references across namespaces",
        BINARY,
        &["a_tenant_reaches_no_other_namespace_and_learns_nothing_of_it"],
    ),
    (
        "30",
        "accounts that are missing or have no rights",
        BINARY,
        &[
            "a_tenant_without_an_account_has_no_rights_at_all",
            "what_a_tenant_may_not_apply_is_refused_naming_kind_namespace_and_account",
        ],
    ),
    (
        "31",
        "artifacts at the metadata service",
        BINARY,
        &["artifacts_that_are_swapped_or_lead_to_the_metadata_service_are_not_used"],
    ),
    (
        "32",
        "builds that fall to nothing",
        BINARY,
        &[
            "the_guard_holds_an_empty_build_until_the_annotation_allows_it",
            "a_build_that_falls_to_empty_is_pruned_without_the_guard",
        ],
    ),
    (
        "33",
        "objects that move, labels that are forged",
        BINARY,
        &[
            "an_object_moved_between_kustomizations_keeps_its_uid",
            "objects_with_a_forged_owner_cause_no_pass_and_are_not_deleted",
        ],
    ),
    (
        "34",
        "definitions deleted, groups without a server",
        BINARY,
        &[
            "a_definition_deleted_under_its_resources_comes_back_with_them",
            "a_group_without_anybody_behind_it_stops_only_who_uses_it",
        ],
    ),
    (
        "35",
        "webhooks that are down or deny",
        BINARY,
        &["a_webhook_that_is_down_and_a_policy_that_denies_stop_only_whom_they_concern"],
    ),
    (
        "36",
        "409, 429, 500, 410, late and broken answers, restarts",
        BINARY,
        &[
            "refusals_by_a_busy_server_end_as_in_git_and_the_neighbour_does_not_notice",
            "compacted_watches_begin_anew_and_nothing_is_applied_for_it",
            "an_api_server_that_is_killed_and_starts_again_finds_both_controllers_at_work",
        ],
    ),
    (
        "37",
        "tokens revoked, a Lease stolen",
        BINARY,
        &[
            "a_revoked_token_deletes_nothing_and_work_goes_on_with_the_next_one",
            "a_leader_whose_lease_is_stolen_writes_nothing_more_and_ends",
        ],
    ),
    (
        "38",
        "cycles and long chains of dependencies",
        BINARY,
        &[
            "a_cycle_of_dependencies_is_named_on_each_of_its_members",
            "cycles_are_named_and_a_chain_of_two_hundred_goes_live",
        ],
    ),
    (
        "39",
        "many that fail, one that flaps",
        BINARY,
        &[
            "forty_of_a_hundred_that_fail_again_and_again_do_not_hold_up_the_others",
            "an_object_that_another_manager_takes_again_and_again_is_no_war",
        ],
    ),
    (
        "40",
        "inventories that do not fit",
        UNIT,
        &["ten_thousand_objects_fit_and_what_etcd_would_refuse_is_refused"],
    ),
    (
        "41",
        "Secrets in logs, events, status, metrics, debug pages",
        BINARY,
        &["no_secret_is_told_anywhere_whole_in_part_or_encoded"],
    ),
    ("41", "Secrets in refusals of the API server", API, &["values_of_secrets_are_not_in_errors"]),
];

/// Rows of the list that nothing reaches yet, and why.
const OPEN: &[(&str, &str)] =
    &[("11", "submodules, sparse paths and includes: tested with the kinds' own tests where they are built")];

/// A text without what changes from run to run.
pub(crate) fn masked(text: &str, namespace: &str) -> String {
    let text = text.replace(namespace, "NAMESPACE");
    let text = Regex::new(r"127\.0\.0\.1:\d{4,5}").unwrap().replace_all(&text, "HOST");
    let text = Regex::new(r"[0-9a-f]{32,}").unwrap().replace_all(&text, "HASH");
    let text = Regex::new(r"x{30,}|a{30,}").unwrap().replace_all(&text, "…");
    let text = Regex::new(r"after \d[\d.]*m?s").unwrap().replace_all(&text, "after TIME");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    line.chars().take(300).collect()
}

fn file() -> PathBuf {
    workspace_root().join("docs/abuse.md")
}

/// Writes the part of the page that a test has seen; the others stay.
pub(crate) fn keep(part: &str, told: &BTreeMap<String, String>) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let old = fs::read_to_string(file()).unwrap_or_default();
    let mut parts = parts(&old);
    let rows: String = told.iter().map(|(name, text)| format!("| {name} | {text} |\n")).collect();
    parts.insert(part.to_owned(), rows);
    let new = page(&parts);
    if new != old {
        fs::write(file(), new).unwrap();
    }
}

/// Rows of the parts that the page has.
fn parts(text: &str) -> BTreeMap<String, String> {
    let part = |text: &str| {
        let (name, rest) = text.split_once("\n")?;
        let rows =
            rest.lines().filter(|line| line.starts_with("| a")).map(|line| format!("{line}\n")).collect();
        Some((name.to_owned(), rows))
    };
    text.split("\n### ").skip(1).filter_map(part).collect()
}

fn page(parts: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "# Hostile input\n\nWritten by `e2e/tests/abuse.rs` when it runs. For every row: the one object says why, in a \
         text without secrets; the process is the same one afterwards; its memory stays below a ceiling that the test \
         asserts; a healthy neighbour is answered all the while; nothing is written outside the folder of the \
         controller.\n\n## Rows\n\nThe numbers are those of the list that the tests were written from. Level `binary`: \
         through the controllers' programs on a real API server.\n\n| row | input | level | test |\n|---|---|---|---|\n",
    );
    for (number, input, level, tests) in ROWS {
        let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
        text.push_str(&format!("| {number} | {input} | {level} | {} |\n", tests.join(", ")));
    }
    for (number, why) in OPEN {
        text.push_str(&format!("| {number} | {why} | - | - |\n"));
    }
    text.push_str("\n## What the objects say\n\n`a4-bomb` is of row 4.\n");
    for (name, rows) in parts {
        text.push_str(&format!("\n### {name}\n\n| input | message of Ready |\n|---|---|\n{rows}"));
    }
    text
}

/// Names of tests on a page that no file of the checkout has.
pub(crate) fn unknown_tests(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut all = String::new();
    for folder in ["crates", "e2e/tests"] {
        read(&workspace_root().join(folder), &mut all);
    }
    names.into_iter().filter(|name| !all.contains(&format!("fn {name}("))).collect()
}

fn read(folder: &std::path::Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// Tests that the rows name.
pub(crate) fn named_tests() -> Vec<String> {
    ROWS.iter().flat_map(|(.., tests)| tests.iter().map(|test| (*test).to_owned())).collect()
}
