//! The layer rules of `docs/architecture.md`, compared with what cargo resolves and what the pure crates say.
use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, root};

/// Crates that know no disk, network, clock or environment.
pub(crate) const PURE: [&str; 12] = [
    "manifest",
    "kustomize",
    "envsubst",
    "semver-range",
    "kstatus",
    "expr",
    "flux-build",
    "go-regex",
    "gotemplate",
    "sprig",
    "helm-template",
    "helm-release",
];

/// What the sources of pure crates may not name. Their `clippy.toml` bans the single functions; this bans the modules.
const BANNED_IN_PURE: [&str; 6] =
    ["std::fs", "std::env", "std::process", "std::net", "SystemTime::now", "Instant::now"];

/// An edge of the graph of our own packages, or to a library of `deny.toml`.
pub(crate) type Arrow = (String, String);

/// All rules.
///
/// # Errors
/// Names every violation.
pub(crate) fn check() -> Result<()> {
    let mut broken = Vec::new();
    let built = built_arrows()?;
    let page =
        fs::read_to_string(root().join("docs/architecture.md")).context("reading docs/architecture.md")?;
    let drawn = drawn_arrows(&page)?;
    broken.extend(differences(&drawn, &built.ours));
    let deny = fs::read_to_string(root().join("deny.toml")).context("reading deny.toml")?;
    broken.extend(unlisted(&deny, &built.theirs));
    for name in PURE {
        broken.extend(impurities(&root().join("crates").join(name).join("src"))?);
        if !root().join("crates").join(name).join("clippy.toml").is_file() {
            broken.push(format!("crates/{name} has no clippy.toml that bans what a pure crate may not use"));
        }
    }
    if !broken.is_empty() {
        bail!("layer rules are broken:\n  {}", broken.join("\n  "));
    }
    Ok(())
}

/// What cargo resolves: edges between our packages, and edges to other packages. Development dependencies do not count.
struct Built {
    ours: BTreeSet<Arrow>,
    theirs: BTreeSet<Arrow>,
}

fn built_arrows() -> Result<Built> {
    let args = ["tree", "--workspace", "--depth", "1", "--prefix", "depth", "--no-dedupe"];
    let done = cargo(&[&args[..], &["-e", "normal,build", "--format", "{p}"]].concat()).output()?;
    if !done.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(read_tree(&String::from_utf8_lossy(&done.stdout)))
}

/// Lines are `0api v0.1.0 (/path)` for a package and `1kube v5.0.0` for each of its dependencies; ours show their path.
fn read_tree(text: &str) -> Built {
    let mut built = Built { ours: BTreeSet::new(), theirs: BTreeSet::new() };
    let mut from = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (depth, rest) = line.split_at(1);
        let name = rest.split(' ').next().unwrap_or("").to_string();
        match depth {
            "0" => from = name,
            _ if rest.contains(" (/") => drop(built.ours.insert((from.clone(), name))),
            _ => drop(built.theirs.insert((from.clone(), name))),
        }
    }
    built
}

/// The block ```` ```arrows ````: `from, from -> to, to`, one or more lines.
fn drawn_arrows(page: &str) -> Result<BTreeSet<Arrow>> {
    let (_, block) = page.split_once("```arrows\n").context("docs/architecture.md has no block of arrows")?;
    let (block, _) = block.split_once("```").context("the block of arrows has no end")?;
    let mut arrows = BTreeSet::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let (from, to) = line.split_once("->").with_context(|| format!("not an arrow: {line}"))?;
        for from in from.split(',') {
            arrows.extend(to.split(',').map(|to| (from.trim().to_string(), to.trim().to_string())));
        }
    }
    Ok(arrows)
}

fn differences(drawn: &BTreeSet<Arrow>, built: &BTreeSet<Arrow>) -> Vec<String> {
    let missing =
        built.difference(drawn).map(|(from, to)| format!("{from} depends on {to}, which is not drawn"));
    let stale = drawn.difference(built).map(|(from, to)| format!("{from} -> {to} is drawn and not built"));
    missing.chain(stale).collect()
}

/// Direct dependants of the libraries that `deny.toml` reserves, as far as they are not among its `wrappers`.
fn unlisted(deny: &str, theirs: &BTreeSet<Arrow>) -> Vec<String> {
    let mut broken = Vec::new();
    for (library, wrappers) in reserved(deny) {
        for (from, _) in theirs.iter().filter(|(_, to)| *to == library) {
            if !wrappers.contains(from) {
                broken.push(format!(
                    "{from} depends on {library}, which deny.toml reserves for {}",
                    wrappers.join(", ")
                ));
            }
        }
    }
    broken
}

/// Lines `{ crate = "kube", wrappers = ["api", "ssa"] },` of `[bans] deny`.
fn reserved(deny: &str) -> Vec<(String, Vec<String>)> {
    let mut reserved = Vec::new();
    for line in deny.lines().filter(|line| line.trim_start().starts_with("{ crate =")) {
        let mut quoted = line.split('"').skip(1).step_by(2).map(String::from);
        if let Some(library) = quoted.next() {
            reserved.push((library, quoted.collect()));
        }
    }
    reserved
}

fn impurities(src: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for file in sources(src)? {
        let text = fs::read_to_string(&file)?;
        for (at, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if let Some(banned) = BANNED_IN_PURE.iter().find(|banned| code.contains(**banned)) {
                broken.push(format!("{}:{}: {banned} in a pure crate", file.display(), at + 1));
            }
        }
    }
    Ok(broken)
}

/// Every `.rs` file below a folder, sorted.
pub(crate) fn sources(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(from: &str, to: &str) -> Arrow {
        (from.into(), to.into())
    }

    #[test]
    fn the_layers_are_as_drawn() {
        check().unwrap();
    }

    #[test]
    fn an_arrow_that_is_not_drawn_and_one_that_is_not_built_are_found() {
        let drawn = drawn_arrows("```arrows\na, b -> c, d\n```").unwrap();
        let built =
            read_tree("0a v1 (/x/a)\n1c v1 (/x/c)\n1d v1 (/x/d)\n1e v1 (/x/e)\n0b v1 (/x/b)\n1c v1 (/x/c)\n");
        let found = differences(&drawn, &built.ours);
        assert_eq!(found, ["a depends on e, which is not drawn", "b -> d is drawn and not built"]);
    }

    #[test]
    fn a_library_used_past_the_deny_file_is_found() {
        let deny = "deny = [\n  { crate = \"kube\", wrappers = [\"api\"] },\n]\n";
        let theirs =
            BTreeSet::from([arrow("api", "kube"), arrow("manifest", "kube"), arrow("manifest", "regex")]);
        let found = unlisted(deny, &theirs);
        assert_eq!(found, ["manifest depends on kube, which deny.toml reserves for api"]);
    }

    #[test]
    fn a_pure_crate_that_reads_a_file_is_found() {
        let dir = std::env::temp_dir().join(format!("sluice-impure-{}", std::process::id()));
        fs::create_dir_all(dir.join("deep")).unwrap();
        fs::write(dir.join("deep/a.rs"), "// std::fs in a comment\nlet x = std::fs::read(\"x\");\n").unwrap();
        let found = impurities(&dir).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("a.rs:2: std::fs in a pure crate"), "{found:?}");
    }
}
