//! What a workflow's files come to, and what is said of everything that can be wrong in them.

use super::*;
use crate::base::failure::Explain;
use crate::domain::automaton::Case;
use crate::domain::budget::Limit;
use crate::domain::lease;
use crate::domain::policy::Strategy;
use proptest::prelude::*;
use std::time::Duration;

/// A target of four files, and one prompt.
struct Fixed;

impl Sources for Fixed {
    fn prompt(&self, sheet: &str, path: &str) -> Result<String, String> {
        match path {
            "write.md" => Ok(format!("{{task}} in {{lang}}, from {sheet}: fn main() {{ }}")),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn files(&self, pattern: &str) -> Result<Vec<String>, String> {
        let files = ["docs/a b.md", "docs/[c].md", "src/a.rs", "src/b.rs"];
        let region = crate::domain::region::Region::parse(pattern, &BTreeMap::new(), Case::Sensitive);
        let region = region.map_err(|error| error.to_string())?;
        Ok(files
            .iter()
            .filter(|file| region.covers(file.as_bytes()))
            .map(|file| (*file).to_owned())
            .collect())
    }

    fn regions(&self, texts: &[String]) -> Result<RegionSet, RegionError> {
        lease::regions_from(texts.iter().map(String::as_str), &BTreeMap::new(), Case::Sensitive)
    }
}

const FULL: &str = r#"
odyssey = 1
name = "spring"
parallel = 2
tier = "small"

[vars]
lang = "de"

[budget]
tokens = 1_000_000
money = 12.5
minutes = 90

[tiers.small]
agent = "claude"
model = "little"
next = "large"

[tiers.large]
command = ["agent", "--model={model}", "{prompt_file}"]
holder = "big-one"

[task.write]
regions = ["docs/{lang}/**"]
prompt_file = "write.md"
class = "docs"
budget = { tokens = 50_000, minutes = 20 }
check = "make {lang}"
retry = 2
land = "squash"
on = { failed = ["sh", "-c", "echo {task} >> log"], budget-low = "notify low" }

[task.each]
regions = ["{file}"]
prompt = "tidy {file} ({how})"
needs = ["write"]
tier = "large"
land = false
matrix = { file = "docs/*.md", how = ["well", "fast"] }

[task.last]
regions = ["**"]
prompt = "the rest"
needs = ["each"]
"#;

fn read(text: &str) -> Result<Workflow, WorkflowError> {
    assemble(Vec::new(), Sheet::parse("plan.toml", text)?, "plan", &BTreeMap::new(), &Fixed)
}

#[test]
fn a_full_file_is_read_as_it_is_written() -> Result<(), WorkflowError> {
    // Two ways to tidy one file meet, which `order` lets pass.
    let workflow = read(&FULL.replace("parallel", "overlap = \"order\"\nparallel"))?;
    assert_eq!((workflow.name.as_str(), workflow.parallel), ("spring", 2));
    let limit =
        Limit { tokens: Some(1_000_000), micros: Some(12_500_000), time: Some(Duration::from_secs(5_400)) };
    assert_eq!(workflow.budget, limit);
    let small = &workflow.tiers["small"];
    assert_eq!(small.command.join(" "), "claude --print --permission-mode acceptEdits --model {model}");
    assert_eq!((small.next.as_deref(), small.holder.as_str()), (Some("large"), "claude"));
    assert_eq!(workflow.tiers["large"].holder, "big-one");
    let names: Vec<&str> = workflow.tasks.iter().map(|task| task.name.as_str()).collect();
    let each =
        ["each-docs-a-b-md-well", "each-docs-a-b-md-fast", "each-docs--c--md-well", "each-docs--c--md-fast"];
    assert_eq!(names, [&["write"], &each[..], &["last"]].concat());
    let write = &workflow.tasks[0];
    assert_eq!(write.regions, ["docs/de/**"]);
    assert_eq!(write.prompt, "write in de, from plan.toml: fn main() { }");
    assert_eq!(write.tier, "small");
    assert_eq!(write.check.as_deref(), Some(&["make".to_owned(), "de".to_owned()][..]));
    assert_eq!((write.retry, write.land), (2, Landing::By(Strategy::Squash)));
    assert_eq!(write.on[&Moment::Failed], ["sh", "-c", "echo write >> log"]);
    let tidy = &workflow.tasks[3];
    assert_eq!(tidy.regions, ["docs/\\[c\\].md"], "a path is no pattern");
    assert_eq!(tidy.prompt, "tidy docs/[c].md (well)");
    assert_eq!((tidy.tier.as_str(), tidy.land), ("large", Landing::Never));
    assert_eq!(workflow.tasks[4].needs[1].as_str(), "each-docs--c--md-well", "both want one file");
    assert_eq!(workflow.tasks[5].needs.len(), 4);
    Ok(())
}

#[test]
fn what_is_included_comes_first_and_gives_way() -> Result<(), WorkflowError> {
    let common = "odyssey = 1\n[vars]\nlang = \"fr\"\nwho = \"anna\"\n[tiers.t]\ncommand = \"old\"\n[task.first]\nregions = [\"a\"]\nprompt = \"{lang} {who}\"\ntier = \"t\"\n";
    let own =
        "odyssey = 1\ninclude = [\"common.toml\"]\n[vars]\nlang = \"de\"\n[tiers.t]\ncommand = \"new\"\n";
    let given = BTreeMap::from([("who".to_owned(), "ben".to_owned())]);
    let sheets = (Sheet::parse("common.toml", common)?, Sheet::parse("own.toml", own)?);
    let workflow = assemble(vec![sheets.0], sheets.1, "own", &given, &Fixed)?;
    assert_eq!(workflow.name, "own");
    assert_eq!(workflow.tasks[0].prompt, "de ben");
    assert_eq!(workflow.tiers["t"].command, ["new"]);
    Ok(())
}

const HEAD: &str = "odyssey = 1\ntier = \"t\"\n[tiers.t]\ncommand = \"run\"\n";

#[test]
fn what_is_wrong_is_said_with_its_place_and_what_to_do() {
    let task = "[task.a]\nregions = [\"a\"]\nprompt = \"x\"\n";
    let cases: [(&str, &str, &str); 30] = [
        ("odysey = 1", "1:1: unknown key `odysey`", "did you mean `odyssey`?"),
        ("", "1:1: the file does not say `odyssey = 1`", "write it at the top: odyssey = 1"),
        (
            "odyssey = 2",
            "1:11: version 2 of the language is not known here",
            "a newer git odyssey may know it; this one reads odyssey = 1",
        ),
        (
            "odyssey = 1",
            "1:1: there is no task",
            "write for example: [task.docs] with regions = [\"docs/**\"] and a prompt",
        ),
        (
            "odyssey = 1\n[task.a]\nprompt = \"x\"\ntier = \"t\"",
            "2:7: the task `a` has no regions",
            "say what it may change, for example: regions = [\"docs/**\"]",
        ),
        (
            "odyssey = 1\n[task.a]\nregions = [\"a\"]\nprompt = \"x\"",
            "2:7: the task `a` has no tier",
            "name one in the task, or a `tier` at the top for all tasks",
        ),
        (
            "H[task.a]\nregions = [\"a\"]",
            "5:7: the task `a` has no prompt",
            "write prompt = \"…\" or prompt_file = \"…\"",
        ),
        ("HTpromt = \"y\"", "8:1: unknown key `promt`", "did you mean `prompt`?"),
        ("HTprompt_file = \"write.md\"", "8:15: `prompt` and `prompt_file` say the same thing twice", ""),
        (
            "H[task.a]\nregions = [\"a\"]\nprompt_file = \"x.md\"",
            "7:15: cannot read x.md: there is no such file",
            "",
        ),
        ("HTneeds = [\"b\"]", "8:10: there is no task `b`", "did you mean `a`?"),
        ("HTneeds = [\"a\"]", "6:12: these wait for each other: a → a", ""),
        ("HTtier = \"u\"", "8:8: there is no tier `u`", "did you mean `t`?"),
        (
            "HTclass = \"{lnag}\"\n[vars]\nlang = \"x\"",
            "8:9: `{lnag}` stands for nothing",
            "did you mean `{lang}`?",
        ),
        ("HTretry = 21", "8:9: retry is from 0 to 20, not 21", ""),
        ("HTretry = -1", "8:9: retry is from 0 to 20, not -1", ""),
        (
            "HTcheck = \"a && b\"",
            "8:9: '&&' is shell syntax, and no shell runs this",
            "write [\"sh\", \"-c\", \"a && b\"]",
        ),
        ("HTcheck = [1]", "8:9: a command is a string or an array of its words", ""),
        ("HTland = \"marge\"", "8:8: land is \"merge\", \"squash\", \"rebase\", \"ff-only\" or false", ""),
        ("HTon = { land = \"x\" }", "8:8: there is no event `land`", "did you mean `landed`?"),
        ("HTbudget = { token = 1 }", "8:12: unknown key `token`", "did you mean `tokens`?"),
        ("HTbudget = { money = \"1\" }", "8:20: money is a number of US dollars from 0 to 1000000", ""),
        ("HTmatrix = { x = \"*.py\" }", "8:16: no file of the target is covered by *.py", ""),
        ("HTmatrix = { x = [] }", "8:16: `x` has no value", ""),
        (
            "HTmatrix = { task = [\"1\"] }",
            "8:12: `task` is given its value by git odyssey",
            "give it another name",
        ),
        (
            "HT[task.b]\nregions = [\"a\"]\nprompt = \"y\"",
            "9:12: `b` and `a` may run at the same time, and a meets a",
            "let one wait for the other: needs = [\"a\"] in `b`",
        ),
        (
            "HT[task.\"b c\"]\nregions = [\"b\"]\nprompt = \"y\"",
            "8:7: 'b c' cannot be a task's name: only letters, digits, '-', '_' and '.' are allowed",
            "use letters, digits, '-', '_' and '.', for example: auth-refactor",
        ),
        (
            "odyssey = 1\n[tiers.t]\nagent = \"clod\"",
            "3:9: there is no agent `clod`",
            "the agents are `claude`, `codex`, `gemini`, `opencode`",
        ),
        (
            "odyssey = 1\n[tiers.t]\ncommand = \"a {promt}\"",
            "3:11: `{promt}` stands for nothing",
            "did you mean `{prompt}`?",
        ),
        (
            "odyssey = 1\noverlap = \"both\"\n[tiers.t]\ncommand = \"a\"",
            "2:11: overlap is \"error\" or \"order\"",
            "",
        ),
    ];
    for (text, message, hint) in cases {
        let whole = text.replacen('H', HEAD, usize::from(text.starts_with('H')));
        let whole = if text.starts_with("HT") { whole.replacen('T', task, 1) } else { whole };
        let error = read(&whole)
            .map(|_| "no error")
            .map_err(|error| (error.to_string(), error.hints().first().cloned()));
        let hint = if hint.is_empty() { None } else { Some(hint.to_owned()) };
        assert_eq!(error, Err((format!("plan.toml:{message}"), hint)), "{whole}");
    }
}

#[test]
fn a_workflow_of_too_many_tasks_is_refused_before_they_are_made() {
    let values: Vec<String> = (0..400).map(|number| format!("\"{number}\"")).collect();
    let list = values.join(",");
    let text = format!(
        "{HEAD}[task.a]\nregions = [\"a\"]\nprompt = \"x\"\nmatrix = {{ x = [{list}], y = [{list}] }}"
    );
    let error = read(&text).map(|_| ()).map_err(|error| error.problem.to_string());
    assert_eq!(error, Err("these are 160000 tasks, and a workflow has at most 1000".to_owned()));
}

proptest! {
    #[test]
    fn a_damaged_file_is_read_or_refused_with_a_place_in_it(at in 0usize..900, with in "[\\PC\n]{0,3}", gone in 0usize..4) {
        let mut letters: Vec<char> = FULL.chars().collect();
        let at = at.min(letters.len());
        let end = (at + gone).min(letters.len());
        letters.splice(at..end, with.chars());
        let text: String = letters.into_iter().collect();
        if let Err(error) = read(&text) {
            let line = text.split('\n').nth(error.at.line - 1).unwrap_or_default();
            prop_assert!(error.at.column >= 1 && error.at.column <= line.chars().count() + 1, "{error} in {text}");
        }
    }
}
