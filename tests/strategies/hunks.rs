//! Hunks that strategies decide, compared with what git itself makes of made-up files.

use std::collections::BTreeMap;

use git_odyssey::base::clock::Timestamp;
use git_odyssey::base::failure::Failure;
use git_odyssey::domain::policy::merging::MergeStrategy;
use git_odyssey::domain::policy::merging::TIMEOUT;
use git_odyssey::domain::region::Case;
use git_odyssey::domain::region::Region;
use git_odyssey::domain::region::RegionSet;
use git_odyssey::domain::review::Resolutions;
use git_odyssey::git::BStr;
use git_odyssey::git::BString;
use git_odyssey::git::Oid;
use git_odyssey::git::marked::Entry as Placed;
use git_odyssey::git::merge::Conflict;
use git_odyssey::git::objects::Entry;
use git_odyssey::git::objects::EntryKind;
use git_odyssey::git::repo::Repo;
use git_odyssey::merge::sides::Side;
use git_odyssey::merge::sides::Sides;
use git_odyssey::merge::strategy::Facts;
use git_odyssey::merge::strategy::Rule;
use git_odyssey::merge::strategy::Rules;
use git_odyssey::merge::strategy::Told;
use git_odyssey::merge::strategy::settle::Settled;
use git_odyssey::merge::strategy::settle::Settling;

use super::support;
use super::support::Lab;
use super::support::dice::Dice;

/// Facts by the names of files: `task…` is the task's, `target…` the target's, and all else is nobody's.
struct ByName;

impl ByName {
    fn told(path: &BStr) -> Told {
        if path.starts_with(b"task") {
            Told::Side(Side::Task, "by its name".to_owned())
        } else if path.starts_with(b"target") {
            Told::Side(Side::Target, "by its name".to_owned())
        } else {
            Told::Neither("it has another name".to_owned())
        }
    }
}

impl Facts for ByName {
    fn owner(&self, conflict: &Conflict) -> Result<Told, Failure> {
        Ok(ByName::told(conflict.path.as_ref()))
    }

    fn human(&self, path: &BStr) -> Result<Told, Failure> {
        Ok(ByName::told(path))
    }

    fn regenerate(&self, _: Oid, paths: &[BString], _: &Rule) -> Result<Vec<Placed>, Failure> {
        panic!("nothing here is made anew: {paths:?}");
    }
}

/// One made-up merge: of each file base, ours and theirs.
struct World {
    repo: Repo,
    files: BTreeMap<String, [Vec<u8>; 3]>,
    ours: Oid,
    theirs: Oid,
}

impl World {
    fn new(lab: &Lab, dice: &mut Dice, names: &[&str]) -> World {
        let repo = Repo::open(&lab.main()).unwrap();
        let files: BTreeMap<String, [Vec<u8>; 3]> =
            names.iter().map(|name| ((*name).to_owned(), versions(dice))).collect();
        let commit = |version: usize, parents: &[Oid]| {
            let entries: Vec<Entry> = files
                .iter()
                .map(|(name, versions)| Entry {
                    name: name.as_str().into(),
                    kind: EntryKind::Blob,
                    oid: repo.write_blob(&versions[version]).unwrap(),
                })
                .collect();
            let tree = repo.write_tree(&entries).unwrap();
            repo.write_commit(tree, parents, "made up\n".into(), Timestamp::UNIX_EPOCH).unwrap()
        };
        let base = commit(0, &[]);
        let (ours, theirs) = (commit(1, &[base]), commit(2, &[base]));
        World { repo, files, ours, theirs }
    }

    fn settle(&self, sides: Sides, rules: &[(&str, MergeStrategy)]) -> Settled {
        let rule = |(glob, strategy): &(&str, MergeStrategy)| {
            let region = Region::parse(glob, &BTreeMap::new(), Case::Sensitive).unwrap();
            Rule { paths: RegionSet::new(vec![region]), strategy: *strategy, run: None, timeout: TIMEOUT }
        };
        let rules = Rules(rules.iter().map(rule).collect());
        let World { repo, ours, theirs, .. } = self;
        let resolutions = &Resolutions::new();
        let (ours, theirs, rules, facts) = (*ours, *theirs, &rules, &ByName);
        let settling = Settling { repo, sides, base: None, ours, theirs, rules, facts, resolutions };
        settling.settle(self.repo.confirm(None, ours, theirs).unwrap()).unwrap()
    }

    fn text(&self, tree: Oid, name: &str) -> Vec<u8> {
        let (_, blob) = self.repo.entry(tree, name.into()).unwrap().unwrap();
        self.repo.blob(blob).unwrap()
    }
}

/// A text and two edits of it that often meet.
fn versions(dice: &mut Dice) -> [Vec<u8>; 3] {
    let count = 6 + dice.below(20);
    let base: Vec<String> = (0..count).map(|number| format!("line {}\n", number % 11)).collect();
    let mut edit = |lines: &[String]| {
        let mut lines = lines.to_vec();
        for _ in 0..1 + dice.below(4) {
            let at = usize::try_from(dice.below(lines.len() as u64 + 1)).unwrap();
            let line = format!("{}\n", dice.one_of(&["a", "b", "}", "", "same"]));
            match dice.below(3) {
                0 if at < lines.len() => lines[at] = line,
                1 if at < lines.len() => drop(lines.remove(at)),
                _ => lines.insert(at, line),
            }
        }
        lines
    };
    let (ours, theirs) = (edit(&base), edit(&base));
    [base, ours, theirs].map(|lines| {
        let mut text = lines.concat().into_bytes();
        if dice.below(6) == 0 {
            text.pop();
        }
        text
    })
}

/// What `git merge-file` makes of it with an option.
fn merge_file(lab: &Lab, versions: &[Vec<u8>; 3], option: &str) -> Vec<u8> {
    let folder = lab.root().join("to-be-merged");
    for (name, version) in ["base", "ours", "theirs"].iter().zip(versions) {
        support::write(&folder.join(name), version);
    }
    let words = ["merge-file", "-p", "--diff-algorithm=histogram", option, "ours", "base", "theirs"];
    lab.command("git", &folder, &words).output().unwrap().stdout
}

/// What `git merge-tree` makes of all files when an attribute has it merge them by union.
fn by_union(lab: &Lab, world: &World) -> Oid {
    let attributes = lab.root().join("attributes");
    support::write(&attributes, "* merge=union\n");
    let setting = format!("core.attributesFile={}", attributes.display());
    let (ours, theirs) = (world.ours.to_string(), world.theirs.to_string());
    lab.git(&["-c", &setting, "merge-tree", "--write-tree", &ours, &theirs]).parse().unwrap()
}

const NAMES: [&str; 6] = ["none", "ours", "target", "task", "theirs", "union"];

#[test]
fn each_strategy_makes_of_every_hunk_what_git_makes_of_it() {
    let lab = Lab::unprepared();
    let mut dice = Dice::new(Dice::seed());
    let mut decided = 0;
    for round in 0..support::number("GIT_ODYSSEY_HUNKS", 25) {
        let world = World::new(&lab, &mut dice, &NAMES);
        let sides = if round % 2 == 0 { Sides::TargetFirst } else { Sides::TaskFirst };
        let rules = [
            ("ours", MergeStrategy::Ours),
            ("theirs", MergeStrategy::Theirs),
            ("union", MergeStrategy::Union),
            ("ta*", MergeStrategy::LeaseOwner),
        ];
        let settled = world.settle(sides, &rules);
        let git = world.repo.confirm(None, world.ours, world.theirs).unwrap();
        let union = by_union(&lab, &world);
        for (name, versions) in &world.files {
            let in_conflict = git.conflicts.iter().any(|conflict| conflict.path == *name.as_str());
            let is_left = settled.left.iter().any(|left| left.conflict.path == *name.as_str());
            let is_told = settled.decisions.iter().any(|decision| decision.path == *name);
            let is_ruled = name != "none";
            assert_eq!((is_left, is_told), (in_conflict && !is_ruled, in_conflict && is_ruled), "{name}");
            let (target, task) = match sides {
                Sides::TargetFirst => ("--ours", "--theirs"),
                Sides::TaskFirst => ("--theirs", "--ours"),
            };
            let expected = match name.as_str() {
                _ if !in_conflict || !is_ruled => world.text(git.tree, name),
                "ours" | "target" => merge_file(&lab, versions, target),
                "theirs" | "task" => merge_file(&lab, versions, task),
                _ => world.text(union, name),
            };
            let found = world.text(settled.tree, name);
            assert_eq!(BStr::new(&found), BStr::new(&expected), "round {round}, {name}: {versions:?}");
            decided += usize::from(in_conflict && is_ruled);
        }
    }
    assert!(decided > 20, "most files conflict: {decided}");
}

#[test]
fn a_union_of_hunks_apart_is_that_of_merge_file() {
    let lab = Lab::unprepared();
    let mut dice = Dice::new(7);
    let mut world = World::new(&lab, &mut dice, &["f"]);
    let text = |ours: &str| {
        let line = |number: usize| match number {
            5 | 15 if !ours.is_empty() => format!("{ours} {number}\n"),
            number => format!("line {number}\n"),
        };
        (1..20).map(line).collect::<String>().into_bytes()
    };
    let versions = [text(""), text("ours"), text("theirs")];
    let commit = |version: &[u8], parents: &[Oid]| {
        let entry =
            Entry { name: "f".into(), kind: EntryKind::Blob, oid: world.repo.write_blob(version).unwrap() };
        let tree = world.repo.write_tree(&[entry]).unwrap();
        world.repo.write_commit(tree, parents, "made up\n".into(), Timestamp::UNIX_EPOCH).unwrap()
    };
    let base = commit(&versions[0], &[]);
    (world.ours, world.theirs) = (commit(&versions[1], &[base]), commit(&versions[2], &[base]));
    let settled = world.settle(Sides::TargetFirst, &[("f", MergeStrategy::Union)]);
    assert_eq!(world.text(settled.tree, "f"), merge_file(&lab, &versions, "--union"));
    let lines: Vec<usize> = settled.decisions[0].hunks.iter().map(|hunk| hunk.line).collect();
    assert_eq!(lines, [5, 16], "where they are in the merged file");
}

#[test]
fn whoever_holds_nothing_and_whatever_has_no_rule_decides_nothing() {
    let lab = Lab::unprepared();
    let mut dice = Dice::new(21);
    let mut left = 0;
    for _ in 0..10 {
        let world = World::new(&lab, &mut dice, &["neither", "none"]);
        let git = world.repo.confirm(None, world.ours, world.theirs).unwrap();
        for rules in [
            &[][..],
            &[("**", MergeStrategy::LeaseOwner)],
            &[("**", MergeStrategy::Human)],
            &[("**", MergeStrategy::ThreeWay)],
        ] {
            let settled = world.settle(Sides::TargetFirst, rules);
            assert_eq!((settled.tree, settled.decisions.len()), (git.tree, 0));
            assert_eq!(settled.left.len(), git.conflicts.len());
            left += settled.left.len();
        }
    }
    assert!(left > 10, "most files conflict: {left}");
}
