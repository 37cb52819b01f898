//! The bounded default of `cargo xtask soak`: random commits, kills, faults and drift for most of a minute. Its seed is
//! one for all days, so that a change is judged by what it changed; `cargo xtask soak` takes new ones.
use std::time::Duration;

use e2e::soak::{Options, run};

const SEED: u64 = 20_778;

#[tokio::test]
async fn random_kills_faults_and_drift_lose_orphan_and_wrongly_prune_nothing() {
    let options = Options {
        seed: SEED,
        time: Duration::from_secs(50),
        kills: u32::MAX,
        // A server that is silent is given up long before the judge's patience ends.
        source_timeout: Duration::from_secs(5),
        progress: None,
    };
    let tally = run(&options).await.unwrap();
    println!("seed {SEED}: {tally:?}");
    assert!(tally.kills > 0 && tally.commits > 0, "nothing happened: {tally:?}");
}
