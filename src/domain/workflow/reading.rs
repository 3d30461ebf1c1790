//! From the files of a workflow to its tasks: values put in, matrices unfolded, names looked up.

mod values;

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::ops::Range;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::Value;

use super::Landing;
use super::MOST_TASKS;
use super::Moment;
use super::Task;
use super::Tier;
use super::Workflow;
use super::agents::AGENTS;
use super::agents::Agent;
use super::error::Problem;
use super::error::WorkflowError;
use super::file::Sheet;
use super::file::TaskFile;
use super::file::TierFile;
use super::matrix;
use super::matrix::Axis;
use super::matrix::Cell;
use super::order;
use super::order::Overlap;
use super::template;
use crate::domain::policy::Strategy;
use crate::domain::region::RegionError;
use crate::domain::region::RegionSet;
use crate::domain::task::TaskName;
use values::budget;
use values::within;
use values::words;

/// What a workflow is made of besides its files' texts.
pub trait Sources {
    /// The text of a prompt's file, named relative to the file that names it.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn prompt(&self, sheet: &str, path: &str) -> Result<String, String>;

    /// The files of the target that a pattern covers, in git's order.
    ///
    /// # Errors
    /// Why they cannot be listed.
    fn files(&self, pattern: &str) -> Result<Vec<String>, String>;

    /// Regions as people write them.
    ///
    /// # Errors
    /// When one is none.
    fn regions(&self, texts: &[String]) -> Result<RegionSet, RegionError>;
}

/// The most agents at once, unless the file says otherwise.
const PARALLEL: usize = 4;

/// Values that a tier's command gets when it is started.
const AT_START: [&str; 5] = ["prompt", "prompt_file", "model", "task", "workspace"];

/// Puts a workflow together: its own file, and before that what it includes; values and tiers of later ones replace those
/// of the same name, and `given` replaces values too. Without a name in the file it has that of `stem`.
///
/// # Errors
/// The first thing that is wrong, with its file and place.
pub fn assemble(
    included: Vec<Sheet>,
    own: Sheet,
    stem: &str,
    given: &BTreeMap<String, String>,
    sources: &dyn Sources,
) -> Result<Workflow, WorkflowError> {
    let last = included.len();
    let sheets: Vec<Sheet> = included.into_iter().chain([own]).collect();
    let (sheets, own) = (&sheets, &sheets[last]);
    let mut assembly = Assembly { sources, values: BTreeMap::new(), tiers: BTreeMap::new() };
    for sheet in sheets {
        assembly.values(sheet)?;
    }
    assembly.values.extend(given.clone());
    for sheet in sheets {
        assembly.tiers(sheet)?;
    }
    for sheet in sheets {
        assembly.check_next(sheet)?;
    }

    let written = &own.written;
    let name = written.name.as_ref().map_or(stem, |name| name.get_ref());
    if let Err(bad) = name.parse::<TaskName>() {
        let span = written.name.as_ref().map_or(0..0, Spanned::span);
        return Err(own.wrong(&span, Problem::Name(bad)));
    }
    let parallel = match &written.parallel {
        Some(number) => usize::try_from(within(own, number, "parallel", 1, 256)?).unwrap_or(PARALLEL),
        None => PARALLEL,
    };
    let overlap = match written.overlap.as_ref().map(|word| (word.get_ref().as_str(), word.span())) {
        None | Some(("error", _)) => Overlap::Refuse,
        Some(("order", _)) => Overlap::Order,
        Some((_, span)) => return Err(own.wrong(&span, Problem::Type("overlap is \"error\" or \"order\""))),
    };
    let tier = written.tier.as_ref();
    if let Some(tier) = tier {
        assembly.known_tier(own, tier)?;
    }
    let (mut tasks, places) = assembly.tasks(sheets, tier.map(|tier| tier.get_ref().as_str()))?;
    let place = |number: usize| -> (&Sheet, Range<usize>) {
        let (sheet, span): &(usize, Range<usize>) = &places[number];
        (&sheets[*sheet], span.clone())
    };
    let mut regions = Vec::with_capacity(tasks.len());
    for (number, task) in tasks.iter().enumerate() {
        regions.push(sources.regions(&task.regions).map_err(|error| {
            let (sheet, span) = place(number);
            sheet.wrong(&span, Problem::Region(error))
        })?);
    }
    order::arrange(&mut tasks, &regions, overlap).map_err(|(number, problem)| {
        let (sheet, span) = place(number);
        sheet.wrong(&span, problem)
    })?;
    let budget = budget(own, written.budget.as_ref())?;
    Ok(Workflow { name: name.to_owned(), parallel, budget, tiers: assembly.tiers, tasks })
}

/// The files' texts while they become a workflow.
struct Assembly<'a> {
    sources: &'a dyn Sources,
    values: BTreeMap<String, String>,
    tiers: BTreeMap<String, Tier>,
}

/// The tasks, and where each is written: the number of its sheet, and its place there.
type Placed = (Vec<Task>, Vec<(usize, Range<usize>)>);

impl Assembly<'_> {
    fn values(&mut self, sheet: &Sheet) -> Result<(), WorkflowError> {
        for (name, value) in &sheet.written.vars {
            value_name(sheet, name)?;
            self.values.insert(name.get_ref().clone(), value.get_ref().clone());
        }
        Ok(())
    }

    fn tiers(&mut self, sheet: &Sheet) -> Result<(), WorkflowError> {
        for (name, tier) in &sheet.written.tiers {
            let made = tier_of(sheet, name, tier)?;
            self.tiers.insert(name.get_ref().clone(), made);
        }
        Ok(())
    }

    /// A tier may name one of a later file as its next.
    fn check_next(&self, sheet: &Sheet) -> Result<(), WorkflowError> {
        sheet
            .written
            .tiers
            .values()
            .filter_map(|tier| tier.next.as_ref())
            .try_for_each(|next| self.known_tier(sheet, next))
    }

    fn known_tier(&self, sheet: &Sheet, name: &Spanned<String>) -> Result<(), WorkflowError> {
        if self.tiers.contains_key(name.get_ref()) {
            return Ok(());
        }
        let known = self.tiers.keys().cloned().collect();
        let (name, span) = (name.get_ref().clone(), name.span());
        Err(sheet.wrong(&span, Problem::Unknown { what: "tier", all: "tiers", name, known }))
    }

    fn tasks(&self, sheets: &[Sheet], tier: Option<&str>) -> Result<Placed, WorkflowError> {
        let mut written: Vec<(usize, &Spanned<String>, &TaskFile)> = Vec::new();
        for (number, sheet) in sheets.iter().enumerate() {
            let mut own: Vec<_> =
                sheet.written.task.iter().map(|(name, task)| (number, name, task)).collect();
            // The order of the file, not of the alphabet.
            own.sort_by_key(|(_, name, _)| name.span().start);
            for (_, name, _) in &own {
                if let Some((other, ..)) =
                    written.iter().find(|(_, other, _)| other.get_ref() == name.get_ref())
                {
                    let twice = Problem::Twice(name.get_ref().clone(), sheets[*other].file.clone());
                    return Err(sheet.wrong(&name.span(), twice));
                }
            }
            written.extend(own);
        }
        let mut taken = HashSet::new();
        // What each written task comes to: the combinations and the names of their tasks.
        let mut unfolded: BTreeMap<&str, Vec<TaskName>> = BTreeMap::new();
        let mut all = Vec::new();
        for (number, name, task) in &written {
            let sheet = &sheets[*number];
            if let Err(bad) = name.get_ref().parse::<TaskName>() {
                return Err(sheet.wrong(&name.span(), Problem::Name(bad)));
            }
            let axes = self.axes(sheet, task)?;
            let count: usize = axes.iter().map(|axis| axis.values.len()).product();
            if all.len() + count > MOST_TASKS {
                return Err(sheet.wrong(&name.span(), Problem::TooMany(all.len() + count)));
            }
            for cell in matrix::cells(&axes) {
                let Some(unique) = matrix::name(name.get_ref(), &cell, &mut taken) else { continue };
                unfolded.entry(name.get_ref()).or_default().push(unique.clone());
                all.push((*number, *name, *task, cell, unique, axes.clone()));
            }
        }
        if all.is_empty() {
            let last = sheets.len().saturating_sub(1);
            return Err(sheets[last].wrong(&(0..0), Problem::Nothing));
        }
        let mut placed: Placed = (Vec::new(), Vec::new());
        for (number, name, task, cell, unique, axes) in all {
            let sheet = &sheets[number];
            let one =
                One { assembly: self, sheet, written: task, name, cell: &cell, axes: &axes, unique: &unique };
            placed.0.push(one.task(&unfolded, tier)?);
            placed.1.push((number, task.regions.first().map_or(name.span(), Spanned::span)));
        }
        Ok(placed)
    }

    fn axes(&self, sheet: &Sheet, task: &TaskFile) -> Result<Vec<Axis>, WorkflowError> {
        let mut keys: Vec<_> = task.matrix.iter().collect();
        keys.sort_by_key(|(name, _)| name.span().start);
        let mut axes = Vec::new();
        for (name, value) in keys {
            value_name(sheet, name)?;
            let wrong = |problem| sheet.wrong(&value.span(), problem);
            let (values, are_paths) = match value.get_ref() {
                Value::String(pattern) => {
                    let files = self.sources.files(pattern);
                    let files = files.map_err(|why| wrong(Problem::File { path: pattern.clone(), why }))?;
                    if files.is_empty() {
                        return Err(wrong(Problem::EmptyMatrix(format!(
                            "no file of the target is covered by {pattern}"
                        ))));
                    }
                    (files, true)
                }
                Value::Array(list) if list.iter().all(Value::is_str) => {
                    if list.is_empty() {
                        return Err(wrong(Problem::EmptyMatrix(format!(
                            "`{}` has no value",
                            name.get_ref()
                        ))));
                    }
                    (list.iter().filter_map(Value::as_str).map(str::to_owned).collect(), false)
                }
                _ => return Err(wrong(Problem::Type("a matrix has lists of texts, and patterns of files"))),
            };
            axes.push(Axis { name: name.get_ref().clone(), values, are_paths });
        }
        Ok(axes)
    }
}

/// One task while it is read.
struct One<'a> {
    assembly: &'a Assembly<'a>,
    sheet: &'a Sheet,
    written: &'a TaskFile,
    name: &'a Spanned<String>,
    cell: &'a Cell,
    axes: &'a [Axis],
    unique: &'a TaskName,
}

impl One<'_> {
    fn task(
        &self,
        unfolded: &BTreeMap<&str, Vec<TaskName>>,
        tier: Option<&str>,
    ) -> Result<Task, WorkflowError> {
        let written = self.written;
        if written.regions.is_empty() {
            return Err(self.missing("regions"));
        }
        let regions =
            written.regions.iter().map(|region| self.filled(region, true)).collect::<Result<_, _>>()?;
        let tier = match (&written.tier, tier) {
            (Some(tier), _) => {
                self.assembly.known_tier(self.sheet, tier)?;
                tier.get_ref().clone()
            }
            (None, Some(tier)) => tier.to_owned(),
            (None, None) => return Err(self.missing("tier")),
        };
        let mut needs = Vec::new();
        for need in &written.needs {
            let Some(names) = unfolded.get(need.get_ref().as_str()) else {
                let known = unfolded.keys().map(|name| (*name).to_owned()).collect();
                let name = need.get_ref().clone();
                return Err(self
                    .sheet
                    .wrong(&need.span(), Problem::Unknown { what: "task", all: "tasks", name, known }));
            };
            needs.extend(names.iter().cloned());
        }
        needs.dedup();
        let check = written.check.as_ref().map(|check| self.command(check)).transpose()?;
        let retry = match &written.retry {
            Some(number) => u32::try_from(within(self.sheet, number, "retry", 0, 20)?).unwrap_or(0),
            None => 0,
        };
        Ok(Task {
            name: self.unique.clone(),
            regions,
            prompt: self.prompt()?,
            needs,
            tier,
            class: written.class.as_ref().map(|class| self.filled(class, false)).transpose()?,
            budget: budget(self.sheet, written.budget.as_ref())?,
            check,
            retry,
            land: self.landing()?,
            on: self.moments()?,
        })
    }

    fn missing(&self, key: &'static str) -> WorkflowError {
        self.sheet.wrong(&self.name.span(), Problem::Missing { task: self.name.get_ref().clone(), key })
    }

    fn prompt(&self) -> Result<String, WorkflowError> {
        match (&self.written.prompt, &self.written.prompt_file) {
            (Some(_), Some(file)) => {
                Err(self.sheet.wrong(&file.span(), Problem::Both("prompt", "prompt_file")))
            }
            (Some(prompt), None) => self.filled(prompt, false),
            (None, Some(file)) => {
                let path = self.filled(file, false)?;
                let text = self.assembly.sources.prompt(&self.sheet.file, &path);
                let text = text.map_err(|why| self.sheet.wrong(&file.span(), Problem::File { path, why }))?;
                self.put_in(&text, &file.span(), false)
            }
            (None, None) => Err(self.missing("prompt")),
        }
    }

    fn landing(&self) -> Result<Landing, WorkflowError> {
        let Some(written) = &self.written.land else { return Ok(Landing::ByPolicy) };
        let wrong = || Problem::Type("land is \"merge\", \"squash\", \"rebase\", \"ff-only\" or false");
        match written.get_ref() {
            Value::Boolean(false) => Ok(Landing::Never),
            Value::Boolean(true) => Ok(Landing::ByPolicy),
            Value::String(name) => {
                let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                    name.as_str().into_deserializer();
                Strategy::deserialize(name)
                    .map(Landing::By)
                    .map_err(|_| self.sheet.wrong(&written.span(), wrong()))
            }
            _ => Err(self.sheet.wrong(&written.span(), wrong())),
        }
    }

    fn moments(&self) -> Result<BTreeMap<Moment, Vec<String>>, WorkflowError> {
        let mut on = BTreeMap::new();
        for (name, command) in &self.written.on {
            let moment = Moment::NAMES.iter().find(|(written, _)| written == name.get_ref());
            let Some((_, moment)) = moment else {
                let known = Moment::NAMES.iter().map(|(name, _)| (*name).to_owned()).collect();
                let (name, span) = (name.get_ref().clone(), name.span());
                return Err(self
                    .sheet
                    .wrong(&span, Problem::Unknown { what: "event", all: "events", name, known }));
            };
            on.insert(*moment, self.command(command)?);
        }
        Ok(on)
    }

    /// A command, each of its words filled by itself: a value never becomes several words.
    fn command(&self, written: &Spanned<Value>) -> Result<Vec<String>, WorkflowError> {
        let words = words(self.sheet, written)?;
        words.iter().map(|word| self.put_in(word, &written.span(), false)).collect()
    }

    fn filled(&self, text: &Spanned<String>, as_pattern: bool) -> Result<String, WorkflowError> {
        self.put_in(text.get_ref(), &text.span(), as_pattern)
    }

    fn put_in(&self, text: &str, span: &Range<usize>, as_pattern: bool) -> Result<String, WorkflowError> {
        let is_path = |name: &str| self.axes.iter().any(|axis| axis.name == name && axis.are_paths);
        let value = |name: &str| match self.cell.values.get(name) {
            Some(value) if as_pattern && is_path(name) => Some(escaped(value)),
            Some(value) => Some(value.clone()),
            None if name == "task" => Some(self.unique.to_string()),
            None => self.assembly.values.get(name).cloned(),
        };
        template::fill(text, value).map_err(|template::UnknownName(name)| {
            let names = self.cell.values.keys().chain(self.assembly.values.keys()).cloned();
            let known = names.chain(["task".to_owned()]).collect();
            self.sheet.wrong(span, Problem::Placeholder { name, known })
        })
    }
}

/// A path as a pattern that covers nothing else.
fn escaped(path: &str) -> String {
    path.chars()
        .flat_map(|letter| r"\*?[]#:!@".contains(letter).then_some('\\').into_iter().chain([letter]))
        .collect()
}

fn value_name(sheet: &Sheet, name: &Spanned<String>) -> Result<(), WorkflowError> {
    let wrong = |problem| Err(sheet.wrong(&name.span(), problem));
    match name.get_ref() {
        name if AT_START.contains(&name.as_str()) => wrong(Problem::Reserved(name.clone())),
        name if !template::is_name(name) => wrong(Problem::ValueName(name.clone())),
        _ => Ok(()),
    }
}

fn tier_of(sheet: &Sheet, name: &Spanned<String>, tier: &TierFile) -> Result<Tier, WorkflowError> {
    let model = tier.model.as_ref().map(|model| model.get_ref().clone());
    let command = match (&tier.agent, &tier.command) {
        (Some(_), Some(command)) => {
            return Err(sheet.wrong(&command.span(), Problem::Both("agent", "command")));
        }
        (Some(agent), None) => match Agent::named(agent.get_ref()) {
            Some(shipped) => shipped.words(model.is_some()),
            None => {
                let known = AGENTS.iter().map(|agent| agent.name.to_owned()).collect();
                let (name, span) = (agent.get_ref().clone(), agent.span());
                return Err(
                    sheet.wrong(&span, Problem::Unknown { what: "agent", all: "agents", name, known })
                );
            }
        },
        (None, Some(command)) => {
            let words = words(sheet, command)?;
            let unknown =
                words.iter().flat_map(|word| template::names(word)).find(|name| !AT_START.contains(name));
            if let Some(name) = unknown {
                let known = AT_START.map(str::to_owned).to_vec();
                return Err(
                    sheet.wrong(&command.span(), Problem::Placeholder { name: name.to_owned(), known })
                );
            }
            words
        }
        (None, None) => {
            let problem = Problem::Type("a tier has an agent, or a command of its own");
            return Err(sheet.wrong(&name.span(), problem));
        }
    };
    let holder =
        tier.holder.as_ref().or(tier.agent.as_ref()).map_or(name.get_ref(), Spanned::get_ref).clone();
    Ok(Tier { command, model, next: tier.next.as_ref().map(|next| next.get_ref().clone()), holder })
}

#[cfg(test)]
mod tests;
