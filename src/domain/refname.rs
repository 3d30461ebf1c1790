//! Names of refs: which of them git takes, told before anybody asks git.

/// Why a full name (`refs/heads/main`) is no good name of a ref; nothing when it is one.
pub fn broken_rule(name: &str) -> Option<&'static str> {
    let bad = |letter: char| letter.is_ascii_control() || " ~^:?*[\\".contains(letter);
    let mut parts = name.split('/');
    if !name.contains('/') {
        Some("it is not a full name")
    } else if name.contains(bad) {
        Some("it has a space, a control character, or one of ~^:?*[\\")
    } else if name.contains("..") || name.contains("@{") {
        Some("it has .. or @{")
    } else if name.ends_with('.') {
        Some("it ends in a dot")
    } else if parts.any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock")) {
        Some("a part of it is empty, starts with a dot, or ends in .lock")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_are_good_and_others_are_not() {
        for name in ["refs/heads/main", "refs/heads/a/b-c_d.e", "refs/heads/ä@x", "refs/heads/{x}"] {
            assert_eq!(broken_rule(name), None, "{name}");
        }
        for name in [
            "",
            "main",
            "refs/heads/",
            "refs//heads",
            "/refs",
            "refs/heads/a b",
            "refs/heads/a\n",
            "refs/a\u{7f}",
            "refs/a~1",
            "refs/a^",
            "refs/a:b",
            "refs/a?",
            "refs/a*",
            "refs/a[b",
            "refs/a\\b",
            "refs/a..b",
            "refs/a@{0}",
            "refs/.a",
            "refs/a.lock",
            "refs/a.lock/b",
            "refs/a.",
        ] {
            assert!(broken_rule(name).is_some(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_good_name_is_one_for_git_too(name in "[ -~]{1,12}|[a@{.lock/]{1,9}") {
            let name = format!("refs/{name}");
            prop_assert_eq!(broken_rule(&name).is_none(), gix::refs::FullName::try_from(name.as_str()).is_ok());
        }
    }
}
