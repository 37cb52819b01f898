//! `get --watch`: what is there, then what changes, each version once.
use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use super::sluice::Sluice;

/// Lines as they come.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(testkit::patience(Duration::from_secs(30))).expect("another line of the watch")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_what_is_there_and_then_each_change() {
    let (world, _) = crate::world("watch").await;
    let sluice = Sluice::of(&world.plane.kubeconfig(), world.ns.name());
    let mut child = sluice
        .command("get kustomizations --watch")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let shown = lines(child.stdout.take().unwrap());
    assert!(next(&shown).starts_with("NAME"), "the headings come first");
    let first = next(&shown);
    assert!(
        first.contains("apps") && first.contains("False") && first.contains("Applied revision"),
        "{first}"
    );
    sluice.ok("suspend kustomization apps");
    let second = next(&shown);
    assert!(second.contains("apps") && !second.contains("NAME"), "{second}");
    assert_ne!(first, second, "the change is not shown");
    // The controller notes the suspension in the status, which is a version of its own.
    let more: Vec<String> =
        std::iter::from_fn(|| shown.recv_timeout(Duration::from_secs(2)).ok()).take(3).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(more.len() < 2 && !more.contains(&first), "versions were shown again: {more:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_everything_is_refused_as_by_flux() {
    let sluice = Sluice::of(std::path::Path::new("/none"), "default");
    let done = sluice.run("get all --watch");
    assert!(!done.status.success());
}
