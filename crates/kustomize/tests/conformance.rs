//! Builds every recorded case and compares it with what the reference tool printed.

use std::{path::Path, process::ExitCode};

use conformance::{Case, Gaps, Root, Suite};
use kustomize::{BuildOptions, MemoryTree, build, build_yaml};

fn main() -> ExitCode {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = vec![
        Root { path: here.join("tests/corpus"), own: true },
        Root { path: here.join("../../../shared/conformance/kustomize"), own: false },
    ];
    let gaps = Gaps::parse(include_str!("gaps.txt")).expect("every line of gaps.txt gives a reason");
    Suite { name: "kustomize", roots, gaps, run }.main()
}

fn run(case: &Case) -> Result<String, String> {
    let tree: MemoryTree = case.files().map_err(|error| error.to_string())?.into_iter().collect();
    let built = build(&tree, &case.start, &BuildOptions::default());
    let built = built.map(|resources| resources.to_yaml()).map_err(|error| error.to_string());
    let printed = build_yaml(&tree, &case.start, &BuildOptions::default()).map_err(|error| error.to_string());
    assert_eq!(built, printed, "both ways to a text are the same");
    built
}
