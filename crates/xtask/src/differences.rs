//! `docs/differences-from-flux.md`: what is different on purpose, and every row of the gap files by its reason.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::cargo::root;

const PAGE: &str = "docs/differences-from-flux.md";

const HEAD: &str = "\
# Differences from Flux

Written by `cargo xtask generate` and `cargo xtask test` from the gap files; do not edit. `docs/conformance.md` has the figures.

## On purpose

| | Flux | Sluice |
|---|---|---|
| waiting for health | holds a worker, which polls | is a state that a watch ends |
| drift | found at the interval | watched, undone within a second; contested drift is backed off from and named |
| a commit | applies every Kustomization of the source again | touches only those whose build differs |
| GitRepositories of one repository and the same credentials | each asks the server | those woken together ask once; at the interval an answer counts that is a tenth of it old |
| a new revision during a health check | waits for the check to end | is taken at once |
| a kind that is missing, a webhook that does not answer | fails the pass | is waited for, and named; an annotation turns it off |
| a build that falls to nothing | deletes everything | is held until somebody allows it (on in manifests and chart, off in the bare binary) |
| an object that left one Kustomization and stands in the inventory of another | deleted while it carries the first one's labels | stays in both inventories until the other has taken it over; where the other waits for the first one (`dependsOn`), fails at that revision or belongs to other people, as in Flux: what must not be made anew is annotated `kustomize.toolkit.fluxcd.io/prune: disabled` before it moves |
| `dependsOn[].readyExpr` across namespaces with `--no-cross-namespace-refs` | sees the whole object | sees name, generation and conditions without their messages |
| `healthCheckExprs` of Secrets | see what they hold | see everything else |
| `force`: an object that is recreated and does not go away | holds a worker until the timeout | is put off after three seconds; the rest is applied |
| GitRepository: size of an artifact and of `.sourceignore` files | no limit | 1 GiB of files, 4 MiB of patterns; more is refused |
| GitRepository: `ref.commit` | is looked for in the history of the branch, or of all branches without one | is asked for by its id, while the branch must exist: servers of protocol 2 give whatever they have, commits of forks and of pull requests too |
| Git: what is received | no limit | 1 GiB and 2,000,000 objects, an object of 256 MiB, 384 MiB unpacked together, 64 MiB of references, 100,000 files and folders, as many links, 16 GiB read of one tree; more is refused |
| Git: a file name that no folder can hold (`..`, `.git`) | fails the checkout, even where it is ignored | fails where it would be in the artifact, with its whole path |
| Git: names with backslashes, control characters or Latin-1 bytes | in the artifact as they are; Flux's own reader refuses a backslash | in the artifact as they are; a byte that is no UTF-8 is read as the character of its number, two files whose names become equal are refused |
| downloads | as slow as the server likes, until `spec.timeout` | less than 12,000 bytes in 120 s of waiting is an error; after 60 s a download holds no place of `--concurrent` |
| an artifact as Kustomizations, HelmCharts and layers of OCIRepositories take it | no limit | 100 MiB as it is fetched; 100 MiB and 100,000 files unpacked; more is refused, also where `spec.path` is a small part of it |
| HelmRepository: values of an index | no limit beside `--helm-index-max-size` | three million, three times what the largest public ones have |
| images: controllers | image-reflector- and image-automation-controller | one, image-automation-controller |
| rolling update of source-controller | old pod first (Recreate) | new pod first, so that an image that cannot be pulled stops nothing |
| rights of controllers | one ClusterRole with `*` for all | a ClusterRole each, without `*`, compared with the audit log |
| remote kustomize bases | fetched, unless a flag says no | never fetched |
| `flux-edit`, `flux-view` | `*` | the kinds by name |
| a SOPS Secret without `spec.decryption` | refused when `data` is encrypted; ciphertext in `stringData` and in other kinds is applied | always refused |
| Kustomization: a health check without `apiVersion` or `namespace` | `apps/v1` is asked for whatever the kind; no namespace is an error | the version of well-known kinds; the own namespace |
| Kustomization, GitRepository: a retry after a failure of fetch, build or apply | Reconciling goes from ProgressingWithRetry to Progressing and back | stays ProgressingWithRetry until it succeeds; while health is waited for it is Progressing, as in Flux |
| what is not built yet: Bucket, `spec.decryption`, `spec.kubeConfig`, `spec.verify`, `spec.include`, `recurseSubmodules`, `spec.provider` of clouds | works | Stalled with the name of the field, and nothing is applied |
| ArtifactGenerator | source-watcher makes ExternalArtifacts of it | nobody takes it up: it has no condition |
| Kustomization: size | no limit | a file 32 MiB, 50,000 files and objects, 256 MiB of output, 1.25 MB of inventory (about 14,000 objects) |
| Kustomization: what a build copies | no limit | 64 MiB by patches and replacements, 64 MiB of files that are read again, 128 MiB of bases that are visited again |
| ImageUpdateAutomation: files above 16 MiB | any size | left alone |
| `--artifact-digest-algo=blake3` | taken | refused at the start |
| HelmChart | waits for its interval when its source is deleted or a static OCI repository changes | is told at once |
| HelmRelease: events of a failed action | end in the last lines of Helm's log | name objects, pods and containers in the message itself |
| HelmRelease: `lookup` in templates | no limit | 1,000 lookups, 64 MiB and 60 s a rendering |
| HelmRelease: values of a chart with all its sub-charts and aliases | no limit | 24 MiB in memory; a large public chart takes half a MiB |
| HelmRelease: `values.schema.json` | no limit: a short one may take any memory and time | 256 schemas inside one another, 30,000 compiled, 400,000 looked at for the values; more is an error that says so |
| HelmRelease: memory and time of templates | no limit | ten million steps, a minute, 16 MiB a value, 40 MiB of values held at once (of 48 public charts the one with most holds at most 8) |
| HelmRelease: a `status.helmChart` of a namespace that may not be referred to | the deletion fails | the HelmChart is left alone, with a warning |
| HelmRelease: objects of an API version that is served no more | the action fails | they are found in a version that is served |
| HelmRelease: the condition `Acting` | | while an action runs: a digest of what it does; a process that comes after a kill goes on with nothing else |
| HelmRelease: `disableOpenAPIValidation` | has no effect with server-side apply | is honoured |
| HelmRelease: `targetNamespace` changes under a `serviceAccountName` | the release before cannot be deleted | it is deleted |
| ImagePolicy: its repository names another image, whose scan fails | the new name with a tag of the old image | waits for the tags of the new one |
| ImagePolicy, ImageRepository: length of expressions | no limit | 4,096 bytes; of `extract` 1,024 bytes, and 64 MiB for what it makes of all tags |
| ImageUpdateAutomation: a `refspec` that cannot be used | fails after the branch is pushed | fails before anything is pushed |
| ImageUpdateAutomation: a `refspec` that leads from the push branch to what was checked out | pushed by force | pushed as a fast-forward only |
| Alert: expressions | no limit | 4,096 bytes, 256 KiB compiled; they see 64 KiB of a message and have a second for each event and namespace of Alerts |
| Receiver: an `apiVersion`, kind or namespace of `resources` that can be none | is Ready, fails at each call | is Stalled |
| Receiver: two whose status shows the same path | either may be called | the one whose token the path is made of |
| Receiver: an issuer that signs with ES512 | is believed | is refused |
| webhooks and events: bodies above 64 KiB | are all read | have 96 MiB together on each port; beyond it 503 for a while; paths of no Receiver get 404 before the body is read |
| Provider: finalizers of earlier versions | stay | are taken off |

## Seen in the comparisons

Each row is a case whose result was recorded from Flux, Helm or kustomize and differs here, with the reason. The run of the
tests fails when a case agrees and its row is still there.
";

/// Writes the page, or only says that it is not what the gap files say.
///
/// # Errors
/// With `check`: when the page is stale.
pub(crate) fn write(check: bool) -> Result<()> {
    let page = root().join(PAGE);
    let wanted = text()?;
    if fs::read_to_string(&page).unwrap_or_default() == wanted {
        return Ok(());
    }
    if check {
        bail!("{PAGE} is not what the gap files say; run cargo xtask generate");
    }
    fs::write(&page, wanted).with_context(|| format!("writing {PAGE}"))
}

fn text() -> Result<String> {
    let mut text = HEAD.to_string();
    for file in gap_files()? {
        let rows = rows(&fs::read_to_string(&file)?);
        if rows.is_empty() {
            continue;
        }
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        text.push_str(&format!("\n### {}\n\nFrom `{name}`.\n\n| why | cases |\n|---|---:|\n", title(&name)));
        for (reason, cases) in rows {
            text.push_str(&format!("| {} | {cases} |\n", reason.replace('|', "\\|")));
        }
    }
    Ok(text)
}

/// `gaps.txt` and `*-gaps.txt` in the tests of all packages, sorted.
fn gap_files() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for package in fs::read_dir(root().join("crates"))? {
        look(&package?.path().join("tests"), &mut found, 3)?;
    }
    look(&root().join("e2e/tests"), &mut found, 1)?;
    found.sort();
    Ok(found)
}

fn look(dir: &Path, found: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && depth > 0 {
            look(&path, found, depth - 1)?;
        } else if name == "gaps.txt" || name.ends_with("-gaps.txt") {
            found.push(path);
        }
    }
    Ok(())
}

/// Reason → how many cases, from lines `case  # reason`.
fn rows(text: &str) -> BTreeMap<String, usize> {
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((_, reason)) = line.rsplit_once(" # ") {
            *rows.entry(reason.trim().to_string()).or_insert(0) += 1;
        }
    }
    rows
}

fn title(file: &str) -> String {
    match file.split('/').collect::<Vec<_>>()[..] {
        ["crates", package, ..] => format!("Package {package}"),
        _ => "Recorded scenarios of the controllers".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{rows, text, title};

    #[test]
    fn rows_are_counted_by_their_reason() {
        let rows = rows("# head\na  # why\nb # 1  # why\nc  # else\n");
        assert_eq!((rows["why"], rows["else"], rows.len()), (2, 1, 2));
    }

    #[test]
    fn the_page_names_the_package_of_each_file() {
        assert_eq!(title("crates/flux-build/tests/corpus/gaps.txt"), "Package flux-build");
        let text = text().unwrap();
        assert!(text.contains("### Package flux-build") && text.contains("### Recorded scenarios"));
    }
}
