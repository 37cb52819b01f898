use crate::ignore_pattern::{Pattern, Verdict};

/// Name of the files whose patterns leave paths out of an artifact.
pub(crate) const FILE_NAME: &str = ".sourceignore";

/// Never in an artifact, unless a pattern of the user takes it back in.
const VERSION_CONTROL: [&str; 4] = [".git/", ".gitignore", ".gitmodules", ".gitattributes"];

/// Left out as long as the user has no pattern of their own.
const DEFAULTS: [&str; 19] = [
    "*.jpg",
    "*.jpeg",
    "*.gif",
    "*.png",
    "*.wmv",
    "*.flv",
    "*.tar.gz",
    "*.zip",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
    "**/.goreleaser.yml",
    "**/.sops.yaml",
];
const MORE_DEFAULTS: [&str; 1] = ["**/.flux.yaml"];

/// Patterns of files, and of the spec, that are heeded: each path is held against all of them.
const MOST_PATTERNS: usize = 5_000;

/// One `.sourceignore` file of the tree.
#[derive(Clone, Debug)]
pub struct IgnoreFile {
    /// Folder it lies in, with slashes, empty for the root. Its patterns apply below that folder only.
    pub dir: String,
    /// Its text; invalid UTF-8 may be replaced.
    pub text: String,
}

/// Decides which paths of a tree stay out of its artifact, as source-controller does.
///
/// Differences from `git`, all of them Flux's (go-git's matcher): the last matching pattern decides for each
/// path by itself, so a file can be taken back in although its folder is left out; `[!a]` is not a negation; a
/// backslash escapes.
#[derive(Clone, Debug)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

impl Ignore {
    /// Rules from the tree's `.sourceignore` files and from `spec.ignore`, which comes last and so wins.
    ///
    /// When there is no pattern at all, the defaults apply; as soon as there is one, only the version control
    /// files stay left out beside what the user says.
    pub fn new(files: &[IgnoreFile], spec: Option<&str>) -> Self {
        let mut files: Vec<&IgnoreFile> = files.iter().collect();
        // Parents before children, folders in order, as the recursive read of the tree gives them.
        files.sort_by(|a, b| a.dir.split('/').cmp(b.dir.split('/')));
        let own = files.into_iter().flat_map(|file| lines(&file.text, &file.dir));
        let spec = lines(spec.unwrap_or_default(), "");
        let own: Vec<Pattern> = own.take(MOST_PATTERNS).chain(spec.take(MOST_PATTERNS)).collect();
        let base = VERSION_CONTROL.iter();
        let mut patterns: Vec<Pattern> = match own.is_empty() {
            true => {
                base.chain(&DEFAULTS).chain(&MORE_DEFAULTS).map(|line| Pattern::parse(line, "")).collect()
            }
            false => base.map(|line| Pattern::parse(line, "")).collect(),
        };
        patterns.extend(own);
        Self { patterns }
    }

    /// Whether the path (with slashes, relative to the root) stays out.
    pub fn excludes(&self, path: &str, is_dir: bool) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let verdicts = self.patterns.iter().rev().map(|pattern| pattern.judge(&parts, is_dir));
        verdicts.into_iter().find(|verdict| *verdict != Verdict::Silent) == Some(Verdict::Exclude)
    }

    /// Whether a file at `path` holds patterns.
    pub fn is_ignore_file(path: &str) -> bool {
        path.rsplit('/').next() == Some(FILE_NAME)
    }
}

/// One after the other: a text of some megabytes holds millions of patterns, of which few are heeded.
fn lines<'a>(text: &'a str, dir: &'a str) -> impl Iterator<Item = Pattern> + 'a {
    let meant = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
    text.lines().filter(meant).map(move |line| Pattern::parse(line, dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(dir: &str, text: &str) -> IgnoreFile {
        IgnoreFile { dir: dir.into(), text: text.into() }
    }

    /// The kept ones of a fixed set of files.
    fn kept(files: &[IgnoreFile], spec: Option<&str>) -> Vec<&'static str> {
        const TREE: [&str; 9] = [
            ".gitignore",
            ".github/w.yaml",
            ".sops.yaml",
            "cm.yaml",
            "docs/a.md",
            "docs/keep.md",
            "img.png",
            "sub/b.txt",
            "sub/c.txt",
        ];
        let ignore = Ignore::new(files, spec);
        TREE.into_iter().filter(|path| !ignore.excludes(path, false)).collect()
    }

    #[test]
    fn defaults_apply_without_any_pattern() {
        assert_eq!(kept(&[], None), ["cm.yaml", "docs/a.md", "docs/keep.md", "sub/b.txt", "sub/c.txt"]);
        assert_eq!(kept(&[file("", "# only a comment\n\n")], Some("\n")), kept(&[], None));
    }

    #[test]
    fn one_pattern_turns_the_defaults_off_but_not_version_control() {
        let found = kept(&[file("sub", "b.txt\n")], None);
        assert_eq!(
            found,
            [".github/w.yaml", ".sops.yaml", "cm.yaml", "docs/a.md", "docs/keep.md", "img.png", "sub/c.txt"]
        );
    }

    #[test]
    fn no_more_patterns_are_made_than_are_heeded() {
        let text = "a\n".repeat(1_000_000);
        let mut made = 0;
        let first: Vec<Pattern> = lines(&text, "").inspect(|_| made += 1).take(MOST_PATTERNS).collect();
        assert_eq!((first.len(), made), (MOST_PATTERNS, MOST_PATTERNS));
        assert!(Ignore::new(&[file("", &text)], Some(&text)).patterns.len() <= 2 * MOST_PATTERNS + 4);
    }

    #[test]
    fn patterns_of_a_folder_apply_below_it_only() {
        assert!(kept(&[file("docs", "b.txt\n")], None).contains(&"sub/b.txt"));
    }

    #[test]
    fn spec_wins_over_files() {
        assert!(kept(&[file("sub", "b.txt\n")], Some("!sub/b.txt\n")).contains(&"sub/b.txt"));
    }

    #[test]
    fn an_allow_list_keeps_only_what_it_names() {
        assert_eq!(kept(&[], Some("/*\n!/cm.yaml\n")), ["cm.yaml"]);
        assert_eq!(kept(&[], Some("/*\n!/sub/\n")), ["sub/b.txt", "sub/c.txt"]);
    }

    #[test]
    fn a_file_comes_back_although_its_folder_is_left_out() {
        let ignore = Ignore::new(&[], Some("/docs/\n!/docs/keep.md\n"));
        assert!(ignore.excludes("docs", true));
        assert!(ignore.excludes("docs/a.md", false));
        assert!(!ignore.excludes("docs/keep.md", false));
    }

    #[test]
    fn folder_patterns_leave_files_of_that_name_alone() {
        let ignore = Ignore::new(&[], Some("build/\n"));
        assert!(ignore.excludes("a/build", true));
        assert!(ignore.excludes("a/build/x", false));
        assert!(!ignore.excludes("a/build", false));
    }
}
