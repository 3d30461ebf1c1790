//! Small texts: durations as people write them, and bytes made safe to show.

use std::fmt::Write;
use std::time::Duration;

/// A duration that could not be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a duration")]
pub struct BadDuration(String);

/// Reads `90s`, `45m`, `1h`, `1h30m` or `2d` as a duration of whole seconds, above zero.
///
/// # Errors
/// Anything else, also a number without a unit: `90` could be seconds or minutes.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    let bad = || BadDuration(text.to_owned());
    let mut total: u64 = 0;
    let mut number: Option<u64> = None;
    for letter in text.trim().chars() {
        if let Some(digit) = letter.to_digit(10) {
            let grown = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(digit)));
            number = Some(grown.ok_or_else(bad)?);
            continue;
        }
        let unit: u64 = match letter {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return Err(bad()),
        };
        let part = number.take().and_then(|n| n.checked_mul(unit)).ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
    }
    // A hundred years: what is longer was surely mistyped, and would not fit a timestamp.
    if number.is_some() || total == 0 || total > 100 * 366 * 24 * 60 * 60 {
        return Err(bad());
    }
    Ok(Duration::from_secs(total))
}

/// Writes a duration with its two largest units: `2d 3h`, `1h 30m`, `42m`, `8s`.
pub fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let Some(first) = parts.iter().position(|(count, _)| *count > 0) else {
        return "0s".to_owned();
    };
    // Seconds beside minutes would only flicker.
    let last = if first == 0 { 1 } else { 2 };
    parts[first..=last.max(first)]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Bytes as one line of text: UTF-8 stays, control characters and broken bytes become `\xNN`.
///
/// A path may hold an escape sequence; shown raw it could rewrite the reader's terminal.
pub fn visible(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() || is_bidi_control(letter) {
                let mut buffer = [0; 4];
                for byte in letter.encode_utf8(&mut buffer).bytes() {
                    push_escaped(&mut out, byte);
                }
            } else {
                out.push(letter);
            }
        }
        for &byte in chunk.invalid() {
            push_escaped(&mut out, byte);
        }
    }
    out
}

/// Text of several lines made safe to show: line feeds and tabs stay, all else as in [`visible`].
pub fn visible_lines(bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes
        .split(|&byte| byte == b'\n')
        .map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.split(|&byte| byte == b'\t').map(visible).collect::<Vec<_>>().join("\t")
        })
        .collect();
    lines.join("\n")
}

/// A text without the secrets that are in addresses: `https://user:token@host/` becomes `https://***@host/`.
///
/// For the web all of it is hidden, as some put a token in the place of the name; elsewhere (`ssh://git@host/`) the name stays.
pub fn without_secrets(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(place) = rest.find("://") {
        let (scheme, after) = rest.split_at(place + "://".len());
        out.push_str(scheme);
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '?' | '#' | '"' | '\\');
        let (host, behind) = after.split_at(after.find(ends).unwrap_or(after.len()));
        let scheme = scheme.to_ascii_lowercase();
        let web = ["http://", "https://"].iter().any(|web| scheme.ends_with(web));
        match host.rsplit_once('@') {
            Some((user, host)) => match user.split_once(':') {
                Some((user, _)) if !web => out.push_str(&format!("{user}:***@{host}")),
                None if !web => out.push_str(&format!("{user}@{host}")),
                _ => out.push_str(&format!("***@{host}")),
            },
            None => out.push_str(host),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn is_bidi_control(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_escaped(out: &mut String, byte: u8) {
    // Writing into a String cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("45m", 2_700), ("1h", 3_600), ("1h30m", 5_400), ("2d", 172_800)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn a_number_without_a_unit_is_not_a_duration() {
        for text in ["", "90", "h", "1x", "-1h", "1h30", "0s", "99999999999999999999h", "1 h"] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_duration_shows_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0s"),
            (8, "8s"),
            (60, "1m"),
            (2_525, "42m"),
            (5_400, "1h 30m"),
            (3_601, "1h"),
            (183_600, "2d 3h"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn secrets_in_addresses_are_not_shown() {
        for (text, shown) in [
            ("https://ada:token@host/x.git", "https://***@host/x.git"),
            (
                "fetch 'HTTPS://token@host' from http://a:b@c:8080",
                "fetch 'HTTPS://***@host' from http://***@c:8080",
            ),
            ("https://a:b@c@host/x", "https://***@host/x"),
            ("ssh://git@host/x and ssh://git:word@host/x", "ssh://git@host/x and ssh://git:***@host/x"),
            (
                r#"{"url":"https://a:b@c","who":"ada@example.com"}"#,
                r#"{"url":"https://***@c","who":"ada@example.com"}"#,
            ),
            (
                "https://host/@scope, ada@example.com, git@host:x",
                "https://host/@scope, ada@example.com, git@host:x",
            ),
            ("://", "://"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }

    proptest! {
        #[test]
        fn shown_bytes_never_hold_a_control_character(bytes: Vec<u8>) {
            prop_assert!(!visible(&bytes).chars().any(char::is_control));
        }

        #[test]
        fn plain_text_is_shown_as_it_is(text in "[a-zA-Zäöü/ ._-]{0,20}") {
            prop_assert_eq!(visible(text.as_bytes()), text);
        }
    }
}
