//! Plays one scenario.
use std::{
    io::Write,
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::{ControlPlane, Controller, EventSink, GitRepo, GitServer, HelmRepo, Registry};

use crate::recorded::{
    Scenario, compare, helm,
    kinds::{all, resource, with_group},
    masks::{Masks, normal},
    publish::Publisher,
    scenario::PLAYED,
    watch::Watched,
    written,
};

/// Beyond this a step that has not reached its recorded state never will; waits of the scenario come on top.
const STEP: Duration = Duration::from_secs(45);

/// The stand-in of `cargo xtask test --null` writes at once what it writes at all.
const STAND_IN: Duration = Duration::from_secs(15);

/// The control plane and the controllers that every scenario of a run plays on.
pub struct Rig {
    /// Whose objects are looked at.
    pub plane: ControlPlane,
    /// Every controller whose scenarios are played, for all namespaces.
    pub controllers: Vec<Controller>,
    /// Takes the events of all.
    pub events: EventSink,
    /// Takes artifacts, charts and images; repositories begin with the scenario's namespace.
    pub registry: Registry,
    /// Serves charts; folders begin with the scenario's namespace.
    pub charts: HelmRepo,
}

impl Rig {
    /// Starts a control plane of its own, so that controllers of all namespaces meet no other test.
    pub async fn start() -> Result<Rig> {
        let plane = ControlPlane::start().await?;
        plane.apply_crds(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/crd"))?;
        let events = EventSink::start()?;
        let mut controllers = Vec::new();
        for (_, _, binary) in PLAYED {
            if controllers.iter().all(|running: &Controller| running.name() != *binary) {
                controllers.push(Rig::controller(&plane, &events, binary).await?);
            }
        }
        let (registry, charts) = (Registry::start().await?, HelmRepo::start()?);
        Ok(Rig { plane, controllers, events, registry, charts })
    }

    async fn controller(plane: &ControlPlane, events: &EventSink, binary: &str) -> Result<Controller> {
        plane
            .controller(binary)
            .arg(format!("--events-addr={}", events.url()))
            .arg("--requeue-dependency=5s")
            .arg("--concurrent=20")
            .start()
            .await
    }

    fn source(&self) -> Result<&Controller> {
        let source = self.controllers.iter().find(|controller| controller.name() == "source-controller");
        source.context("source-controller is not played")
    }
}

struct Player<'a> {
    rig: &'a Rig,
    scenario: &'a Scenario,
    masks: Masks,
    git: GitServer,
    publisher: Publisher<'a>,
    repos: Vec<(String, GitRepo)>,
    differences: Vec<String>,
    limit: Duration,
    /// Accepts connections and never answers; kept open as long as the scenario.
    _silent: TcpListener,
}

/// Plays a scenario and tells where ours differ from the recording; an empty list is agreement.
///
/// # Errors
/// When a step cannot be played at all.
pub async fn play(rig: &Rig, scenario: &Scenario) -> Result<Vec<String>> {
    let mut player = Player::new(rig, scenario)?;
    player.kubectl(&["create", "namespace", &scenario.namespace], None)?;
    let result = player.run().await;
    player.clean_up();
    result.with_context(|| scenario.name.clone())?;
    Ok(player.differences)
}

impl<'a> Player<'a> {
    fn new(rig: &'a Rig, scenario: &'a Scenario) -> Result<Self> {
        let git = GitServer::start()?;
        let silent = TcpListener::bind("127.0.0.1:0")?;
        let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let masks = Masks::default();
        masks.add("<ns>", &scenario.namespace);
        masks.add("<git>", git.url().trim_start_matches("http://"));
        masks.add("<registry>", rig.registry.address());
        masks.add("<helm-repo>", &rig.charts.address());
        masks.add("<artifact-host>", &format!("127.0.0.1:{}", rig.source()?.ports()[2]));
        masks.add("<closed>", &closed.to_string());
        masks.add("<silent>", &silent.local_addr()?.to_string());
        for controller in &rig.controllers {
            masks.add("<tmp>", &controller.dir().display().to_string());
        }
        let limit = if std::env::var_os("SLUICE_NULL").is_some() { STAND_IN } else { STEP };
        let (repos, differences) = (Vec::new(), Vec::new());
        let publisher = Publisher::new(rig, scenario);
        Ok(Self { rig, scenario, masks, git, publisher, repos, differences, limit, _silent: silent })
    }

    async fn run(&mut self) -> Result<()> {
        let watched = self.watch_all().await?;
        for (number, step) in self.scenario.steps.iter().enumerate() {
            let from: Vec<usize> = watched.iter().map(|(_, watched)| watched.len()).collect();
            let extra =
                self.act(number, step).await.with_context(|| format!("step {number}: {}", step["do"]))?;
            tokio::time::sleep(extra).await;
            // A wait behind a step is where the recording rests; before it ours may already be further than Flux was.
            let rests = self.scenario.steps.get(number + 1).is_none_or(|next| next["do"] != "wait");
            for ((object, watched), from) in watched.iter().zip(from).filter(|_| rests) {
                self.settle(object, watched, number, from).await;
            }
            self.compare_objects(number).await?;
            self.compare_written(number).await?;
            self.compare_releases(number).await?;
            // Against the stand-in one difference is all that is asked.
            if self.limit == STAND_IN && !self.differences.is_empty() {
                return Ok(());
            }
        }
        self.compare_events().await;
        self.compare_managers()
    }

    /// The main object and the others whose kinds are ours.
    async fn watch_all(&self) -> Result<Vec<(String, Watched)>> {
        let client = self.rig.plane.client().await?;
        let main = format!("{}/{}", self.scenario.object.0, self.scenario.object.1);
        let mut all = Vec::new();
        for object in self.scenario.others().chain([main.as_str()]) {
            let (kind, name) = object.split_once('/').context("object")?;
            if let Ok(resource) = resource(kind) {
                let (namespace, name) = (&self.scenario.namespace, self.masks.fill(name));
                let watched = Watched::start(client.clone(), &resource, namespace, &name).await?;
                all.push((object.to_owned(), watched));
            }
        }
        Ok(all)
    }

    async fn act(&mut self, number: usize, step: &Value) -> Result<Duration> {
        let verb = step["do"].as_str().context("do")?;
        match verb {
            "apply" => self.apply(step)?,
            "git commit and push" => self.commit(step)?,
            "create empty git repository" => self.repo(step).map(drop)?,
            "annotate" | "patch" | "suspend" | "resume" => self.patch(step)?,
            "delete" => self.delete(step)?,
            "wait" => return Ok(Duration::from_secs(step["seconds"].as_u64().unwrap_or(1))),
            "delete the stored artifact file" => self.delete_artifact()?,
            "push OCI artifact" => self.publisher.artifact(step, &mut self.masks).await?,
            "push chart as OCI artifact" => self.publisher.chart(number, step, &mut self.masks).await?,
            "push image tags" => self.publisher.images(number, step, &mut self.masks).await?,
            "publish Helm repository" | "publish Helm repository index" => {
                self.publisher.repository(number, step, &mut self.masks)?;
            }
            _ if verb.starts_with("git server refuses pushes ") || verb.starts_with("git push --delete ") => {
                self.on_server(verb)?;
            }
            _ if verb.starts_with("git submodule add ") => self.submodule(verb)?,
            _ if helm::is_step(verb) => self.helm(verb)?,
            _ if verb.starts_with("kubectl ") => self.raw(verb.trim_start_matches("kubectl "), step)?,
            _ if verb.starts_with("delete ") => self.raw(verb, step)?,
            _ => bail!("no such step: {verb}"),
        }
        Ok(Duration::ZERO)
    }

    /// Waits for the recorded end of the step, or notes how ours differs.
    async fn settle(&mut self, object: &str, watched: &Watched, number: usize, from: usize) {
        let Some(recorded) = self.scenario.settled(object, number) else { return };
        let recorded = normal(&compare::state(recorded));
        let (masks, repos, own) = (&self.masks, &self.repos, self.scenario.own_commits());
        let by_automation = object.starts_with("ImageUpdateAutomation/");
        let seen = |state: &Value| {
            if by_automation {
                repos.iter().for_each(|(_, repo)| written::learn(masks, repo, own));
            }
            normal(&compare::state(&masks.hide(state)))
        };
        let agrees = |state: &Value| compare::differences("", &recorded, &seen(state)).is_empty();
        if let Err(last) = watched.reach(from, self.limit, agrees).await {
            let found =
                compare::differences(&format!("after step {number}: {object}"), &recorded, &seen(&last));
            self.differences.extend(found);
        }
    }

    fn apply(&mut self, step: &Value) -> Result<()> {
        for manifest in step["manifests"].as_array().into_iter().flatten() {
            let text = self.masks.fill(&manifest.to_string());
            let args = ["apply", "--server-side", "--field-manager=recorder", "--force-conflicts", "-f", "-"];
            let done = self.kubectl(&args, Some(&text));
            let refused = step.get("api_error").filter(|error| !error.is_null());
            match (done, refused) {
                (Err(error), None) => return Err(error),
                (Ok(_), Some(error)) => {
                    self.differences
                        .push(format!("the API server took what it refused: {}", error["message"]));
                }
                (Ok(_), None) | (Err(_), Some(_)) => {}
            }
        }
        Ok(())
    }

    fn commit(&mut self, step: &Value) -> Result<()> {
        let masks = &self.masks;
        let text = |value: &Value| masks.fill(value.as_str().unwrap_or_default());
        let mut files: Vec<(String, String)> = step["files"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(path, content)| (path.clone(), text(content)))
            .collect();
        // No two scenarios share an artifact by accident: what was unpacked once is not fetched again.
        if self.scenario.name.starts_with("ks-") {
            files.push(("scenario.txt".into(), self.scenario.name.clone()));
        }
        let gone: Vec<String> = step["delete"].as_array().into_iter().flatten().map(text).collect();
        let message = text(&step["message"]);
        let branch = step["branch"].as_str().unwrap_or("main").to_owned();
        let tag = step["tag"].as_str().map(str::to_owned);
        let repo = self.repo(step)?;
        if repo.git(&["rev-parse", "--verify", "-q", &branch]).is_ok() {
            repo.checkout(&branch)?;
            // An automation may have pushed meanwhile; a branch that only lives here has nothing to bring.
            let _ = repo.git(&["pull", "-q", "--ff-only", "origin", &branch]);
        } else if repo.git(&["rev-parse", "HEAD"]).is_ok() {
            repo.branch(&branch)?;
        }
        for path in &gone {
            std::fs::remove_file(repo.work().join(path)).with_context(|| path.clone())?;
        }
        let id = repo.commit(&files, &message)?;
        if let Some(tag) = tag {
            repo.tag(&tag)?;
        }
        self.masks.add_commit(&id);
        Ok(())
    }

    fn repo(&mut self, step: &Value) -> Result<&GitRepo> {
        let name = step["repository"].as_str().context("repository")?;
        if !self.repos.iter().any(|(known, _)| known == name) {
            let repo = self.git.repo(&format!("{}/{name}", self.scenario.namespace))?;
            self.repos.push((name.to_owned(), repo));
        }
        self.repos.iter().find(|(known, _)| known == name).map(|(_, repo)| repo).context("just made")
    }

    /// `git submodule add URL PATH in repository NAME`: prepares the next commit.
    fn submodule(&mut self, verb: &str) -> Result<()> {
        let verb = self.masks.fill(verb);
        let words: Vec<&str> = verb.split_whitespace().collect();
        let ["git", "submodule", "add", url, path, "in", "repository", name] = words[..] else {
            bail!("no such step: {verb}");
        };
        let repo = self.repo(&json!({ "repository": name }))?;
        repo.git(&["submodule", "add", "-q", url, path]).map(drop)
    }

    fn patch(&mut self, step: &Value) -> Result<()> {
        let object = step["object"].as_str().context("object")?;
        let patch = self.masks.fill(&step["patch"].to_string());
        let done = self.kubectl(
            &["patch", &with_group(object), "--type=merge", "--field-manager=recorder", "-p", &patch],
            None,
        );
        if step.get("api_error").is_none() { done.map(drop) } else { Ok(()) }
    }

    fn delete(&mut self, step: &Value) -> Result<()> {
        let object = with_group(step["object"].as_str().context("object")?);
        self.kubectl(&["delete", &object, "--wait=false"], None).map(drop)
    }

    fn delete_artifact(&mut self) -> Result<()> {
        let folder = self.rig.source()?.dir().join("storage/gitrepository").join(&self.scenario.namespace);
        for repo in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            for file in std::fs::read_dir(repo?.path())? {
                std::fs::remove_file(file?.path())?;
            }
        }
        Ok(())
    }

    fn raw(&mut self, command: &str, step: &Value) -> Result<()> {
        let command = self.masks.fill(command);
        let (words, last) = match command.split_once(" -p ") {
            Some((words, patch)) => (words, Some(patch)),
            None => (command.as_str(), None),
        };
        let mut args: Vec<&str> = words.split_whitespace().collect();
        if let Some(patch) = last {
            args.extend(["-p", patch]);
        }
        let stdin = step["stdin"].as_str().map(|text| self.masks.fill(text));
        let stdin =
            stdin.or_else(|| step["stdin"].is_object().then(|| self.masks.fill(&step["stdin"].to_string())));
        self.kubectl(&args, stdin.as_deref()).map(drop)
    }

    /// Live objects may need a moment: controllers of the cluster write to them too.
    async fn compare_objects(&mut self, number: usize) -> Result<()> {
        let scenario = self.scenario;
        for recorded in scenario.objects(number) {
            let mut found = Vec::new();
            for _ in 0..25 {
                found = self.compare_object(number, recorded)?;
                if found.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            self.differences.extend(found);
        }
        Ok(())
    }

    /// Repositories that an automation writes to.
    async fn compare_written(&mut self, number: usize) -> Result<()> {
        let Some(recorded) = self.scenario.written(number) else { return Ok(()) };
        let mut found = vec![format!("after step {number}: no repository")];
        for _ in 0..25 {
            let Some((_, repo)) = self.repos.first() else { break };
            written::learn(&self.masks, repo, self.scenario.own_commits());
            let seen = self.masks.hide(&written::state(repo)?);
            found = compare::differences(&format!("after step {number}: repository"), recorded, &seen);
            if found.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.differences.extend(found);
        Ok(())
    }

    /// `git server refuses pushes to repository NAME`, and `git push --delete BRANCH`.
    fn on_server(&self, verb: &str) -> Result<()> {
        let (_, repo) = self.repos.first().context("no repository yet")?;
        match verb.strip_prefix("git push --delete ") {
            Some(branch) => repo.git(&["push", "-q", "--delete", "origin", branch])?,
            None => {
                let bare = repo.bare().display().to_string();
                repo.git(&["--git-dir", &bare, "config", "http.receivepack", "false"])?
            }
        };
        Ok(())
    }

    fn compare_object(&self, number: usize, recorded: &Value) -> Result<Vec<String>> {
        let kind = recorded["kind"].as_str().context("kind")?;
        let name = self.masks.fill(recorded["name"].as_str().context("name")?);
        let path = format!("after step {number}: {kind}/{name}");
        let group = recorded["apiVersion"].as_str().and_then(|v| v.rsplit_once('/')).map(|(group, _)| group);
        let resource = group.map_or(kind.to_owned(), |group| format!("{kind}.{group}"));
        let namespace = self.masks.fill(recorded["namespace"].as_str().unwrap_or(&self.scenario.namespace));
        let args = [
            "get",
            &resource,
            &name,
            "-n",
            &namespace,
            "-o",
            "json",
            "--show-managed-fields",
            "--ignore-not-found",
        ];
        let live = self.kubectl(&args, None)?;
        let absent = recorded["absent"] == true;
        if live.trim().is_empty() {
            return Ok(if absent { Vec::new() } else { vec![format!("{path}: recorded, not there")] });
        }
        if absent {
            return Ok(vec![format!("{path}: recorded as absent, but there")]);
        }
        let live = self.masks.hide(&serde_json::from_str(&live)?);
        let seen = normal(&compare::object(&live, recorded));
        Ok(compare::differences(&path, &normal(&compare::recorded_object(recorded)), &seen))
    }

    /// Steps of the real helm.
    fn helm(&self, verb: &str) -> Result<()> {
        let verb = self.masks.fill(verb);
        if verb.starts_with("helm ") {
            return helm::step(&self.rig.plane, &self.scenario.namespace, &verb, &self.scenario.steps);
        }
        helm::copy_secret(&verb, |args, stdin| self.kubectl(args, stdin))
    }

    /// Releases as Helm stores them.
    async fn compare_releases(&mut self, number: usize) -> Result<()> {
        let scenario = self.scenario;
        for (namespace, recorded) in scenario.stored(number) {
            let (namespace, recorded) = (self.masks.fill(namespace), normal(&helm::comparable(recorded)));
            let args = ["get", "secrets", "-l", "owner=helm", "-o", "json", "-n", &namespace];
            let mut found = Vec::new();
            for _ in 0..25 {
                let secrets = serde_json::from_str(&self.kubectl(&args, None)?)?;
                let seen = normal(&self.masks.hide(&helm::storage(&secrets)?));
                found = compare::differences(&format!("after step {number}: releases"), &recorded, &seen);
                if found.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            self.differences.extend(found);
        }
        Ok(())
    }

    /// Events are sent off the critical path: the last of them may need a moment.
    async fn compare_events(&mut self) {
        let recorded: Vec<Value> = self.scenario.events().map(normal).collect();
        let mut missing = Vec::new();
        let mut seen = Vec::new();
        for _ in 0..25 {
            seen = self.seen_events();
            let is_missing = |event: &&Value| {
                !compare::tells_a_wait(event) && !seen.iter().any(|seen| compare::same_event(event, seen))
            };
            missing = recorded.iter().filter(is_missing).map(compare::event).collect();
            if missing.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        missing.sort();
        missing.dedup();
        self.differences.extend(missing.iter().map(|event| format!("event missing: {event}")));
        let is_new = |event: &&Value| {
            !compare::tells_a_wait(event)
                && !recorded.iter().any(|recorded| compare::same_event(recorded, event))
        };
        let mut new: Vec<String> = seen.iter().filter(is_new).map(compare::event).collect();
        new.sort();
        new.dedup();
        self.differences.extend(new.iter().map(|event| format!("event not recorded: {event}")));
    }

    fn seen_events(&self) -> Vec<Value> {
        // `-b` and `-c` are a scenario's further namespaces; others that begin alike belong to other scenarios.
        let own = self.scenario.namespace.as_str();
        let mine = |event: &&Value| {
            let namespace = event["involvedObject"]["namespace"].as_str().unwrap_or_default();
            namespace.strip_prefix(own).is_some_and(|rest| ["", "-b", "-c"].contains(&rest))
        };
        self.rig.events.events().iter().filter(mine).map(|event| normal(&self.masks.hide(event))).collect()
    }

    fn compare_managers(&mut self) -> Result<()> {
        let (kind, name) = &self.scenario.object;
        let object = with_group(&format!("{kind}/{name}"));
        let args = ["get", &object, "-o", "json", "--show-managed-fields", "--ignore-not-found"];
        let live = self.kubectl(&args, None)?;
        if live.trim().is_empty() || self.scenario.managers().is_empty() {
            return Ok(());
        }
        let live: Value = serde_json::from_str(&live)?;
        let entries = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let (recorded, seen) = (compare::managers(self.scenario.managers()), compare::managers(&entries));
        if recorded != seen {
            self.differences.push(format!("field managers: recorded {recorded:?}, seen {seen:?}"));
        }
        Ok(())
    }

    fn kubectl(&self, args: &[&str], stdin: Option<&str>) -> Result<String> {
        let namespace = match names_namespace(args, stdin) {
            true => None,
            false => Some(format!("--namespace={}", self.scenario.namespace)),
        };
        let mut child = Command::new(testkit::program("kubectl")?)
            .arg("--kubeconfig")
            .arg(self.rig.plane.kubeconfig())
            .args(args)
            .args(namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut pipe = child.stdin.take().context("stdin")?;
        pipe.write_all(stdin.unwrap_or_default().as_bytes())?;
        drop(pipe);
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "kubectl {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Takes the finalizers away, so that no controller works on in a namespace that nobody looks at.
    fn clean_up(&self) {
        let names = self.kubectl(&["get", &all(), "-o", "name"], None).unwrap_or_default();
        for name in names.lines() {
            let patch = json!({ "spec": { "suspend": true } }).to_string();
            let _ = self.kubectl(&["patch", name, "--type=merge", "-p", &patch], None);
        }
        let _ = self.kubectl(&["delete", "namespace", &self.scenario.namespace, "--wait=false"], None);
    }
}

/// Whether the command, or the one object of its input, states its namespace itself.
fn names_namespace(args: &[&str], stdin: Option<&str>) -> bool {
    let stated = |text: &str| {
        let object: Option<Value> = serde_json::from_str(text).ok();
        object.is_some_and(|object| object["metadata"]["namespace"].is_string())
    };
    args.contains(&"-n") || stdin.is_some_and(stated)
}
