//! The section for agents: a few marked lines in `AGENTS.md` and its like that say how to work here.

const BEGIN: &str = "<!-- git-odyssey: begin; git odyssey setup writes these lines -->\n";
const END: &str = "<!-- git-odyssey: end -->\n";

/// What an agent should know, short.
const TEXT: &str = "\
## Working beside others

Several people and agents work on this repository at the same time, each task in a worktree of its own (git odyssey).

- Work only in the folder that you were started in. Without a task of your own: `git odyssey claim TASK --region 'src/part/**'
  --for YOUR-NAME`, then work in the folder that it prints.
- Before you edit a file outside of your regions: `git odyssey check PATH`. What another task holds, leave alone, and say so.
- Commit often. Never use `--no-verify`, and do not change git's hooks or `core.hooksPath`.
- When you go on after a pause: `git odyssey notes`. When the target has moved: `git odyssey sync`.
- When all is done and tested: `git odyssey land`. When you stop before: `git odyssey park`.
";

/// A text with the section, at its end or where it is.
pub fn with_section(text: &str) -> String {
    let bare = without_section(text);
    if let Some((before, after)) = around(text) {
        return format!("{before}{BEGIN}{TEXT}{END}{after}");
    }
    let gap = match bare.as_str() {
        "" => "",
        bare if bare.ends_with("\n\n") => "",
        bare if bare.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{bare}{gap}{BEGIN}{TEXT}{END}")
}

/// A text without the section.
pub fn without_section(text: &str) -> String {
    match around(text) {
        Some((before, "")) => {
            let before = before.strip_suffix('\n').filter(|bare| bare.ends_with('\n')).unwrap_or(before);
            before.to_owned()
        }
        Some((before, after)) => format!("{before}{after}"),
        None => text.to_owned(),
    }
}

/// What is before and behind the section; nothing when there is none, or no end of it.
fn around(text: &str) -> Option<(&str, &str)> {
    let begin = text.find("<!-- git-odyssey: begin")?;
    let end = begin + text[begin..].find(END.trim_end())? + END.trim_end().len();
    let after = text[end..].strip_prefix('\n').unwrap_or(&text[end..]);
    Some((&text[..begin], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_comes_once_and_goes_without_a_trace() {
        for text in ["", "# Rules\n", "# Rules\n\nBe kind.\n"] {
            let with = with_section(text);
            assert!(with.starts_with(text) && with.ends_with(END), "{with}");
            assert_eq!(with_section(&with), with);
            assert_eq!(without_section(&with), text);
        }
        let between = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(with_section(&between), format!("a\n{BEGIN}{TEXT}{END}b\n"));
        assert_eq!(without_section(&between), "a\nb\n");
        assert_eq!(without_section("no section\n"), "no section\n");
    }
}
