/// A path of a spec as seen from the root of its source: no `.`, no empty parts, and `..` ends at the root, as in Flux's
/// secure join. The root is the empty text.
pub fn rooted(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::rooted;

    #[test]
    fn nothing_leads_above_the_root() {
        assert_eq!(rooted("./a//b/../c.yaml"), "a/c.yaml");
        assert_eq!(rooted("../../etc/passwd"), "etc/passwd");
        assert_eq!(rooted("a/.."), "");
    }
}
