use super::{Core, Popped, Sizes};
use crate::key::Key;
use crate::reason::{Class, Reason};
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn core(main: usize, heal: usize) -> Core {
    Core::new(Sizes { main, heal })
}

fn key(text: &str) -> Key {
    let (namespace, name) = text.split_once('/').unwrap();
    Key::new(namespace, name)
}

/// Everything that may run now, in order.
fn order(core: &mut Core, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| core.pop(now)).map(|popped| popped.key.to_string()).collect()
}

fn push_all(core: &mut Core, pushes: &[(&str, Reason)], now: Instant) {
    pushes.iter().for_each(|(name, reason)| core.push(&key(name), *reason, now));
}

fn pop(core: &mut Core, now: Instant) -> Popped {
    core.pop(now).unwrap()
}

#[tokio::test(start_paused = true)]
async fn classes_leave_in_their_order() {
    let (mut core, now) = (core(20, 0), Instant::now());
    push_all(
        &mut core,
        &[
            ("n/interval", Reason::Interval),
            ("n/same", Reason::SameContentRevision),
            ("n/wake", Reason::Wake),
            ("n/content", Reason::NewRevision),
            ("n/heal", Reason::Heal),
            ("n/asked", Reason::Requested),
            ("n/deleted", Reason::Deletion),
        ],
        now,
    );
    let expected = ["n/asked", "n/deleted", "n/heal", "n/content", "n/wake", "n/same", "n/interval"];
    assert_eq!(order(&mut core, now), expected);
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_go_on_takes_turns_with_new_content() {
    let (mut core, now) = (core(20, 0), Instant::now());
    for name in ["n/1", "n/2", "n/3", "n/4"] {
        core.push(&key(name), Reason::NewRevision, now);
    }
    for name in ["n/ready-1", "n/ready-2"] {
        core.push(&key(name), Reason::Wake, now);
    }
    core.push(&key("n/asked"), Reason::Requested, now);
    let expected = ["n/asked", "n/1", "n/ready-1", "n/2", "n/ready-2", "n/3", "n/4"];
    assert_eq!(order(&mut core, now), expected);
}

#[tokio::test(start_paused = true)]
async fn what_never_ends_delays_others_and_cannot_stop_them() {
    for without_end in [Reason::Requested, Reason::NewRevision] {
        let (mut core, now) = (core(1, 1), Instant::now());
        core.push(&key("b/x"), Reason::Retry, now);
        let served = (0..20).any(|number| {
            core.push(&key(&format!("a/{number}")), without_end, now);
            let popped = pop(&mut core, now);
            core.done(&popped.key, now);
            popped.key == key("b/x")
        });
        assert!(served, "{without_end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn within_a_class_namespaces_take_turns_and_each_is_first_in_first_out() {
    let (mut core, now) = (core(20, 0), Instant::now());
    for name in ["a/3", "a/1", "a/2", "b/1", "c/1", "b/2"] {
        core.push(&key(name), Reason::Interval, now);
    }
    assert_eq!(order(&mut core, now), ["a/3", "b/1", "c/1", "a/1", "b/2", "a/2"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_queued_keeps_its_place_and_its_time() {
    let (mut core, now) = (core(20, 0), Instant::now());
    push_all(&mut core, &[("n/b", Reason::Interval), ("n/a", Reason::Interval)], now);
    core.push(&key("n/b"), Reason::Retry, now + SECOND);
    assert_eq!((core.depth(), core.queued_since(&key("n/b"))), (2, Some(now)));
    core.push(&key("n/b"), Reason::Wake, now + SECOND);
    assert_eq!((core.depth(), core.queued_since(&key("n/b"))), (2, Some(now)));
    core.push(&key("n/c"), Reason::Wake, now);
    core.push(&key("n/b"), Reason::Wake, now);
    assert_eq!(order(&mut core, now + SECOND), ["n/b", "n/c", "n/a"]);
    assert_eq!(core.queued_since(&key("n/b")), None);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_whose_last_key_is_forgotten_gives_its_turn_to_the_others() {
    let (mut core, now) = (core(20, 0), Instant::now());
    push_all(&mut core, &[("a/1", Reason::Wake), ("b/1", Reason::Wake), ("c/1", Reason::Wake)], now);
    core.forget(&key("a/1"));
    push_all(&mut core, &[("b/2", Reason::Wake), ("a/2", Reason::Wake), ("a/3", Reason::Wake)], now);
    assert_eq!(order(&mut core, now), ["b/1", "c/1", "a/2", "b/2", "a/3"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_queued_once_with_the_union_of_its_reasons_in_its_best_class() {
    let (mut core, now) = (core(1, 0), Instant::now());
    push_all(&mut core, &[("n/a", Reason::Interval), ("n/b", Reason::Wake), ("n/a", Reason::Requested)], now);
    assert_eq!(core.depth(), 2);
    let popped = pop(&mut core, now + SECOND);
    assert_eq!((popped.key.name.as_str(), popped.class, popped.waited), ("a", Class::Asked, SECOND));
    assert_eq!(popped.reasons.iter().collect::<Vec<_>>(), [Reason::Requested, Reason::Interval]);
    core.done(&key("n/a"), now);
    assert_eq!(order(&mut core, now), ["n/b"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_knows_when_the_newest_of_its_reasons_was_given() {
    let (mut core, now) = (core(1, 0), Instant::now());
    core.push(&key("n/a"), Reason::Start, now);
    core.push(&key("n/a"), Reason::Requested, now + SECOND);
    assert_eq!(pop(&mut core, now + 3 * SECOND).asked, now + SECOND);
    core.push(&key("n/a"), Reason::Wake, now + 4 * SECOND);
    core.done(&key("n/a"), now + 5 * SECOND);
    assert_eq!(
        pop(&mut core, now + 5 * SECOND).asked,
        now + 4 * SECOND,
        "the time of the first run was kept"
    );
    core.push_at(&key("n/b"), Reason::Interval, now + 6 * SECOND);
    core.done(&key("n/a"), now + 6 * SECOND);
    assert_eq!(pop(&mut core, now + 7 * SECOND).asked, now + 7 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn only_as_many_run_as_there_are_permits_and_waiting_holds_none() {
    let (mut core, now) = (core(2, 0), Instant::now());
    for name in ["n/a", "n/b", "n/c", "n/d"] {
        core.push(&key(name), Reason::Interval, now);
    }
    assert_eq!(order(&mut core, now), ["n/a", "n/b"]);
    core.release(&key("n/a"));
    core.release(&key("n/a"));
    assert_eq!(order(&mut core, now), ["n/c"]);
    core.done(&key("n/a"), now);
    assert_eq!(order(&mut core, now), Vec::<String>::new());
    core.done(&key("n/b"), now);
    assert_eq!(order(&mut core, now), ["n/d"]);
}

#[tokio::test(start_paused = true)]
async fn heals_have_a_pool_of_their_own() {
    let (mut core, now) = (core(1, 1), Instant::now());
    push_all(&mut core, &[("n/a", Reason::Interval), ("n/b", Reason::Interval)], now);
    assert_eq!(order(&mut core, now), ["n/a"]);
    push_all(&mut core, &[("n/c", Reason::Heal), ("n/d", Reason::Heal)], now);
    assert_eq!(order(&mut core, now), ["n/c"]);
    core.done(&key("n/c"), now);
    assert_eq!(order(&mut core, now), ["n/d"]);
    core.done(&key("n/a"), now);
    assert_eq!(order(&mut core, now), ["n/b"]);
}

#[tokio::test(start_paused = true)]
async fn a_running_key_is_outdated_by_what_changes_its_result_and_runs_again() {
    for (reason, outdated) in [
        (Reason::NewRevision, true),
        (Reason::Generation, true),
        (Reason::Requested, true),
        (Reason::Deletion, true),
        (Reason::Wake, false),
        (Reason::Interval, false),
        (Reason::Heal, false),
        (Reason::SameContentRevision, false),
    ] {
        let (mut core, now) = (core(5, 0), Instant::now());
        core.push(&key("n/a"), Reason::Start, now);
        let popped = pop(&mut core, now);
        core.push(&key("n/a"), reason, now);
        assert_eq!(popped.cancel.is_cancelled(), outdated, "{reason:?}");
        assert!(core.pop(now).is_none(), "a key never runs twice at once");
        core.done(&key("n/a"), now);
        let again = pop(&mut core, now);
        assert!(again.reasons.contains(reason) && !again.reasons.contains(Reason::Start));
        assert!(!again.cancel.is_cancelled());
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_reason_comes_at_its_time_and_the_newest_time_counts() {
    let (mut core, now) = (core(5, 0), Instant::now());
    core.push_at(&key("n/a"), Reason::Interval, now + SECOND);
    core.push_at(&key("n/a"), Reason::Interval, now + 3 * SECOND);
    core.push_at(&key("n/b"), Reason::Deadline, now + 2 * SECOND);
    assert_eq!(core.next_delayed(), Some(now + 2 * SECOND));
    assert_eq!(order(&mut core, now + SECOND), Vec::<String>::new());
    assert_eq!(order(&mut core, now + 2 * SECOND), ["n/b"]);
    assert_eq!(core.next_due(&key("n/a")), Some(now + 3 * SECOND));
    assert_eq!(order(&mut core, now + 3 * SECOND), ["n/a"]);
    assert_eq!(core.next_delayed(), None);
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_came_leaves_the_other_delays_of_its_key() {
    let (mut core, now) = (core(5, 0), Instant::now());
    core.push_at(&key("n/a"), Reason::Heal, now + SECOND);
    core.push_at(&key("n/a"), Reason::Wake, now + 3 * SECOND);
    pop(&mut core, now + SECOND);
    assert_eq!(core.next_due(&key("n/a")), Some(now + 3 * SECOND));
    core.push_at(&key("n/a"), Reason::Heal, now + 9 * SECOND);
    core.done(&key("n/a"), now + 2 * SECOND);
    let delays = [core.next_due(&key("n/a")), core.next_delayed()];
    assert_eq!(delays, [Some(now + 3 * SECOND); 2], "what is to come is kept when a run ends");
    core.forget(&key("n/a"));
    assert_eq!((core.next_delayed(), core.entries.len()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_drops_what_the_last_run_planned_but_not_what_others_did() {
    let (mut core, now) = (core(5, 0), Instant::now());
    core.push_at(&key("n/a"), Reason::Interval, now + 5 * SECOND);
    core.push_at(&key("n/a"), Reason::Heal, now + 9 * SECOND);
    core.push(&key("n/a"), Reason::Requested, now);
    pop(&mut core, now);
    assert_eq!(core.next_due(&key("n/a")), Some(now + 9 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_key_leaves_nothing_behind() {
    let (mut core, now) = (core(5, 0), Instant::now());
    core.push(&key("n/a"), Reason::Interval, now);
    core.push_at(&key("n/a"), Reason::Interval, now + SECOND);
    core.forget(&key("n/a"));
    assert_eq!((core.depth(), core.next_delayed(), core.entries.len()), (0, None, 0));
    assert!(core.pop(now + 2 * SECOND).is_none());
    core.push(&key("n/b"), Reason::Interval, now);
    pop(&mut core, now);
    core.done(&key("n/b"), now);
    assert_eq!((core.depth(), core.entries.len()), (0, 0));
}
