//! Work of notification-controller: each round posts events, of which some cannot be delivered, and makes a Receiver and
//! deletes the one of the round before.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::{EventSink, FakeForge};

use super::{Victim, Work};
use crate::{
    SOON, World,
    manifests::{git_repository, object, secret},
};

/// Objects that say something, and how much each says in a round.
const OBJECTS: u32 = 3;
const EACH: u32 = 2;
/// How often a message may arrive: once, once more where a kill hid that it had, and once more where the kill hid from
/// the sender that it was accepted.
const MOST: usize = 3;
const TOKEN: &str = "hook-token";
const VERSION: &str = "notification.toolkit.fluxcd.io/v1beta3";

/// The rounds so far.
pub struct Messages {
    number: u32,
    waiting: Vec<Message>,
    accepted: BTreeMap<String, Message>,
    chat: EventSink,
    refusing: EventSink,
    forge: FakeForge,
}

#[derive(Clone)]
struct Message {
    object: String,
    text: String,
    commit: String,
}

impl Messages {
    /// Round 0: Providers, Alerts and a Receiver.
    ///
    /// # Errors
    /// When they cannot be made.
    pub async fn open(world: &World, victim: &Victim) -> Result<Messages> {
        let messages = Messages {
            number: 0,
            waiting: Vec::new(),
            accepted: BTreeMap::new(),
            chat: EventSink::start()?,
            refusing: EventSink::start()?,
            forge: FakeForge::start()?,
        };
        messages.refusing.answer(400);
        world.cluster.apply(&secret(&world.ns, "token", json!({ "token": TOKEN }))).await?;
        world.cluster.apply(&git_repository(&world.ns, "apps", world.repo.url())).await?;
        let status = format!("{}/org/apps", messages.forge.url());
        let providers = [
            ("chat", json!({ "type": "generic", "address": messages.chat.url() })),
            ("refusing", json!({ "type": "generic", "address": messages.refusing.url() })),
            ("status", json!({ "type": "github", "address": status, "secretRef": { "name": "token" } })),
        ];
        for (name, spec) in providers {
            world.cluster.apply(&object(&world.ns, VERSION, "Provider", name, spec)).await?;
            let sources = json!([{ "kind": "Kustomization", "name": "*" }]);
            let alert = json!({ "providerRef": { "name": name }, "eventSources": sources });
            world.cluster.apply(&object(&world.ns, VERSION, "Alert", name, alert)).await?;
        }
        messages.receiver(world).await?;
        world.cluster.wait_ready(("Receiver", &world.ns, "hook-0"), "True", SOON).await?;
        messages.known(world, victim).await?;
        Ok(messages)
    }

    /// Alerts and Providers have no status that tells when they are watched: something is said until all three hear it.
    async fn known(&self, world: &World, victim: &Victim) -> Result<()> {
        let (since, limit) = (Instant::now(), testkit::patience(SOON));
        let heard = || {
            let all = [self.chat.events().len(), self.refusing.events().len(), self.forge.posted().len()];
            all.iter().all(|count| *count > 0)
        };
        for at in 0.. {
            let _ = victim.controller()?.post_event(&Message::new(0, at).event(world)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            if heard() {
                break;
            }
            ensure!(since.elapsed() < limit, "events reach no provider");
        }
        Ok(())
    }

    async fn receiver(&self, world: &World) -> Result<()> {
        let spec = json!({
            "type": "github", "events": ["push"], "secretRef": { "name": "token" },
            "resources": [{ "kind": "GitRepository", "name": "apps" }],
        });
        let name = format!("hook-{}", self.number);
        let version = "notification.toolkit.fluxcd.io/v1";
        world.cluster.apply(&object(&world.ns, version, "Receiver", &name, spec)).await.map(drop)
    }

    /// Offers what is not known to be accepted; what cannot be told stays.
    async fn offer(&mut self, world: &World, victim: &Victim) -> Result<()> {
        for message in std::mem::take(&mut self.waiting) {
            match victim.controller()?.post_event(&message.event(world)).await {
                // 429: accepted before, and the answer got lost.
                Ok(200..=299 | 429) => drop(self.accepted.insert(message.text.clone(), message)),
                Ok(status) if status < 500 => bail!("{} was refused with {status}", message.text),
                _ => self.waiting.push(message),
            }
        }
        Ok(())
    }

    /// Every accepted event is with chat and forge, and none comes again and again.
    async fn arrived(&self) -> Result<()> {
        let (since, limit) = (Instant::now(), testkit::patience(SOON));
        loop {
            let missing = self.missing();
            if missing.is_empty() {
                break;
            }
            ensure!(since.elapsed() < limit, "accepted and not delivered: {missing:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (text, count) in self.told() {
            ensure!(count <= MOST, "{text} was delivered {count} times");
        }
        Ok(())
    }

    fn told(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        for event in self.chat.events() {
            *told.entry(event["message"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        told
    }

    fn missing(&self) -> Vec<&String> {
        let (told, posted) = (self.told(), self.forge.posted());
        let statuses: BTreeSet<&str> =
            posted.iter().filter_map(|one| one.path.rsplit_once("/statuses/").map(|(_, id)| id)).collect();
        let is_missing = |(text, message): &(&String, &Message)| {
            !told.contains_key(*text) || !statuses.contains(message.commit.as_str())
        };
        self.accepted.iter().filter(is_missing).map(|(text, _)| text).collect()
    }

    /// A webhook that was accepted has asked for a reconciliation.
    async fn webhook(&self, world: &World, victim: &Victim) -> Result<()> {
        let name = format!("hook-{}", self.number);
        let hook = world.cluster.wait_ready(("Receiver", &world.ns, &name), "True", SOON).await?;
        let path = hook["status"]["webhookPath"].as_str().context("no webhookPath")?.to_owned();
        let asked = "reconcile.fluxcd.io/requestedAt";
        let before = world.get("GitRepository", "apps").await?["metadata"]["annotations"][asked].clone();
        let url = format!("{}{path}", victim.controller()?.receiver_url());
        self.forge.tell(&url, TOKEN, "push", &json!({ "ref": "refs/heads/main" })).await?;
        world
            .until("GitRepository", "apps", |object| object["metadata"]["annotations"][asked] != before)
            .await
            .context("a webhook was accepted, and nothing came of it")?;
        Ok(())
    }
}

impl Work for Messages {
    async fn begin(&mut self, world: &World, victim: &Victim) -> Result<()> {
        let last = format!("hook-{}", self.number);
        self.number += 1;
        world.cluster.delete("Receiver", &world.ns, &last).await?;
        self.receiver(world).await?;
        for at in 0..OBJECTS * EACH {
            self.waiting.push(Message::new(self.number, at));
        }
        self.offer(world, victim).await
    }

    async fn end(&mut self, world: &World, victim: &Victim) -> Result<()> {
        let (since, limit) = (Instant::now(), testkit::patience(SOON));
        while !self.waiting.is_empty() {
            ensure!(since.elapsed() < limit, "{} events are not accepted", self.waiting.len());
            self.offer(world, victim).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.arrived().await?;
        self.webhook(world, victim).await?;
        world.gone("Receiver", &format!("hook-{}", self.number - 1)).await?;
        let spool = victim.controller()?.dir().join("notification-controller-events");
        crate::eventually("no accepted event is left on the disk", || async { Ok(spooled(&spool)? == 0) })
            .await
    }
}

fn spooled(dir: &std::path::Path) -> Result<usize> {
    let files = std::fs::read_dir(dir).context("the folder of accepted events")?;
    Ok(files.flatten().filter(|file| file.path().extension().is_some_and(|kind| kind == "json")).count())
}

impl Message {
    fn new(round: u32, at: u32) -> Message {
        Message {
            object: format!("app-{}", at % OBJECTS),
            text: format!("round {round}, message {at}"),
            commit: format!("{:08x}{:032x}", round, at),
        }
    }

    fn event(&self, world: &World) -> Value {
        let (commit, revision) = (&self.commit, format!("main@sha1:{}", self.commit));
        json!({
            "involvedObject": {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "namespace": world.ns.name(), "name": self.object,
            },
            "severity": "info", "timestamp": "2026-01-02T03:04:05Z", "message": self.text,
            "reason": "ReconciliationSucceeded", "reportingController": "kustomize-controller",
            "metadata": {
                "kustomize.toolkit.fluxcd.io/revision": revision, "event.toolkit.fluxcd.io/commit": commit,
            },
        })
    }
}
