//! The policy file: it is read, or told where it is wrong.

use std::collections::BTreeMap;

use git_odyssey::base::failure::Explain;
use git_odyssey::domain::policy::Policy;
use git_odyssey::domain::refname;
use git_odyssey::domain::region::Case;
use git_odyssey::domain::region::Region;

/// The input is an `odyssey.toml`.
pub fn holds(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(error) => {
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&error.line), "{error} of {lines} lines");
            let line = text.split('\n').nth(error.line - 1).unwrap();
            assert!((1..=line.chars().count() + 1).contains(&error.column), "{error} in {line:?}");
            assert!(!error.hints().iter().any(String::is_empty));
            return false;
        }
    };
    if let Some(target) = &policy.target {
        assert_eq!(refname::broken_rule(&format!("refs/heads/{target}")), None);
    }
    let none = BTreeMap::new();
    for (name, patterns) in &policy.regions {
        assert!(!patterns.is_empty() && policy.position_of_region(name, patterns.len()).is_none());
        for (index, _) in patterns.iter().enumerate() {
            let place = policy.position_of_region(name, index).unwrap();
            assert!(text.split('\n').nth(place.line - 1).is_some(), "{name} {index}");
        }
        if patterns.len() < 8
            && let Err(error) = Region::parse(&format!("@{name}"), &policy.regions, Case::Sensitive)
        {
            super::is_told_plainly(&error);
        }
    }
    for pattern in policy.commons.iter().chain(&policy.workspace.disposable) {
        if let Err(error) = Region::parse(pattern, &none, Case::Insensitive) {
            super::is_told_plainly(&error);
        }
    }
    for path in &policy.workspace.copy {
        let outside = |part: std::path::Component<'_>| !matches!(part, std::path::Component::Normal(_));
        let parts =
            std::path::Path::new(path).components().filter(|part| *part != std::path::Component::CurDir);
        assert!(!parts.into_iter().any(outside), "{path:?} leads away");
        let own = |part: &str| part.eq_ignore_ascii_case(".git");
        assert!(!path.split(['/', '\\']).any(own), "{path:?} leads into git's own folder");
    }
    let commands = policy.workspace.setup.iter().chain(&policy.land.check);
    for command in commands {
        assert!(!command.is_empty(), "a command without a word");
    }
    true
}
