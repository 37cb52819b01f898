use crate::CommandError;

/// All controllers, in the order of the flow.
pub(crate) const CONTROLLERS: [&str; 5] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "image-automation-controller",
    "notification-controller",
];

/// Flux's name of a part that is in another controller here.
const MERGED: (&str, &str) = ("image-reflector-controller", "image-automation-controller");

/// The controllers that are wanted, each once, in order.
///
/// # Errors
/// A name that is none, and none at all.
pub(crate) fn checked_components(
    given: &[String],
    extra: &[String],
) -> Result<Vec<&'static str>, CommandError> {
    let mut wanted = Vec::new();
    for name in given.iter().chain(extra).filter(|name| !name.is_empty()) {
        let name = if name == MERGED.0 { MERGED.1 } else { name.as_str() };
        match CONTROLLERS.iter().find(|known| **known == name) {
            Some(known) => wanted.push(*known),
            None => return Err(CommandError::usage(format!("component {name} is not available"))),
        }
    }
    if wanted.is_empty() {
        return Err(CommandError::usage("no component is wanted"));
    }
    Ok(CONTROLLERS.into_iter().filter(|known| wanted.contains(known)).collect())
}

#[cfg(test)]
mod tests {
    use super::checked_components;

    #[test]
    fn the_two_image_controllers_of_flux_are_one() {
        let names = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let extra = names(&["image-reflector-controller", "image-automation-controller"]);
        let found = checked_components(&names(&["source-controller"]), &extra).unwrap();
        assert_eq!(found, ["source-controller", "image-automation-controller"]);
        assert!(checked_components(&names(&["nothing"]), &[]).is_err());
        assert!(checked_components(&[], &[]).is_err());
    }
}
