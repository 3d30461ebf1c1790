//! A command as words, for programs that are started without a shell.

/// A command that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCommand {
    /// There is no word in it.
    #[error("the command is empty")]
    Empty,
    /// A quote begins and does not end.
    #[error("a quote in the command is not closed")]
    OpenQuote,
    /// It needs a shell: the part that does.
    #[error("'{0}' is shell syntax, and no shell runs this")]
    Syntax(String),
}

/// Splits a command into words as a shell does.
///
/// # Errors
/// When it is empty, a quote is left open, or it holds what only a shell could carry out: operators, substitutions,
/// variables. Taken for words they would look as if they worked: `test && deploy` would pass two more arguments to
/// `test`.
pub fn words(command: &str) -> Result<Vec<String>, BadCommand> {
    let words = shell_words::split(command).map_err(|_| BadCommand::OpenQuote)?;
    if let Some(syntax) = shell_syntax(command) {
        return Err(BadCommand::Syntax(syntax));
    }
    match words.first() {
        None => Err(BadCommand::Empty),
        Some(first) if first.is_empty() => Err(BadCommand::Empty),
        Some(first) if is_assignment(first) => Err(BadCommand::Syntax(first.clone())),
        Some(_) => Ok(words),
    }
}

/// The first part of a command that means something to a shell beyond words and quotes.
fn shell_syntax(command: &str) -> Option<String> {
    let mut quote: Option<char> = None;
    let mut word_begins = true;
    let mut rest = command;
    while let Some(letter) = rest.chars().next() {
        let here = rest;
        rest = &rest[letter.len_utf8()..];
        let begins = std::mem::replace(&mut word_begins, false);
        match (quote, letter) {
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (Some(_), '"') => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (_, '\\') => rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or(""),
            (_, '`') => return Some("`".to_owned()),
            (_, '$') => {
                let name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                if rest.starts_with(['(', '{']) {
                    return Some(here[..2].to_owned());
                }
                let length = rest.find(|letter| !name(letter)).unwrap_or(rest.len());
                if length > 0 {
                    return Some(here[..=length].to_owned());
                }
            }
            (None, '&' | '|' | ';' | '<' | '>') => {
                return Some(here.chars().take_while(|next| *next == letter).collect());
            }
            (None, '(' | ')') => return Some(letter.to_string()),
            // The rest of the line is a comment.
            (None, '#') if begins => rest = rest.find('\n').map_or("", |end| &rest[end..]),
            (None, ' ' | '\t' | '\n') => word_begins = true,
            _ => {}
        }
    }
    None
}

/// Whether the word sets a variable for the command behind it: `NAME=value`.
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    starts_well && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        let cases: [(&str, &[&str]); 7] = [
            ("cargo test", &["cargo", "test"]),
            ("  a  'b c' \"d e\" f\\ g ", &["a", "b c", "d e", "f g"]),
            ("sh -c 'a && b > c; $(d) `e` $F'", &["sh", "-c", "a && b > c; $(d) `e` $F"]),
            ("a \\; \\$x \\&", &["a", ";", "$x", "&"]),
            ("a \"&& | ;\" b=c", &["a", "&& | ;", "b=c"]),
            ("a # b && c", &["a"]),
            ("grep a$ b#c", &["grep", "a$", "b#c"]),
        ];
        for (command, expected) in cases {
            assert_eq!(
                words(command),
                Ok(expected.iter().map(|word| (*word).to_owned()).collect()),
                "{command}"
            );
        }
    }

    #[test]
    fn what_needs_a_shell_is_refused_and_named() {
        let cases = [
            ("a && b", "&&"),
            ("a||b", "||"),
            ("a | b", "|"),
            ("a;b", ";"),
            ("a &", "&"),
            ("a > b", ">"),
            ("a 2>&1", ">"),
            ("a >> b", ">>"),
            ("a < b", "<"),
            ("a $(b)", "$("),
            ("a \"$(b)\"", "$("),
            ("a \"`b`\"", "`"),
            ("a ${B}", "${"),
            ("a \"$B_1 c\"", "$B_1"),
            ("(a)", "("),
            ("A=1 b", "A=1"),
        ];
        for (command, syntax) in cases {
            assert_eq!(words(command), Err(BadCommand::Syntax(syntax.to_owned())), "{command}");
        }
        assert_eq!(words(" "), Err(BadCommand::Empty));
        assert_eq!(words("''"), Err(BadCommand::Empty));
        assert_eq!(words("# nothing"), Err(BadCommand::Empty));
        assert_eq!(words("a 'b"), Err(BadCommand::OpenQuote));
    }

    proptest! {
        #[test]
        fn quoted_words_come_back_as_they_were(list in prop::collection::vec("\\PC{1,8}", 1..4)) {
            prop_assume!(!is_assignment(&list[0]));
            let command = shell_words::join(&list);
            prop_assert_eq!(words(&command), Ok(list));
        }
    }
}
