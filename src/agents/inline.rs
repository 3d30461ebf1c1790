//! Codex's settings in TOML, where its hooks may stand inline; comments and order of all else stay.

use toml_edit::ArrayOfTables;
use toml_edit::DocumentMut;
use toml_edit::Item;
use toml_edit::Table;
use toml_edit::value;

use super::Harness;
use super::settings::BadSettings;
use super::settings::Hook;
use super::settings::is_ours;

fn parsed(text: &str) -> Result<DocumentMut, BadSettings> {
    text.parse().map_err(|error: toml_edit::TomlError| BadSettings::Unreadable(error.message().to_owned()))
}

/// Whether hooks stand in these settings.
///
/// # Errors
/// When they cannot be read.
pub fn has_hooks(text: &str) -> Result<bool, BadSettings> {
    Ok(parsed(text)?.contains_key("hooks"))
}

/// Settings with our hooks in them.
///
/// # Errors
/// When they cannot be read, or something else stands where hooks should.
pub fn with_toml(text: &str, hooks: &[Hook], command: &str) -> Result<String, BadSettings> {
    let found = ours_in_toml(text)?;
    if found.len() == hooks.len() && found.iter().all(|known| known == command) {
        return Ok(text.to_owned());
    }
    let mut document = parsed(&without_toml(text)?)?;
    let named = |name: &str| BadSettings::Otherwise(format!("'{name}'"));
    let all = document.entry("hooks").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let all = all.as_table_mut().ok_or_else(|| named("hooks"))?;
    for hook in hooks {
        let mut handler = Table::new();
        handler.insert("type", value("command"));
        handler.insert("command", value(command));
        let mut handlers = ArrayOfTables::new();
        handlers.push(handler);
        let mut group = Table::new();
        if let Some(matcher) = hook.matcher {
            group.insert("matcher", value(matcher));
        }
        group.insert("hooks", Item::ArrayOfTables(handlers));
        let list = all.entry(hook.event).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        list.as_array_of_tables_mut().ok_or_else(|| named(hook.event))?.push(group);
    }
    Ok(document.to_string())
}

/// Settings without our hooks.
///
/// # Errors
/// When they cannot be read.
pub fn without_toml(text: &str) -> Result<String, BadSettings> {
    if ours_in_toml(text)?.is_empty() {
        return Ok(text.to_owned());
    }
    let mut document = parsed(text)?;
    if let Some(all) = document.get_mut("hooks").and_then(Item::as_table_mut) {
        let events: Vec<String> = all.iter().map(|(name, _)| name.to_owned()).collect();
        for event in events {
            let Some(groups) = all.get_mut(&event).and_then(Item::as_array_of_tables_mut) else { continue };
            for group in groups.iter_mut() {
                if let Some(list) = group.get_mut("hooks").and_then(Item::as_array_of_tables_mut) {
                    list.retain(|handler| !handler_is_ours(handler));
                }
            }
            let is_empty = |group: &Table| {
                group.get("hooks").and_then(Item::as_array_of_tables).is_some_and(ArrayOfTables::is_empty)
            };
            groups.retain(|group| !is_empty(group));
            if groups.is_empty() {
                all.remove(&event);
            }
        }
    }
    Ok(document.to_string())
}

fn handler_is_ours(handler: &Table) -> bool {
    command(handler).is_some_and(|command| is_ours(command, Harness::Codex))
}

fn command(handler: &Table) -> Option<&str> {
    handler.get("command").and_then(Item::as_str)
}

/// Our commands in these settings.
///
/// # Errors
/// When they cannot be read.
pub fn ours_in_toml(text: &str) -> Result<Vec<String>, BadSettings> {
    let document = parsed(text)?;
    let mut found = Vec::new();
    let all = document.get("hooks").and_then(Item::as_table);
    for (_, groups) in all.iter().flat_map(|all| all.iter()) {
        for group in groups.as_array_of_tables().iter().flat_map(|groups| groups.iter()) {
            let list = group.get("hooks").and_then(Item::as_array_of_tables);
            let commands = list.iter().flat_map(|list| list.iter()).filter_map(command);
            found.extend(commands.filter(|one| is_ours(one, Harness::Codex)).map(str::to_owned));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::settings::hooks;
    use super::*;

    const COMMAND: &str = "git-odyssey guard codex";

    #[test]
    fn hooks_join_what_is_there_and_go_again() {
        let text = "# mine\nmodel = \"x\"   # here\n\n[hooks]\n[[hooks.PreToolUse]]\nmatcher = \"Bash\"\n[[hooks.PreToolUse.hooks]]\n\
                    type = \"command\"\ncommand = \"lint\"\n\n[other]\na = 1\n";
        let hooks = hooks(Harness::Codex, false);
        let merged = with_toml(text, &hooks, COMMAND).unwrap();
        assert_eq!(ours_in_toml(&merged).unwrap(), vec![COMMAND; hooks.len()]);
        assert!(merged.starts_with("# mine\nmodel = \"x\"   # here\n"), "{merged}");
        assert_eq!(with_toml(&merged, &hooks, COMMAND).unwrap(), merged, "once is enough");
        assert_eq!(without_toml(&merged).unwrap(), text);
        assert!(with_toml("hooks = 1", &hooks, COMMAND).is_err());
        assert!(with_toml("a = ", &hooks, COMMAND).is_err());
    }
}
