//! The files of an image.
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::libraries;

/// The user and group that images run as: `nobody`, as the images of Flux.
pub(crate) const USER: u32 = 65534;

/// Where distributions keep the certificates of authorities, in the order in which they are tried.
const AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A file, or a folder without content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `None` for a folder.
    pub(crate) content: Option<Vec<u8>>,
    /// Permission bits.
    pub(crate) mode: u32,
}

/// Files by their path without a leading slash.
pub(crate) type Files = BTreeMap<String, Entry>;

/// What all images share: certificates, users, name service, folders, and the libraries of the program.
pub(crate) fn base(program: &Path) -> Result<Files> {
    let mut files = Files::new();
    text(
        &mut files,
        "etc/passwd",
        &format!("root:x:0:0:root:/:/sbin/nologin\nnobody:x:{USER}:{USER}:nobody:/:/sbin/nologin\n"),
    );
    text(&mut files, "etc/group", &format!("root:x:0:\nnobody:x:{USER}:\n"));
    text(&mut files, "etc/nsswitch.conf", "hosts: files dns\n");
    put(&mut files, "etc/ssl/certs/ca-certificates.crt", authorities()?, 0o644);
    for folder in ["tmp", "data"] {
        files.insert(folder.into(), Entry { content: None, mode: 0o1777 });
    }
    for library in libraries::closure(program)? {
        let content = read(&library)?;
        put(&mut files, path(&library)?, content, 0o755);
    }
    Ok(files)
}

/// The program itself, and its bill of materials.
pub(crate) fn program(name: &str, program: &Path, sbom: Vec<u8>) -> Result<Files> {
    let mut files = Files::new();
    put(&mut files, &entrypoint(name)[1..], read(program)?, 0o755);
    put(&mut files, &format!("usr/share/sbom/{name}.spdx.json"), sbom, 0o644);
    Ok(files)
}

/// Where the program lies.
pub(crate) fn entrypoint(name: &str) -> String {
    format!("/usr/local/bin/{name}")
}

fn authorities() -> Result<Vec<u8>> {
    let found = AUTHORITIES.iter().find_map(|file| std::fs::read(file).ok());
    let Some(found) = found else {
        bail!("this machine has no certificates of authorities ({})", AUTHORITIES.join(", "));
    };
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("reading {}", file.display()))
}

fn path(file: &Path) -> Result<&str> {
    file.strip_prefix("/")?.to_str().context("a path that is no text")
}

fn text(files: &mut Files, path: &str, content: &str) {
    put(files, path, content.into(), 0o644);
}

/// A file with the folders above it.
fn put(files: &mut Files, path: &str, content: Vec<u8>, mode: u32) {
    let mut folder = PathBuf::from(path);
    while folder.pop() && !folder.as_os_str().is_empty() {
        let name = folder.to_string_lossy().into_owned();
        files.entry(name).or_insert(Entry { content: None, mode: 0o755 });
    }
    files.insert(path.to_owned(), Entry { content: Some(content), mode });
}

#[cfg(test)]
mod tests {
    use super::{base, program};

    #[test]
    fn an_image_has_no_shell_and_no_root_login() {
        let exe = std::env::current_exe().unwrap();
        let files = base(&exe).unwrap();
        assert!(files.keys().all(|path| !path.ends_with("/sh") && !path.contains("busybox")));
        let passwd = String::from_utf8(files["etc/passwd"].content.clone().unwrap()).unwrap();
        assert!(passwd.lines().all(|line| line.ends_with("nologin")));
    }

    #[test]
    fn folders_come_with_their_files() {
        let files = program("x", &std::env::current_exe().unwrap(), Vec::new()).unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let wanted = [
            "usr",
            "usr/local",
            "usr/local/bin",
            "usr/local/bin/x",
            "usr/share",
            "usr/share/sbom",
            "usr/share/sbom/x.spdx.json",
        ];
        assert_eq!(names, wanted);
    }
}
