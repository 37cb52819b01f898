use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{AGE, GoDuration, LocalObjectReference, flux_kind_without_status, text_enum};

/// Default of `timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

flux_kind_without_status! {
    /// A receiver of events in the outside world, and how to reach it.
    Provider {
        group: "notification.toolkit.fluxcd.io", version: "v1beta3", plural: "providers",
        spec: ProviderSpec, category: "fluxcd-notifications", columns: [AGE],
    }
}

/// Who receives events, where, and how to log in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || !has(self.commitStatusExpr)",
    "message": "spec.commitStatusExpr is only supported for the 'github', 'gitlab', 'gitea', 'bitbucketserver', 'bitbucket', 'azuredevops' provider types",
}]))]
pub struct ProviderSpec {
    /// Who receives the events: it decides their form and the way of logging in.
    #[serde(rename = "type")]
    pub type_: ProviderType,
    /// Deprecated and without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<GoDuration>,
    /// The channel, room or stream to post to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub channel: Option<String>,
    /// The name to post under.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub username: Option<String>,
    /// The address to send to; what it is depends on the type. The key `address` of the Secret wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub address: Option<String>,
    /// How long sending may take. Default: 15s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = crate::schema::TIMEOUT_PATTERN))]
    pub timeout: Option<GoDuration>,
    /// Address of the HTTP(S) proxy. Deprecated: proxySecretRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^(http|https)://.*$"))]
    pub proxy: Option<String>,
    /// The Secret with the proxy to use: `address`, and `username` with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_secret_ref: Option<LocalObjectReference>,
    /// The Secret to log in with: `token`, or `username` and `password`, and `address`, `headers` or `proxy` where
    /// those are secret too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalObjectReference>,
    /// The ServiceAccount whose cloud identity is used, for the types azureeventhub, azuredevops and googlepubsub.
    /// Default: the controller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The Secret with the receiver's certificate authority (`ca.crt`) and a client certificate (`tls.crt` with
    /// `tls.key`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_secret_ref: Option<LocalObjectReference>,
    /// True sends nothing. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
    /// A CEL expression of type string over `event`, `provider` and `alert` that makes the name of a commit status.
    /// Only for the types github, gitlab, gitea, bitbucketserver, bitbucket and azuredevops. Default: a name made from
    /// the object's kind, name and the provider's UID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_status_expr: Option<String>,
}

impl ProviderSpec {
    /// How long sending may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.as_ref().map_or(DEFAULT_TIMEOUT, |timeout| timeout.get_or(DEFAULT_TIMEOUT))
    }
}

text_enum! {
    /// Receivers of events.
    ProviderType {
        /// Slack.
        Slack = "slack",
        /// Discord.
        Discord = "discord",
        /// Microsoft Teams.
        MsTeams = "msteams",
        /// Rocket.Chat.
        Rocket = "rocket",
        /// The event as JSON to any address.
        Generic = "generic",
        /// As generic, signed with the token.
        GenericHmac = "generic-hmac",
        /// Commit status on GitHub.
        GitHub = "github",
        /// Commit status on GitLab.
        GitLab = "gitlab",
        /// Commit status on Gitea.
        Gitea = "gitea",
        /// Comment on a pull request on Gitea.
        GiteaPullRequestComment = "giteapullrequestcomment",
        /// Commit status on Bitbucket Server.
        BitbucketServer = "bitbucketserver",
        /// Commit status on Bitbucket.
        Bitbucket = "bitbucket",
        /// Commit status on Azure DevOps.
        AzureDevOps = "azuredevops",
        /// Google Chat.
        GoogleChat = "googlechat",
        /// Google Pub/Sub.
        GooglePubSub = "googlepubsub",
        /// Webex.
        Webex = "webex",
        /// Sentry.
        Sentry = "sentry",
        /// Azure Event Hub.
        AzureEventHub = "azureeventhub",
        /// Telegram.
        Telegram = "telegram",
        /// Lark.
        Lark = "lark",
        /// Matrix.
        Matrix = "matrix",
        /// Opsgenie.
        Opsgenie = "opsgenie",
        /// Prometheus Alertmanager.
        Alertmanager = "alertmanager",
        /// Grafana annotations.
        Grafana = "grafana",
        /// GitHub repository dispatch.
        GitHubDispatch = "githubdispatch",
        /// Comment on a pull request on GitHub.
        GitHubPullRequestComment = "githubpullrequestcomment",
        /// Comment on a merge request on GitLab.
        GitLabMergeRequestComment = "gitlabmergerequestcomment",
        /// PagerDuty.
        PagerDuty = "pagerduty",
        /// Datadog.
        Datadog = "datadog",
        /// NATS.
        Nats = "nats",
        /// Zulip.
        Zulip = "zulip",
        /// OpenTelemetry traces.
        Otel = "otel",
    }
}
