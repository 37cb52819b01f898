//! Servers and repositories that mean harm, or are broken.
mod support;

use std::{
    fmt::Write as _,
    io::{Read, Write},
    time::{Duration, Instant},
};

use git::{Checkout, EntryKind, GitError, GitOptions, Limits, Remote, Selector};
use net::LeastPace;
use support::{
    branch, checkout, commit, failure, fakes, git, git_with, name, remote,
    repo::Repo,
    server::{Rules, Server},
    tag,
};

async fn times_out(url: &str) -> GitError {
    let started = Instant::now();
    let remote = Remote { timeout: Duration::from_millis(600), ..remote(url) };
    let error = failure(&git(), &remote, &branch("main")).await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    error
}

#[tokio::test]
async fn a_silent_server_is_left_at_the_deadline() {
    let url = format!("http://{}/x.git", fakes::silent());
    let expected = format!(
        "unable to clone '{url}': Get \"{url}/info/refs?service=git-upload-pack\": context deadline exceeded"
    );
    assert_eq!(times_out(&url).await.to_string(), expected);
}

#[tokio::test]
async fn a_dripping_server_is_left_at_the_deadline() {
    let url = format!("http://{}/x.git", fakes::dripping());
    let error = times_out(&url).await;
    assert!(matches!(error, GitError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_silent_ssh_server_is_left_at_the_deadline() {
    let url = format!("ssh://git@{}/x.git", fakes::silent());
    let key = include_str!("support/throwaway_key");
    let known = "* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    let mut remote = support::with_secret(&url, &[("identity", key), ("known_hosts", known)]);
    remote.timeout = Duration::from_millis(600);
    let error = failure(&git(), &remote, &branch("main")).await;
    assert!(matches!(error, GitError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_closed_port_is_told_in_the_words_of_flux() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/x.git");
    let expected = format!(
        "unable to clone '{url}': Get \"{url}/info/refs?service=git-upload-pack\": \
         dial tcp {address}: connect: connection refused"
    );
    assert_eq!(failure(&git(), &remote(&url), &branch("main")).await.to_string(), expected);
}

#[tokio::test]
async fn after_one_silence_no_connection_of_before_is_used() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Server::start(repo.root());
    let router = fakes::Router::to(server.address);
    let (git, remote) =
        (git(), remote(&server.url().replace(&server.address.to_string(), &router.address.to_string())));
    let main = branch("main");
    // Several connections stay open for reuse.
    let one = || checkout(&git, &remote, &main);
    let all = tokio::join!(one(), one(), one(), one());
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok() && all.3.is_ok());
    router.forget();
    let short = Remote { timeout: Duration::from_millis(600), ..remote.clone() };
    let error = failure(&git, &short, &main).await;
    assert!(matches!(error, GitError::Timeout { .. }), "{error}");
    one().await.unwrap();
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let repo = Repo::with(&[("a", "1")]);
    let address = fakes::listen(|mut stream| {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
            let answer = "HTTP/1.1 302 x\r\nLocation: /x.git/info/refs?service=git-upload-pack\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let error = failure(&git(), &remote(&format!("http://{address}/x.git")), &branch("main")).await;
    assert!(error.to_string().contains("too many redirects"), "{error}");
    drop(repo);
}

#[tokio::test]
async fn a_redirect_to_a_metadata_service_or_a_file_is_refused() {
    let repo = Repo::with(&[("a", "1")]);
    let options =
        GitOptions { addresses: net::AddressRule::NoLinkLocal, ..GitOptions::new(std::env::temp_dir()) };
    let git = git::Git::new(options);
    for (target, words) in
        [("http://169.254.169.254", "address that is not allowed"), ("file://", "status code: 302")]
    {
        let server = Server::with(repo.root(), Rules { redirect: Some(target.into()), ..Rules::default() });
        let error = failure(&git, &remote(&server.url()), &branch("main")).await;
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = failure(&git, &remote("http://169.254.169.254/x.git"), &branch("main")).await;
    assert!(error.to_string().contains("address is not allowed"), "{error}");
}

#[tokio::test]
async fn answers_that_are_not_git_are_refused() {
    let good = "Content-Type: application/x-git-upload-pack-advertisement\r\n";
    let html = "Content-Type: text/html\r\n";
    let many = format!("000eversion 2\n{}", "0006a\n".repeat(2000));
    for (head, body) in [
        (html, "<html>"),
        (good, ""),
        (good, "zzzz"),
        (good, "0003"),
        (good, "fff0"),
        (good, "001e# service=git-upload-pack\n0009abc\n0000"),
        (good, "000eversion 2\n"),
        (good, "000eversion 2\n001aobject-format=sha256\n0000"),
        (good, "0014short line\0caps\n0000"),
        (good, many.as_str()),
        (good, "0015ERR access \x1b[31mgone0000"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let repo = Repo::empty();
        let server = Server::with(repo.root(), Rules { answer: Some(answer.into()), ..Rules::default() });
        let error = failure(&git(), &remote(&server.url()), &branch("main")).await;
        assert!(matches!(error, GitError::Protocol { .. }), "{body:?}: {error}");
        assert!(!error.to_string().contains('\x1b'));
    }
}

#[tokio::test]
async fn hostile_names_reach_no_server() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Server::start(repo.root());
    let long = "x".repeat(4096);
    for bad in ["a..b", "a\nb", "a b", "--upload-pack=x", &long, "a\0b"] {
        for selector in [branch(bad), tag(bad), name(bad)] {
            let mut session = git().open(&remote(&server.url())).await.unwrap();
            let error = session.resolve(&selector).await.unwrap_err();
            assert!(error.to_string().contains("not a valid git reference name"), "{error}");
            assert!(error.to_string().len() < 400);
        }
    }
    assert!(server.seen().iter().all(|seen| seen.line.starts_with("GET ")));
    for bad in ["", "; rm -rf", "HEAD", "0123"] {
        let selector = Selector { commit: Some(format!("{bad}x")), ..Selector::default() };
        assert!(matches!(
            failure(&git(), &remote(&server.url()), &selector).await,
            GitError::CommitNotFound(_)
        ));
    }
}

#[tokio::test]
async fn limits_on_packs_and_objects_hold() {
    let noise = noise(200_000);
    let repo = Repo::with(&[("big", &noise), ("b", "2"), ("c", "3")]);
    let server = Server::start(repo.root());
    for (limits, words) in [
        (
            Limits { pack_bytes: 10_000, ..Limits::default() },
            "size of the pack in bytes exceeds the limit of 10000",
        ),
        (Limits { objects: 2, ..Limits::default() }, "number of objects exceeds the limit of 2"),
        (Limits { object_bytes: 100_000, ..Limits::default() }, ""),
        (Limits { entries: 2, ..Limits::default() }, "number of files exceeds the limit of 2"),
    ] {
        let error = failure(&git_with(limits), &remote(&server.url()), &branch("main")).await;
        let text = error.to_string();
        assert!(text.contains(words) || text.contains("size of the answer"), "{text}");
    }
}

/// A server whose first answer is `first`, and whose second one is a list of references with these names.
fn lists(first: &'static str, names: impl Iterator<Item = String>) -> String {
    let id = "1".repeat(40);
    let mut lines = String::new();
    for name in names {
        let line = format!("{id} {name}");
        write!(lines, "{:04x}{line}", line.len() + 4).unwrap();
    }
    let address = fakes::listen(move |mut stream| {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let (kind, body) = match buffer[..read].starts_with(b"GET") {
                true => ("advertisement", first.to_owned()),
                false => ("result", format!("{lines}0000")),
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\n");
            let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    format!("http://{address}/x.git")
}

#[tokio::test]
async fn a_list_of_references_has_a_size() {
    let first = "000eversion 2\n000cls-refs\n000afetch\n0000";
    let long = lists(first, std::iter::once(format!("refs/heads/main{}", "x".repeat(60_000))));
    let error = failure(&git(), &remote(&long), &branch("main")).await;
    assert!(error.to_string().contains("name that is too long"), "{error}");
    for start in ["refs/heads/main", "refs/not/asked"] {
        let many = lists(first, (0..17_000).map(|at| format!("{start}{at}{}", "x".repeat(4000))));
        let error = failure(&git(), &remote(&many), &branch("main")).await;
        assert!(error.to_string().contains("size of the references in bytes exceeds"), "{error}");
    }
}

/// Letters that do not compress well.
fn noise(length: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let letter = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state >> 40 & 15).unwrap())
    });
    letter.take(length).collect()
}

/// A server of the repository, and a fake in front that drips its packs.
fn dripping_pack(repo: &Repo) -> Server {
    Server::accept(repo.root(), Rules::default(), |stream| Some(Box::new(fakes::DrippingPack(stream))))
}

#[tokio::test]
async fn a_pack_that_drips_ends_long_before_the_time_limit() {
    let repo = Repo::with(&[("a", &noise(20_000))]);
    let server = dripping_pack(&repo);
    let pace = Some(LeastPace { bytes: 10_000, per: Duration::from_secs(1) });
    let begun = Instant::now();
    let slow = git_with(Limits { pace, ..Limits::default() });
    let error = failure(&slow, &remote(&server.url()), &branch("main")).await.to_string();
    let expected = format!("unable to clone '{}': the pack comes too slowly: only ", server.url());
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.ends_with(" bytes came within 1 s; at least 10000 are expected"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_pack_that_comes_slowly_and_steadily_is_taken() {
    let repo = Repo::with(&[("a", &noise(200))]);
    let server = dripping_pack(&repo);
    // The fake sends some fifty bytes a second.
    let pace = Some(LeastPace { bytes: 5, per: Duration::from_secs(2) });
    let steady = git_with(Limits { pace, ..Limits::default() });
    checkout(&steady, &remote(&server.url()), &branch("main")).await.unwrap();
}

#[tokio::test]
async fn trees_with_names_that_escape_are_refused() {
    let repo = Repo::with(&[("a", "1")]);
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    let server = Server::start(repo.root());
    for bad in ["..", ".", ".git", ".GIT", "a\\..\\b", "x/y"] {
        let id = raw_tree(&repo, bad.as_bytes(), &blob);
        let commit_id = repo.git(&["commit-tree", &id, "-m", "m"]);
        repo.git(&["update-ref", "refs/heads/evil", &commit_id]);
        repo.git(&["-c", "transfer.fsckObjects=false", "push", "-q", "-f", "../repo.git", "evil"]);
        let error = failure(&git(), &remote(&server.url()), &branch("evil")).await;
        assert!(matches!(error, GitError::Path(_)), "{bad}: {error}");
    }
}

/// The checkout of a commit that holds one file under this name.
async fn checkout_of_one(repo: &Repo, server: &Server, raw: &[u8]) -> Checkout {
    let tree = raw_tree(repo, raw, &repo.git(&["rev-parse", "HEAD:a"]));
    let id = repo.git(&["commit-tree", &tree, "-m", "m"]);
    let to = format!("{id}:refs/heads/odd");
    repo.git(&["-c", "transfer.fsckObjects=false", "push", "-q", "-f", "../repo.git", &to]);
    let mut session = git().open(&remote(&server.url())).await.unwrap();
    let resolved = session.resolve(&branch("odd")).await.unwrap();
    session.fetch(&resolved).await.unwrap()
}

#[tokio::test]
async fn an_odd_name_is_told_as_it_stands_there() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Server::start(repo.root());
    let odd: [(&[u8], &str, bool); 4] = [
        (b"a\\b", "a\\b", true),
        (b"caf\xe9", "caf\u{fffd}", true),
        (b"C:\\x", "C:\\x", true),
        (b"..", "..", false),
    ];
    for (raw, text, is_usable) in odd {
        let checkout = checkout_of_one(&repo, &server, raw).await;
        let mut found = Vec::new();
        let walked = checkout.walk::<GitError>(&mut |entry| {
            let kind = match is_usable {
                true => EntryKind::File { executable: false },
                false => EntryKind::Unusable { is_dir: false },
            };
            assert_eq!((entry.kind, entry.read().is_ok()), (kind, is_usable));
            found.push((entry.raw_path().to_vec(), entry.path.to_owned()));
            Ok(())
        });
        walked.unwrap();
        assert_eq!(found, [(raw.to_vec(), text.to_owned())]);
    }
}

#[tokio::test]
async fn an_odd_name_is_an_error_below_a_path_only_where_it_is_wanted() {
    let repo = Repo::with(&[("a", "1")]);
    let server = Server::start(repo.root());
    for (raw, named) in [(&b"caf\xe9.yaml"[..], r#""caf\xe9.yaml""#), (b"..", "\"..\"")] {
        let checkout = checkout_of_one(&repo, &server, raw).await;
        let below = |wanted: bool| checkout.files_below::<GitError>("", &|_| wanted, &mut |_, _| Ok(()));
        assert!(below(false).unwrap());
        assert_eq!(below(true).unwrap_err(), GitError::Path(named.to_owned()));
    }
}

/// Writes a tree of these lines, in the words of `git mktree`.
fn mktree(repo: &Repo, lines: &str) -> String {
    std::fs::write(repo.work("../lines"), lines).unwrap();
    repo.git(&["-c", "alias.mktree-of=!git mktree < ../lines", "mktree-of"])
}

async fn failure_of_tree(repo: &Repo, git: &git::Git, tree: &str) -> GitError {
    let id = repo.git(&["commit-tree", tree, "-m", "m"]);
    repo.git(&["push", "-q", "-f", "../repo.git", &format!("{id}:refs/heads/evil")]);
    let server = Server::start(repo.root());
    let started = Instant::now();
    let error = failure(git, &remote(&server.url()), &branch("evil")).await;
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    error
}

/// The lines of a tree that names one thing many times.
fn times(count: usize, line: &str) -> String {
    (0..count).map(|at| format!("{line}\tn{at:06}\n")).collect()
}

#[tokio::test]
async fn one_tree_or_file_under_many_names_is_not_read_for_ever() {
    let repo = Repo::with(&[("a", &"0".repeat(1 << 20))]);
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    let links = mktree(&repo, &times(100_000, &format!("120000 blob {blob}")));
    let folders = mktree(&repo, &times(20, &format!("040000 tree {links}")));
    let error = failure_of_tree(&repo, &git(), &folders).await;
    assert!(error.to_string().contains("number of symbolic links exceeds the limit of 100000"), "{error}");
    let files = mktree(&repo, &times(5000, &format!("100644 blob {blob}")));
    let git = git_with(Limits { unpacked_bytes: 64 << 20, ..Limits::default() });
    let error = failure_of_tree(&repo, &git, &files).await;
    assert!(error.to_string().contains("what must be unpacked exceeds the limit of 67108864"), "{error}");
}

/// A tree object of one file with this name, which git itself would not make.
fn raw_tree(repo: &Repo, name: &[u8], blob: &str) -> String {
    let id: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()).collect();
    std::fs::write(repo.work("../object"), [b"100644 ", name, b"\0", &id].concat()).unwrap();
    repo.git(&["hash-object", "--literally", "-t", "tree", "-w", "../object"])
}

#[tokio::test]
async fn malformed_commits_are_refused_without_a_panic() {
    let repo = Repo::with(&[("a", "1")]);
    std::fs::write(repo.work("../object"), "tree nonsense\n\x01\n").unwrap();
    let id = repo.git(&["hash-object", "--literally", "-t", "commit", "-w", "../object"]);
    std::fs::copy(repo.work(&format!(".git/objects/{}/{}", &id[..2], &id[2..])), {
        let dir = repo.work(&format!("../repo.git/objects/{}", &id[..2]));
        std::fs::create_dir_all(&dir).unwrap();
        dir.join(&id[2..])
    })
    .unwrap();
    std::fs::write(repo.work("../repo.git/refs/heads/evil"), format!("{id}\n")).unwrap();
    let server = Server::start(repo.root());
    for selector in [branch("evil"), commit(&id)] {
        failure(&git(), &remote(&server.url()), &selector).await;
    }
    checkout(&git(), &remote(&server.url()), &branch("main")).await.unwrap();
}

#[tokio::test]
async fn dropping_a_fetch_leaves_nothing_behind() {
    let repo = Repo::with(&[("a", &"x".repeat(100_000))]);
    let server = Server::start(repo.root());
    let dir = tempfile::tempdir().unwrap();
    let git = git::Git::new(GitOptions::new(dir.path()));
    for wait in [1, 5, 20, 40] {
        let (git, remote) = (git.clone(), remote(&server.url()));
        let task = tokio::spawn(async move { checkout(&git, &remote, &branch("main")).await });
        tokio::time::sleep(Duration::from_millis(wait)).await;
        task.abort();
        let _ = task.await;
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::fs::read_dir(dir.path()).unwrap().count() > 0 {
        assert!(Instant::now() < deadline, "temporary folders are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
