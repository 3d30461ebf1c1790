//! The keys of the policy file, and what someone who mistyped one may have meant.

use crate::domain::written::listed;
pub(super) use crate::domain::written::name_hint;
use crate::domain::written::nearest;

/// The keys of a limit.
const LIMIT: &[&str] = &["tokens", "usd"];

/// The keys of each table; those of `regions` and `prices` are free.
pub(super) const KEYS: [(&str, &[&str]); 14] = [
    (
        "",
        &[
            "target",
            "ttl",
            "commons",
            "regions",
            "workspace",
            "pool",
            "land",
            "merge",
            "on",
            "ledger",
            "review",
            "budget",
            "usage",
            "prices",
        ],
    ),
    ("workspace", &["root", "copy", "setup", "disposable", "templates", "reflink", "sparse", "ports"]),
    ("pool", &["size", "keep"]),
    ("land", &["strategy", "check"]),
    ("on", &["event", "run", "timeout"]),
    ("merge", &["paths", "strategy", "run", "timeout"]),
    ("ledger", &["fsync"]),
    ("review", &["confirm"]),
    ("budget", &["soft", "grace", "day", "month", "agent", "task"]),
    ("usage", &["trailer"]),
    ("budget.day", LIMIT),
    ("budget.month", LIMIT),
    ("budget.agent", LIMIT),
    ("budget.task", LIMIT),
];

/// The strategies as they are written.
const STRATEGIES: [&str; 4] = ["merge", "squash", "rebase", "ff-only"];

/// A key with its table.
pub(super) fn dotted(table: &str, key: &str) -> String {
    let key = crate::base::text::visible(key.as_bytes());
    if table.is_empty() { key } else { format!("{table}.{key}") }
}

/// What to do about an unknown key.
pub(super) fn hint(table: &str, key: &str) -> String {
    let known = KEYS.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, keys)| keys);
    if let Some(near) = nearest(key, known) {
        return format!("did you mean `{near}`?");
    }
    match KEYS.iter().find(|(name, keys)| !name.is_empty() && keys.contains(&key)) {
        Some((home, _)) => format!("`{key}` belongs to [{home}]"),
        None if KEYS[0].1.contains(&key) => format!("`{key}` belongs to the top of the file"),
        None => format!("the keys here are {}", listed(known)),
    }
}

/// What to do about an unknown strategy.
pub(super) fn strategy_hint(name: &str) -> String {
    name_hint(name, &STRATEGIES, "strategies")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_another_word_is_not() {
        for (written, name) in
            [("comons", "commons"), ("tll", "ttl"), ("targets", "target"), ("lnad", "land")]
        {
            assert_eq!(nearest(written, KEYS[0].1), Some(name));
        }
        for written in ["", "x", "remote", "branch", "ä"] {
            assert_eq!(nearest(written, KEYS[0].1), None, "{written}");
        }
    }

    #[test]
    fn a_key_in_the_wrong_table_is_sent_home() {
        assert_eq!(hint("land", "copy"), "`copy` belongs to [workspace]");
        assert_eq!(hint("land", "target"), "`target` belongs to the top of the file");
    }
}
