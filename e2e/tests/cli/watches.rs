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

/// A fake of the API server that knows one event and ends each watch at once; how often it was asked.
fn fake_server_that_ends_watches() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::{io::Write, net::TcpListener, sync::atomic::Ordering};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let count = asked.clone();
    let event = serde_json::json!({ "type": "ADDED", "object": {
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": "e", "uid": "u", "resourceVersion": "7" },
        "type": "Normal", "reason": "Told", "message": "once\u{1b}[2K", "involvedObject": { "kind": "Kustomization", "name": "apps" },
    } });
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            while head.next().is_some_and(|line| !line.is_empty()) {}
            count.fetch_add(1, Ordering::SeqCst);
            let body = format!("{event}\n");
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            drop((&stream).write_all(answer.as_bytes()));
        }
    });
    (url, asked)
}

#[test]
fn events_are_shown_once_and_a_watch_that_ends_is_opened_again_after_a_pause() {
    let (url, asked) = fake_server_that_ends_watches();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{ name: a, cluster: {{ server: '{url}' }} }}]\ncontexts: [{{ name: a, context: \
         {{ cluster: a, user: a }} }}]\nusers: [{{ name: a, user: {{}} }}]\ncurrent-context: a\n"
    );
    std::fs::write(&config, text).unwrap();
    let sluice = Sluice::of(&config, "default");
    let mut child =
        sluice.command("events --watch").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let shown = lines(child.stdout.take().unwrap());
    assert!(next(&shown).starts_with("LAST SEEN"));
    assert!(next(&shown).contains("once^[[2K"), "the event, and nothing that steers the terminal");
    let more: Vec<String> = std::iter::from_fn(|| shown.recv_timeout(Duration::from_secs(3)).ok()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(more, Vec::<String>::new(), "the event was shown again");
    let asked = asked.load(std::sync::atomic::Ordering::SeqCst);
    assert!((2..8).contains(&asked), "the server was asked {asked} times in three seconds");
}
