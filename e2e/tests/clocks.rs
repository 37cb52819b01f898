//! Clocks that are wrong: what is measured is measured by a clock that only runs, and what is written in the cluster by
//! another clock decides nothing.
use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use e2e::{World, eventually};
use serde_json::{Value, json};
use testkit::{Controller, condition};

const LEASE: &str = "kustomize-controller-leader-election";

/// Hours that a clock is off.
const HOURS: i64 = 6;

/// A Lease of another replica, of a second's precision.
async fn lease(world: &World, holder: &str, seconds: u32, renewed: jiff::Timestamp) {
    let spec = json!({
        "holderIdentity": holder, "leaseDurationSeconds": seconds, "leaseTransitions": 3,
        "acquireTime": format!("{renewed:.6}"), "renewTime": format!("{renewed:.6}"),
    });
    let object = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": LEASE, "namespace": world.ns.name() }, "spec": spec,
    });
    world.cluster.apply(&object).await.unwrap();
}

async fn holder(world: &World) -> String {
    let lease = world.cluster.get("Lease", &world.ns, LEASE).await.unwrap();
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

fn hours(hours: i64) -> jiff::Timestamp {
    jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours)
}

async fn elected(world: &World) -> Controller {
    let builder = world.plane.controller("kustomize-controller").namespace(&world.ns);
    let builder = builder.user(world.plane, &world.user("kustomize-controller")).unwrap();
    builder.arg("--enable-leader-election").start().await.unwrap()
}

#[tokio::test]
async fn a_lease_of_tomorrow_or_yesterday_is_judged_by_its_changes_alone() {
    let world = World::builder("lease-clock").without_kustomize().start().await.unwrap();
    let revision =
        world.push(&[("app/cm.yaml", &World::config_map("settings", "1"))], "start").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({})).await.unwrap();
    // One who is alive, and whose clock is six hours late: what he renews is his, however old it says to be.
    lease(&world, "late", 3, hours(-HOURS)).await;
    let controller = elected(&world).await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(9) {
        lease(&world, "late", 3, hours(-HOURS)).await;
        assert_eq!(holder(&world).await, "late", "taken from somebody who renews it");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // The same one, whose clock is then six hours early, dies: three seconds are three seconds.
    lease(&world, "early", 3, hours(HOURS)).await;
    let died = Instant::now();
    world.applied("app", &revision).await.unwrap();
    println!("a Lease of {HOURS} hours ahead: taken and applied {:.1} s later", died.elapsed().as_secs_f64());
    assert!(died.elapsed() < Duration::from_secs(30), "{:?}", died.elapsed());
    let lease = world.cluster.get("Lease", &world.ns, LEASE).await.unwrap();
    let renewed: jiff::Timestamp = lease["spec"]["renewTime"].as_str().unwrap().parse().unwrap();
    assert!(renewed < hours(1), "it goes on with a time of tomorrow: {renewed}");
    assert_eq!(lease["spec"]["leaseTransitions"], 4);
    assert!(controller.process().exit_status().is_none());
}

/// A library before that of the system, which adds the seconds of a file to the wall clock of one process. A fake.
struct FakeClock {
    dir: tempfile::TempDir,
}

impl FakeClock {
    fn build() -> FakeClock {
        let dir = tempfile::tempdir().unwrap();
        let source = testkit::workspace_root().join("e2e/tests/clocks/fake_clock.c");
        let library = dir.path().join("fake_clock.so");
        let done = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(library)
            .arg(source)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let clock = FakeClock { dir };
        clock.jump_to(0);
        clock
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("seconds")
    }

    /// From now on the wall clock is off by so many seconds.
    fn jump_to(&self, seconds: i64) {
        let aside = self.dir.path().join("next");
        std::fs::write(&aside, format!("{seconds}\n")).unwrap();
        std::fs::rename(aside, self.file()).unwrap();
    }

    async fn start(&self, world: &World, name: &str) -> Controller {
        let library = self.dir.path().join("fake_clock.so");
        let builder = world.plane.controller(name).namespace(&world.ns);
        let builder = builder.user(world.plane, &world.user(name)).unwrap();
        let builder = builder.env("LD_PRELOAD", library.to_str().unwrap());
        let builder = builder.env("FAKE_CLOCK", self.file().to_str().unwrap());
        builder.arg("--enable-leader-election").arg("--events-addr=").start().await.unwrap()
    }
}

/// Seconds that a controller's Lease is ahead of the clock of this test.
async fn ahead(world: &World) -> f64 {
    let lease = world.cluster.get("Lease", &world.ns, LEASE).await.unwrap();
    let renewed: jiff::Timestamp = lease["spec"]["renewTime"].as_str().unwrap_or_default().parse().unwrap();
    renewed.duration_since(jiff::Timestamp::now()).as_secs_f64()
}

/// Commits an object, tells nobody, and waits until it is live; undoes a change of it by hand.
async fn works(world: &World, name: &str) -> Duration {
    let since = Instant::now();
    world.repo.commit(&[(format!("app/{name}.yaml"), World::config_map(name, "1"))], name).unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    let patch = json!({ "data": { "v": "by hand" } });
    world.cluster.patch("ConfigMap", &world.ns, name, patch).await.unwrap();
    eventually("what was changed by hand is healed", || async {
        Ok(world.get("ConfigMap", name).await?["data"]["v"] == "1")
    })
    .await
    .unwrap();
    since.elapsed()
}

#[tokio::test]
async fn a_wall_clock_that_jumps_either_way_holds_up_nothing() {
    let world = World::builder("clock").without_source().without_kustomize().start().await.unwrap();
    let clock = FakeClock::build();
    let source = clock.start(&world, "source-controller").await;
    let kustomize = clock.start(&world, "kustomize-controller").await;
    world.repo.commit(&[("app/cm.yaml", World::config_map("settings", "0"))], "start").unwrap();
    let mut often = e2e::git_repository(&world.ns, "apps", world.repo.url());
    often["spec"]["interval"] = "1s".into();
    world.cluster.apply(&often).await.unwrap();
    let spec = json!({ "wait": true, "timeout": "30s", "retryInterval": "1s" });
    world.apply_kustomization("app", "./app", spec).await.unwrap();
    println!("at first: {:?}", works(&world, "at-first").await);
    // Certificates are of today, so that a clock that is set back by a day could not speak to the API server at all.
    for (name, seconds) in [("ahead", HOURS * 3600), ("behind", -40 * 60), ("right", 0)] {
        clock.jump_to(seconds);
        println!("{name}: {:?}", works(&world, name).await);
        let off = || async { Ok((ahead(&world).await - seconds as f64).abs() < 60.0) };
        eventually("the controller's clock has jumped", off).await.unwrap();
    }
    let object = world.get("Kustomization", "app").await.unwrap();
    let ready = condition(&object, "Ready").unwrap();
    assert_eq!((&ready["status"], ready["observedGeneration"].as_u64()), (&Value::from("True"), Some(1)));
    for controller in [&source, &kustomize] {
        assert_eq!(controller.process().exit_status(), None, "{} ended", controller.name());
    }
}
