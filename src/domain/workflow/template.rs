//! Placeholders in a workflow's texts: `{name}` stands for a value, `{{` and `}}` for the brace itself.
//!
//! Only a name in braces is one: letters, digits and `_`, nothing else. Whatever else has braces, such as code in a prompt,
//! stays as it is.

/// A placeholder for which there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName(pub String);

enum Piece<'t> {
    Text(&'t str),
    Name(&'t str),
}

/// The text with the value of each placeholder.
///
/// # Errors
/// When one has no value.
pub fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, UnknownName> {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Name(name) => out.push_str(&value(name).ok_or_else(|| UnknownName(name.to_owned()))?),
        }
    }
    Ok(out)
}

/// The names that a text has placeholders for.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    })
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, here) = rest.split_at(at);
        pieces.push(Piece::Text(before));
        if here.starts_with("{{") || here.starts_with("}}") {
            pieces.push(Piece::Text(&here[..1]));
            rest = &here[2..];
        } else if let Some((name, behind)) = named(here) {
            pieces.push(Piece::Name(name));
            rest = behind;
        } else {
            pieces.push(Piece::Text(&here[..1]));
            rest = &here[1..];
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// The name that the text begins with, in braces, and what is behind it.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.strip_prefix('{')?.split_once('}')?;
    is_name(name).then_some((name, behind))
}

/// Whether something can be the name of a value.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> Result<String, UnknownName> {
        fill(text, |name| (name == "lang").then(|| "de".to_owned()))
    }

    #[test]
    fn a_name_in_braces_is_replaced_and_code_is_not() {
        for (text, expected) in [
            ("docs/{lang}/**", "docs/de/**"),
            ("{lang}{lang}", "dede"),
            ("fn main() { run() }", "fn main() { run() }"),
            ("{} {a b} {\"lang\": 1} {1} }", "{} {a b} {\"lang\": 1} {1} }"),
            ("{{lang}} is {lang}", "{lang} is de"),
            ("{{{lang}}}", "{de}"),
            ("{", "{"),
            ("", ""),
        ] {
            assert_eq!(filled(text), Ok(expected.to_owned()), "{text}");
        }
        assert_eq!(filled("a {long}"), Err(UnknownName("long".to_owned())));
    }

    proptest! {
        #[test]
        fn a_text_with_doubled_braces_comes_out_as_it_was(text in "\\PC{0,40}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(fill(&doubled, |_| None), Ok(text));
        }
    }
}
