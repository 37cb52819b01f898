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
        "names in archives and in trees of Git that climb, are absolute or no text",
        BINARY,
        &["archives_of_an_enemy_are_refused_whole", "repositories_of_an_enemy_lead_nowhere"],
    ),
    ("2", "symbolic and hard links", BINARY, &["archives_of_an_enemy_are_refused_whole"]),
    (
        "3",
        "FIFOs, devices, sockets, links that dangle or go round",
        BINARY,
        &["archives_of_an_enemy_are_refused_whole"],
    ),
    (
        "4",
        "bombs, also 10 MB that hold 10 GB, endless entries, cut archives, data after the end",
        BINARY,
        &["archives_of_an_enemy_are_refused_whole"],
    ),
    (
        "5",
        "malformed PAX headers, sizes that differ between headers or from the body",
        BINARY,
        &["archives_of_an_enemy_are_refused_whole"],
    ),
    (
        "6",
        "a file where a folder must be, files twice, setuid, no rights at all, names that differ in case",
        BINARY,
        &["archives_of_an_enemy_are_refused_whole"],
    ),
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
        "10",
        "commits with malformed headers or signatures",
        BINARY,
        &["repositories_of_an_enemy_lead_nowhere"],
    ),
    (
        "11",
        "sparse paths that climb, are absolute, hold NUL or a pattern; submodules; includes",
        BINARY,
        &["repositories_of_an_enemy_lead_nowhere"],
    ),
    ("11", "what is not built is refused by its field", UNIT, &["what_is_not_built_is_said_by_its_field"]),
    (
        "12",
        "silent and slow servers",
        BINARY,
        &["a_git_server_that_misbehaves_holds_up_nobody_and_the_last_artifact_stays"],
    ),
    (
        "12",
        "redirects for ever, inward, to a file, to another host",
        BINARY,
        &["redirects_end_and_take_no_password_along"],
    ),
    (
        "12",
        "the metadata service, as address in every writing and as name",
        BINARY,
        &["urls_and_references_of_an_enemy_are_refused"],
    ),
    (
        "12",
        "names whose address changes between look and use: it is judged where it is dialled",
        UNIT,
        &["addresses_outside_of_the_rule_are_never_called", "metadata_addresses_are_refused_by_both_rules"],
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
        "variables that are missing, nested, of themselves, of 10 MB, a product of 10 GB; scripts and definitions",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "24",
        "expressions that are quadratic, double their text, are wrong, deep, or on missing fields",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "24",
        "what an expression may cost",
        UNIT,
        &[
            "a_loop_whose_body_swallows_errors_ends_with_the_budget",
            "text_and_nesting_of_expressions_are_bounded",
        ],
    ),
    (
        "26",
        "intervals of a million years",
        BINARY,
        &["manifests_and_expressions_of_an_enemy_end_in_a_condition"],
    ),
    (
        "26",
        "objects that no schema would take, stored while there was none: 13 kinds, five controllers",
        BINARY,
        &["objects_that_no_schema_would_take_stop_none_of_five_controllers"],
    ),
    (
        "27",
        "annotations and status of foreign shape",
        BINARY,
        &[
            "an_object_of_foreign_shape_stops_no_watch",
            "a_megabyte_of_annotations_is_refused_and_a_quarter_is_carried",
        ],
    ),
    (
        "27",
        "names with the separators of ids",
        BINARY,
        &["names_with_underscores_and_colons_are_pruned_and_others_stay"],
    ),
    (
        "28",
        "references across namespaces",
        BINARY,
        &["a_tenant_reaches_no_other_namespace_and_learns_nothing_of_it"],
    ),
    (
        "28",
        "references whose names are paths, queries or escapes",
        BINARY,
        &[
            "names_that_are_requests_hold_no_worker",
            "what_a_receiver_names_does_not_lead_into_another_namespace",
        ],
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
        "36",
        "clocks that differ or jump: in a Lease, in a status, under a controller",
        BINARY,
        &[
            "a_lease_of_tomorrow_or_yesterday_is_judged_by_its_changes_alone",
            "a_status_with_times_of_tomorrow_holds_up_nothing",
            "a_wall_clock_that_jumps_either_way_holds_up_nothing",
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
        "Secrets in logs, events, status, metrics, debug pages and messages of five controllers",
        BINARY,
        &["no_secret_is_told_anywhere_whole_in_part_or_encoded"],
    ),
    ("41", "Secrets in refusals of the API server", API, &["values_of_secrets_are_not_in_errors"]),
];

/// A text without what changes from run to run.
pub(crate) fn masked(text: &str, namespace: &str) -> String {
    let text = text.replace(namespace, "NAMESPACE");
    let text = Regex::new(r"127\.0\.0\.1:\d{4,5}").unwrap().replace_all(&text, "HOST");
    let text = Regex::new(r"[0-9a-f]{32,}").unwrap().replace_all(&text, "HASH");
    let text = Regex::new(r"x{30,}|a{30,}").unwrap().replace_all(&text, "…");
    let text = Regex::new(r"after \d[\d.]*m?s").unwrap().replace_all(&text, "after TIME");
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
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
