//! The order of a workflow's tasks: who waits for whom, and whose regions meet.

use std::collections::BTreeSet;
use std::collections::HashMap;

use super::Task;
use super::error::Problem;
use crate::domain::region::RegionSet;
use crate::domain::region_index::RegionIndex;
use crate::domain::task::TaskName;

/// What to do about tasks that may run at the same time and whose regions meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// Refuse the workflow.
    #[default]
    Refuse,
    /// Let the later one in the file wait for the earlier one.
    Order,
}

/// Something that is wrong with one of the tasks, by its number from 0.
pub type Wrong = (usize, Problem);

/// Finds tasks that wait for each other, and tasks that meet; the latter are refused or put in order.
///
/// `regions` are those of the tasks, in the same order.
///
/// # Errors
/// When tasks wait for each other, or meet where that is not to be.
pub fn arrange(tasks: &mut [Task], regions: &[RegionSet], overlap: Overlap) -> Result<(), Wrong> {
    acyclic(tasks)?;
    let mut graph = Graph::of(tasks);
    let mut index: RegionIndex<usize> = RegionIndex::default();
    for (later, set) in regions.iter().enumerate() {
        // By the earlier one's number: of several that it meets the first is told.
        let mut met: Vec<(usize, String, String)> = Vec::new();
        for region in set {
            let others = index.overlapping(region);
            met.extend(
                others.map(|(earlier, theirs)| (earlier, region.text().to_owned(), theirs.text().to_owned())),
            );
        }
        met.sort_by_key(|(earlier, ..)| *earlier);
        met.dedup_by_key(|(earlier, ..)| *earlier);
        for (earlier, region, theirs) in met {
            if graph.waits(later, earlier) || graph.waits(earlier, later) {
                continue;
            }
            match overlap {
                Overlap::Refuse => {
                    let (task, other) = (tasks[later].name.to_string(), tasks[earlier].name.to_string());
                    return Err((later, Problem::Meet { task, other, region, theirs }));
                }
                Overlap::Order => {
                    let other = tasks[earlier].name.clone();
                    tasks[later].needs.push(other);
                    graph.before[later].insert(earlier);
                }
            }
        }
        index.insert_set(set, later);
    }
    Ok(())
}

/// Who waits for whom, by numbers.
struct Graph {
    before: Vec<BTreeSet<usize>>,
}

impl Graph {
    fn of(tasks: &[Task]) -> Graph {
        let numbers: HashMap<&TaskName, usize> =
            tasks.iter().enumerate().map(|(number, task)| (&task.name, number)).collect();
        let before = |task: &Task| task.needs.iter().filter_map(|need| numbers.get(need).copied()).collect();
        Graph { before: tasks.iter().map(before).collect() }
    }

    /// Whether one waits for the other, by way of others too.
    fn waits(&self, one: usize, other: usize) -> bool {
        let mut seen = vec![false; self.before.len()];
        let mut next = vec![one];
        while let Some(task) = next.pop() {
            if task == other {
                return true;
            }
            for before in &self.before[task] {
                if !std::mem::replace(&mut seen[*before], true) {
                    next.push(*before);
                }
            }
        }
        false
    }
}

/// Refuses tasks that wait for each other, and names them in their order.
fn acyclic(tasks: &[Task]) -> Result<(), Wrong> {
    let graph = Graph::of(tasks);
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; tasks.len()];
    for first in 0..tasks.len() {
        // The way down to where we are: each with those before it that are still to be looked at.
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        if states[first] == State::New {
            states[first] = State::Open;
            way.push((first, graph.before[first].iter().copied().collect()));
        }
        while let Some((task, left)) = way.last_mut() {
            let Some(before) = left.pop() else {
                states[*task] = State::Done;
                way.pop();
                continue;
            };
            match states[before] {
                State::Done => {}
                State::New => {
                    states[before] = State::Open;
                    way.push((before, graph.before[before].iter().copied().collect()));
                }
                State::Open => {
                    let from = way.iter().position(|(task, _)| *task == before).unwrap_or(0);
                    let round = way[from..].iter().map(|(task, _)| *task).chain([before]);
                    let names = round.map(|task| tasks[task].name.to_string()).collect();
                    return Err((before, Problem::Cycle(names)));
                }
            }
        }
    }
    Ok(())
}

/// The tasks by the earliest moment at which they can begin: each wave waits only for those before it.
pub fn waves(tasks: &[Task]) -> Vec<Vec<&Task>> {
    let graph = Graph::of(tasks);
    let mut wave = vec![None::<usize>; tasks.len()];
    let mut left: Vec<usize> = (0..tasks.len()).collect();
    let mut waves: Vec<Vec<&Task>> = Vec::new();
    while !left.is_empty() {
        let ready = |task: &usize| graph.before[*task].iter().all(|before| wave[*before].is_some());
        let (now, later): (Vec<usize>, Vec<usize>) = left.iter().partition(|task| ready(task));
        if now.is_empty() {
            break;
        }
        for task in &now {
            wave[*task] = Some(waves.len());
        }
        waves.push(now.iter().map(|task| &tasks[*task]).collect());
        left = later;
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::super::Landing;
    use super::*;
    use crate::domain::automaton::Case;
    use crate::domain::budget::Limit;
    use crate::domain::region::Region;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn task(name: &str, needs: &[&str]) -> Task {
        Task {
            name: name.parse().unwrap(),
            regions: Vec::new(),
            prompt: String::new(),
            needs: needs.iter().map(|need| need.parse().unwrap()).collect(),
            tier: String::new(),
            class: None,
            budget: Limit::default(),
            check: None,
            retry: 0,
            land: Landing::ByPolicy,
            on: BTreeMap::new(),
        }
    }

    fn set(texts: &[&str]) -> RegionSet {
        let region = |text: &&str| Region::parse(text, &BTreeMap::new(), Case::Sensitive).unwrap();
        RegionSet::new(texts.iter().map(region).collect())
    }

    #[test]
    fn tasks_that_wait_for_each_other_are_named_in_their_round() {
        let mut tasks = [task("a", &[]), task("b", &["d"]), task("c", &["b", "a"]), task("d", &["c"])];
        let regions = [set(&["a"]), set(&["b"]), set(&["c"]), set(&["d"])];
        let (at, problem) = arrange(&mut tasks, &regions, Overlap::Refuse).unwrap_err();
        assert_eq!((at, problem.to_string()), (1, "these wait for each other: b → d → c → b".to_owned()));
        let mut own = [task("a", &["a"])];
        let (_, problem) = arrange(&mut own, &[set(&["a"])], Overlap::Refuse).unwrap_err();
        assert_eq!(problem.to_string(), "these wait for each other: a → a");
    }

    #[test]
    fn tasks_that_meet_are_refused_unless_one_waits_for_the_other() {
        let regions = [set(&["src/**"]), set(&["docs/**"]), set(&["src/a.rs"])];
        let mut apart = [task("a", &[]), task("b", &["a"]), task("c", &["b"])];
        assert_eq!(arrange(&mut apart, &regions, Overlap::Refuse), Ok(()));
        let mut beside = [task("a", &[]), task("b", &[]), task("c", &["b"])];
        let (at, problem) = arrange(&mut beside.clone(), &regions, Overlap::Refuse).unwrap_err();
        let said = "`c` and `a` may run at the same time, and src/a.rs meets src/**";
        assert_eq!((at, problem.to_string().as_str()), (2, said));
        assert_eq!(arrange(&mut beside, &regions, Overlap::Order), Ok(()));
        let names: Vec<&str> = beside[2].needs.iter().map(TaskName::as_str).collect();
        assert_eq!(names, ["b", "a"]);
    }

    #[test]
    fn waves_begin_as_early_as_they_can() {
        let tasks = [task("d", &["b", "c"]), task("a", &[]), task("b", &["a"]), task("c", &[])];
        let names: Vec<Vec<&str>> =
            waves(&tasks).iter().map(|wave| wave.iter().map(|task| task.name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["a", "c"], vec!["b"], vec!["d"]]);
    }

    proptest! {
        #[test]
        fn what_is_arranged_runs_and_no_two_beside_each_other_meet(
            wants in prop::collection::vec(0u8..16, 1..9),
            needs in prop::collection::vec(any::<u16>(), 9),
        ) {
            // Every task may wait for those before it in the file, by the bits of a number.
            let names: Vec<String> = (0..wants.len()).map(|number| format!("t{number}")).collect();
            let mut tasks: Vec<Task> = (0..wants.len())
                .map(|number| {
                    let before = (0..number).filter(|before| needs[number] >> before & 1 == 1);
                    task(&names[number], &before.map(|before| names[before].as_str()).collect::<Vec<_>>())
                })
                .collect();
            // Each wants up to two of four files, by the bits of another.
            let files = ["a", "b", "c", "d"];
            let regions: Vec<RegionSet> = wants
                .iter()
                .map(|bits| set(&files.iter().enumerate().filter(|(file, _)| bits >> file & 1 == 1).map(|(_, file)| *file).collect::<Vec<_>>()))
                .collect();
            prop_assert_eq!(arrange(&mut tasks, &regions, Overlap::Order), Ok(()));
            prop_assert_eq!(waves(&tasks).iter().map(Vec::len).sum::<usize>(), tasks.len());
            let graph = Graph::of(&tasks);
            for one in 0..tasks.len() {
                for other in 0..one {
                    let apart = graph.waits(one, other) || graph.waits(other, one);
                    prop_assert!(apart || wants[one] & wants[other] == 0);
                }
            }
        }
    }
}
