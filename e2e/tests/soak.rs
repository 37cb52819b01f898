//! The bounded default of `cargo xtask soak`: random commits, kills, faults and drift for most of a minute, by another
//! seed each day. The seed is printed and repeats the run's decisions.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::soak::{Options, run};

#[tokio::test]
async fn random_kills_faults_and_drift_lose_orphan_and_wrongly_prune_nothing() {
    let day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let options = Options { seed: day, time: Duration::from_secs(50), kills: u32::MAX, progress: None };
    let tally = run(&options).await.unwrap();
    println!("seed {day}: {tally:?}");
    assert!(tally.kills > 0 && tally.commits > 0, "nothing happened: {tally:?}");
}
