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
        for (path, expected) in [
            ("", ""),
            ("./", ""),
            ("/a", "a"),
            ("a/..", ""),
            ("../../etc", "etc"),
            ("../../etc/passwd", "etc/passwd"),
            ("./a/../b//c/", "b/c"),
            ("./a//b/../c.yaml", "a/c.yaml"),
        ] {
            assert_eq!(rooted(path), expected, "{path}");
        }
    }
}
