use std::collections::{BTreeMap, HashMap};

use api::image::v1::{ImagePolicy, ImageRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ListParams;
use kube::core::{Selector, SelectorExt};
use kube::{Api, Client};

use crate::image;
use crate::status::{ImageReason, StepError};

/// The choices of policies, by name of the policy.
pub(super) type Choices = BTreeMap<String, ImageRef>;

/// The choices of the namespace's policies that the selector picks; those without a choice are left out.
pub(super) async fn choices(
    client: &Client,
    namespace: &str,
    selector: Option<&LabelSelector>,
) -> Result<Choices, StepError> {
    let selector = selector.map(parse).transpose().map_err(|cause| {
        let text = format!("failed to parse policy selector: {cause}");
        StepError::stalled(ImageReason::InvalidPolicySelector, text)
    })?;
    let api: Api<ImagePolicy> = Api::namespaced(client.clone(), namespace);
    let all = api.list(&ListParams::default()).await.map_err(|error| {
        StepError::retry(api::meta::Reason::Failed, format!("failed to list policies: {error}"))
    })?;
    let picked = all.items.into_iter().filter(|policy| {
        let labels = policy.metadata.labels.clone().unwrap_or_default();
        selector.as_ref().is_none_or(|selector| selector.matches(&labels))
    });
    let choice = |policy: ImagePolicy| Some((policy.metadata.name?, policy.status?.latest_ref?));
    Ok(picked.filter_map(choice).collect())
}

/// In the words of apimachinery's labels package.
fn parse(selector: &LabelSelector) -> Result<Selector, String> {
    for expression in selector.match_expressions.iter().flatten() {
        let values = expression.values.as_ref().is_some_and(|values| !values.is_empty());
        match (expression.operator.as_str(), values) {
            ("In" | "NotIn", true) | ("Exists" | "DoesNotExist", false) => {}
            ("In" | "NotIn", false) => {
                return Err("for 'in', 'notin' operators, values set can't be empty".to_owned());
            }
            ("Exists" | "DoesNotExist", true) => {
                return Err("values set must be empty for exists and does not exist".to_owned());
            }
            (other, _) => return Err(format!("{other:?} is not a valid label selector operator")),
        }
    }
    Selector::try_from(selector.clone()).map_err(|error| error.to_string())
}

/// What markers stand for: `namespace:policy` with `:tag`, `:name`, `:digest` or nothing behind it.
///
/// # Errors
/// A choice that is no image: nothing is written then.
pub(super) fn setters(namespace: &str, choices: &Choices) -> Result<HashMap<String, String>, StepError> {
    let mut setters = HashMap::new();
    for (policy, choice) in choices {
        let digest = choice.digest.clone().unwrap_or_default();
        let image = match digest.as_str() {
            "" => format!("{}:{}", choice.name, choice.tag),
            digest => format!("{}:{}@{digest}", choice.name, choice.tag),
        };
        if !is_image(choice, &digest) {
            let text = format!("failed to apply policies: encountered invalid image ref {image:?}");
            return Err(StepError::retry(ImageReason::UpdateFailed, text));
        }
        let name = format!("{namespace}:{policy}");
        setters.insert(format!("{name}:tag"), choice.tag.clone());
        setters.insert(format!("{name}:name"), choice.name.clone());
        setters.insert(format!("{name}:digest"), digest);
        setters.insert(name, image);
    }
    Ok(setters)
}

fn is_image(choice: &ImageRef, digest: &str) -> bool {
    let digest = digest.is_empty() || oci::Reference::digest(digest).is_ok();
    digest && image::is_tag(&choice.tag) && image::parse(&choice.name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Choices, parse, setters};
    use api::image::v1::ImageRef;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

    fn choice(name: &str, tag: &str, digest: Option<&str>) -> Choices {
        let image = ImageRef { name: name.into(), tag: tag.into(), digest: digest.map(str::to_owned) };
        [("app".to_owned(), image)].into()
    }

    #[test]
    fn a_policy_gives_four_setters() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let found = setters("ns", &choice("reg.io/app", "1.0", Some(&digest))).unwrap();
        assert_eq!(found["ns:app"], format!("reg.io/app:1.0@{digest}"));
        assert_eq!((found["ns:app:tag"].as_str(), found["ns:app:name"].as_str()), ("1.0", "reg.io/app"));
        assert_eq!(found["ns:app:digest"], digest);
        assert_eq!(setters("ns", &choice("app", "1.0", None)).unwrap()["ns:app:digest"], "");
    }

    #[test]
    fn what_is_no_image_is_never_written() {
        for (name, tag, digest) in
            [("a b", "1", None), ("app", "1\nx: y", None), ("app", "", None), ("app", "1", Some("x"))]
        {
            assert!(setters("ns", &choice(name, tag, digest)).is_err(), "{name} {tag}");
        }
    }

    #[test]
    fn selectors_are_judged_as_by_kubernetes() {
        let selector = |operator: &str, values: &[&str]| LabelSelector {
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: "team".into(),
                operator: operator.into(),
                values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
            }]),
            match_labels: None,
        };
        assert_eq!(
            parse(&selector("Bad", &[])).unwrap_err(),
            "\"Bad\" is not a valid label selector operator"
        );
        assert!(parse(&selector("In", &[])).is_err() && parse(&selector("Exists", &["x"])).is_err());
        assert!(parse(&selector("In", &["a"])).is_ok() && parse(&selector("DoesNotExist", &[])).is_ok());
    }
}
