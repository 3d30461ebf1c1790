//! The manual as one page for a browser, made from the same table; it needs nothing from anywhere else.

use std::fmt::Write;

use super::EXITS;
use super::FILES;
use super::PROGRAM;
use super::commands;
use super::table;
use super::world;

/// How it looks: by the reader's own colours and letters.
const STYLE: &str = "body{max-width:50rem;margin:2rem auto;padding:0 1rem;line-height:1.5;color-scheme:light dark}\
pre,code{font-family:monospace}pre{overflow-x:auto;padding:.5rem;border:1px solid}\
dt{font-family:monospace;font-weight:bold}dd{margin-bottom:.5rem}nav li{display:inline-block;margin-right:1rem}";

/// The whole manual.
pub fn page() -> String {
    let all = commands();
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>git odyssey {version}: manual</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\n<body>\n\
         <h1>git odyssey {version}</h1>\n"
    );
    let shown: Vec<&clap::Command> = all.get_subcommands().filter(|inner| !inner.is_hide_set()).collect();
    text.push_str("<nav><ul>\n");
    for command in &shown {
        let name = command.get_name();
        let _ = writeln!(text, "<li><a href=\"#{name}\">{name}</a></li>");
    }
    text.push_str("</ul></nav>\n");
    section(&mut text, &all, PROGRAM);
    shown.iter().for_each(|command| add(&mut text, command, command.get_name()));
    text.push_str("<h2 id=\"exit-status\">Exit status</h2>\n");
    let codes = EXITS
        .map(|(kind, meaning)| (kind.map_or(0, crate::base::failure::Kind::exit_code).to_string(), meaning));
    list(&mut text, codes.iter().map(|(code, meaning)| (code.as_str(), *meaning)));
    text.push_str("<h2 id=\"environment\">Environment</h2>\n");
    list(&mut text, world::VARIABLES.into_iter());
    text.push_str("<h2 id=\"files\">Files</h2>\n");
    list(&mut text, FILES.into_iter());
    text.push_str("</body>\n</html>\n");
    text
}

/// A command, and those below it.
fn add(text: &mut String, command: &clap::Command, id: &str) {
    section(text, command, id);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        add(text, inner, &format!("{id}-{}", inner.get_name()));
    }
}

fn section(text: &mut String, command: &clap::Command, id: &str) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let _ = writeln!(text, "<h2 id=\"{}\">{}</h2>", escaped(id), escaped(name));
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    for part in about.split("\n\n").filter(|part| !part.is_empty()) {
        let _ = writeln!(text, "<p>{}</p>", escaped(part));
    }
    let usage = command.clone().render_usage().to_string().replace("Usage: ", "");
    let _ = writeln!(text, "<pre>{}</pre>", escaped(usage.trim()));
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let arguments: Vec<(String, String)> = arguments
        .map(|argument| {
            let help = argument.get_long_help().or(argument.get_help());
            let short = argument.get_short().map(|letter| format!("-{letter}, ")).unwrap_or_default();
            (format!("{short}{argument}"), help.map(ToString::to_string).unwrap_or_default())
        })
        .collect();
    list(text, arguments.iter().map(|(term, meaning)| (term.as_str(), meaning.as_str())));
    let examples = table::examples(command.get_name());
    if !examples.is_empty() {
        text.push_str("<h3>Examples</h3>\n");
        list(text, examples.iter().copied());
    }
}

fn list<'a>(text: &mut String, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    text.push_str("<dl>\n");
    for (term, meaning) in rows {
        let _ = writeln!(text, "<dt>{}</dt><dd>{}</dd>", escaped(term), escaped(meaning));
    }
    text.push_str("</dl>\n");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_place_and_the_page_is_well_formed() {
        let page = page();
        for command in commands().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            assert!(page.contains(&format!("<h2 id=\"{name}\">")), "{name}");
            assert!(page.contains(&format!("<a href=\"#{name}\">")), "{name}");
        }
        assert!(page.contains("<dt>-r, --region &lt;REGION&gt;</dt>"), "{page}");
        assert!(!page.contains("<h2 id=\"hook\">"), "hooks are git's business");
        let mut open = Vec::new();
        for tag in page.split('<').skip(2).map(|part| part.split('>').next().unwrap_or_default()) {
            let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
            match tag.strip_prefix('/') {
                Some(_) => assert_eq!(open.pop(), Some(name), "{tag}"),
                None if name != "meta" => open.push(name),
                None => {}
            }
        }
        assert!(open.is_empty(), "{open:?}");
        let outside = ["http://", "https://", "src=", "@import", "url("];
        assert!(!outside.iter().any(|part| page.contains(part)), "it needs nothing from elsewhere");
    }
}
