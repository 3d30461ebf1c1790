//! Schemas of the tools' arguments, made from what the command line and the review's steps say of theirs.

use clap::Arg;
use clap::ArgAction;
use clap::Command;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::commands::review::action::Action;

/// A schema, or what a tool is given.
pub type Object = Map<String, Value>;

/// The argument of every tool that names the checkout it is asked from.
pub const FOLDER: &str = "folder";

/// The argument of `review` that names the task.
pub const TASK: &str = "task";

/// The arguments of a command that has been built, without those in `without`.
pub fn arguments<'a>(command: &'a Command, without: &'a [&str]) -> impl Iterator<Item = &'a Arg> {
    let own = ["help", "version", "json", "color"];
    command.get_arguments().filter(move |arg| {
        let id = arg.get_id().as_str();
        !arg.is_hide_set() && !own.contains(&id) && !without.contains(&id)
    })
}

/// How the values of an argument are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// True or false.
    Flag,
    /// One text.
    One,
    /// A list of texts.
    Many,
}

impl Shape {
    /// That of an argument of a command that has been built.
    pub fn of(arg: &Arg) -> Shape {
        match arg.get_action() {
            ArgAction::SetTrue => Shape::Flag,
            ArgAction::Append => Shape::Many,
            _ if arg.get_num_args().is_some_and(|range| range.max_values() > 1) => Shape::Many,
            _ => Shape::One,
        }
    }
}

/// The schema of a command's arguments.
pub fn of_command(command: &Command, without: &[&str]) -> Object {
    let mut properties = Object::new();
    let mut required = Vec::new();
    for arg in arguments(command, without) {
        properties.insert(arg.get_id().to_string(), property(arg));
        if arg.is_required_set() {
            required.push(arg.get_id().to_string());
        }
    }
    whole(properties, &required)
}

fn property(arg: &Arg) -> Value {
    let mut said = Object::new();
    let mut text = json!({ "type": "string" });
    let values: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    match Shape::of(arg) {
        Shape::Flag => drop(said.insert("type".to_owned(), json!("boolean"))),
        Shape::One if values.is_empty() => drop(said.insert("type".to_owned(), json!("string"))),
        Shape::One => {
            said.insert("type".to_owned(), json!("string"));
            said.insert("enum".to_owned(), json!(values));
        }
        Shape::Many => {
            if !values.is_empty() {
                text["enum"] = json!(values);
            }
            said.insert("type".to_owned(), json!("array"));
            said.insert("items".to_owned(), text);
            let range = arg.get_num_args().filter(|range| range.min_values() > 1);
            said.insert("minItems".to_owned(), json!(range.map_or(1, |range| range.min_values())));
            if let Some(range) = range.filter(|range| range.max_values() < usize::MAX) {
                said.insert("maxItems".to_owned(), json!(range.max_values()));
            }
        }
    }
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    said.insert("description".to_owned(), json!(help));
    said.into()
}

/// The schema of one step of a review: the steps' own arguments side by side, since clients know no choice at the top.
pub fn of_review() -> Object {
    let steps = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Action>();
    let steps = steps.as_value()["oneOf"].as_array().cloned().unwrap_or_default();
    let mut names = Vec::new();
    let mut told = Vec::new();
    let mut properties = Object::new();
    for step in &steps {
        let name = step["properties"]["do"]["const"].as_str().unwrap_or_default();
        let needs: Vec<&str> =
            step["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let needs: Vec<&str> = needs.into_iter().filter(|need| *need != "do").collect();
        let about = step["description"].as_str().unwrap_or_default().trim_end_matches('.');
        told.push(match needs.as_slice() {
            [] => format!("{name}: {about}"),
            needs => format!("{name} (needs {}): {about}", needs.join(", ")),
        });
        names.push(name.to_owned());
        for (key, value) in
            step["properties"].as_object().into_iter().flatten().filter(|(key, _)| *key != "do")
        {
            match properties.get_mut(key) {
                None => drop(properties.insert(key.clone(), value.clone())),
                Some(known) if known == value => {}
                // Of one name in two steps each says what it is there.
                Some(known) => join(known, value),
            }
        }
    }
    properties.insert(
        "do".to_owned(),
        json!({ "type": "string", "enum": names, "description": format!("The step. {}", told.join("; ")) }),
    );
    properties.insert(
        TASK.to_owned(),
        json!({ "type": "string", "description": "The task [default: that of this workspace]" }),
    );
    whole(properties, &["do".to_owned()])
}

fn join(known: &mut Value, other: &Value) {
    let texts = [&*known, other].map(|value| value["description"].as_str().unwrap_or_default().to_owned());
    if !texts[0].contains(&texts[1]) {
        known["description"] = json!(texts.join(" Or: "));
    }
    let may_lack = other["type"].as_array().is_some();
    if may_lack {
        known["type"] = other["type"].clone();
    }
}

fn whole(mut properties: Object, required: &[String]) -> Object {
    let folder = "The checkout to ask from, an absolute path [default: where the server was started]";
    properties.insert(FOLDER.to_owned(), json!({ "type": "string", "description": folder }));
    let mut schema = Object::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), properties.into());
    schema.insert("required".to_owned(), json!(required));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_has_one_flat_schema_with_every_step() {
        let schema = Value::from(of_review());
        let steps: Vec<&str> =
            schema["properties"]["do"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(
            steps,
            ["open", "draft", "take", "note", "confirm", "undo", "redo", "preview", "test", "finish", "drop"]
        );
        assert_eq!(schema["required"], json!(["do"]));
        assert!(schema["oneOf"].is_null() && schema["properties"]["conflict"].is_object());
    }
}
