//! The review's screen with many conflicts: time to the first picture, and for every key.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use git_odyssey::agents::transcripts::Homes;
use git_odyssey::base::atomic::FileError;
use git_odyssey::base::clock::Clock;
use git_odyssey::base::failure::Failure;
use git_odyssey::commands::Context;
use git_odyssey::commands::Monitor;
use git_odyssey::commands::receive::Received;
use git_odyssey::commands::review::desk::Desk;
use git_odyssey::commands::session::Session;
use git_odyssey::ui::keys::Key;
use git_odyssey::ui::review::draw;
use git_odyssey::ui::review::state::State;
use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;

use super::Failed;
use super::Lab;
use super::median;
use super::say;

/// How large the terminal is.
const SIZE: (u16, u16) = (120, 40);

/// Conflicts, and the files that they are in.
const SIZES: [(usize, usize); 3] = [(10, 4), (100, 40), (500, 200)];

/// Nobody who is told.
struct Silent(RefCell<usize>);

impl Monitor for Silent {
    fn note(&self, _: &str) {
        *self.0.borrow_mut() += 1;
    }

    fn line(&self, _: &str) -> Result<bool, FileError> {
        Ok(true)
    }
}

/// From the open repository to the picture; then keys that look, and keys that decide, each with its picture.
pub fn review(lab: &Lab) -> Result<(), Failed> {
    say("\n## the review's screen: milliseconds to the first picture, and for a key with its picture\n");
    say(
        "| conflicts | files | opened | first picture | and who made the sides | looking: median | max | deciding: median | max |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    );
    for (conflicts, files) in SIZES {
        let top = scene(lab, conflicts, files)?;
        let monitor = Silent(RefCell::new(0));
        let context = context(&top, &monitor);
        let begun = Instant::now();
        let session = Session::open(&context).map_err(said)?;
        let task = session.task(Some(&"greet".parse()?)).map_err(said)?;
        let mut desk = Desk::open(&session, &context, &task, None).map_err(said)?;
        let opened = begun.elapsed();
        let mut state = State::of(&desk).map_err(said)?;
        let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1))?;
        let mut draw = |state: &mut State<'_>, desk: &Desk<'_>| -> Result<(), Failed> {
            terminal.draw(|frame| {
                draw::picture(frame.buffer_mut(), state, desk, true);
            })?;
            Ok(())
        };
        draw(&mut state, &desk)?;
        let first = begun.elapsed();
        state.find_makers(&desk);
        draw(&mut state, &desk)?;
        let made = begun.elapsed();
        let looks = [Key::Down, Key::Down, Key::PageDown, Key::Up, Key::Char('n'), Key::Char('p'), Key::Down];
        let looking =
            press(&mut terminal, &mut state, &mut desk, &looks.repeat(conflicts.div_ceil(looks.len())))?;
        state.go(0);
        let keys: Vec<Key> = ['o', 't', 'b'].into_iter().cycle().take(conflicts).map(Key::Char).collect();
        let mut deciding = press(&mut terminal, &mut state, &mut desk, &keys)?;
        if state.counts.open > 0 {
            return Err(format!("{} are open still", state.counts.open).into());
        }
        deciding.extend(press(&mut terminal, &mut state, &mut desk, &[Key::Char('u'), Key::Char('r')])?);
        let (look, looked) = told(looking);
        let (decide, decided) = told(deciding);
        let [opened, first, made] = [opened, first, made].map(milliseconds);
        say(&format!(
            "| {conflicts} | {files} | {opened:.0} | {first:.0} | {made:.0} | {look:.2} | {looked:.2} | {decide:.1} | {decided:.1} |"
        ));
    }
    Ok(())
}

fn said(failure: Failure) -> Failed {
    failure.to_string().into()
}

fn milliseconds(length: Duration) -> f64 {
    length.as_secs_f64() * 1000.0
}

/// The median and the longest, in milliseconds.
fn told(times: Vec<Duration>) -> (f64, f64) {
    let longest = times.iter().max().copied().unwrap_or_default();
    (median(times), milliseconds(longest))
}

/// How long each key takes with its picture.
fn press<'s>(
    terminal: &mut Terminal<TestBackend>,
    state: &mut State<'s>,
    desk: &mut Desk<'s>,
    keys: &[Key],
) -> Result<Vec<Duration>, Failed> {
    let mut times = Vec::new();
    for key in keys {
        let begun = Instant::now();
        state.press(desk, *key);
        terminal.draw(|frame| {
            draw::picture(frame.buffer_mut(), state, desk, true);
        })?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

/// A repository with so many conflicts of a task with main.
fn scene(lab: &Lab, conflicts: usize, files: usize) -> Result<PathBuf, Failed> {
    let top = lab.prepared(&format!("review{conflicts}"), 1_000)?;
    lab.run(&top, &["git", "config", "user.name", "Bench"])?;
    fs::create_dir_all(top.join("held"))?;
    let fill = |folder: &Path, word: &str| -> Result<(), Failed> {
        for file in 0..files {
            let hunks = conflicts / files + usize::from(file < conflicts % files);
            let line = |number: usize| match number % 10 {
                5 => format!("    let value_{number} = {word}(first, {number}) + second;\n"),
                _ => format!("    line {number} of the file\n"),
            };
            fs::write(
                folder.join(format!("held/f{file:03}.rs")),
                (0..hunks * 10).map(line).collect::<String>(),
            )?;
        }
        Ok(())
    };
    fill(&top, "base")?;
    lab.run(&top, &["git", "add", "-A"])?;
    lab.run(&top, &["git", "commit", "-q", "-m", "base"])?;
    lab.run(&top, &["git-odyssey", "claim", "greet", "--region", "held/**"])?;
    let workspace = lab.folder.path().join(format!("review{conflicts}.odyssey/greet"));
    fill(&workspace, "theirs")?;
    lab.run(&workspace, &["git", "commit", "-q", "-a", "-m", "theirs"])?;
    fill(&top, "ours")?;
    let mut commit = lab.command("git", &top);
    commit.args(["commit", "-q", "-a", "-m", "ours"]).env("GIT_ODYSSEY_OVERRIDE", "the bench's person");
    if !commit.status()?.success() {
        return Err("main does not move".into());
    }
    Ok(top)
}

fn context<'a>(top: &Path, monitor: &'a Silent) -> Context<'a> {
    Context {
        folder: top.to_owned(),
        clock: Clock::System,
        told: None,
        override_reason: None,
        merging: Vec::new(),
        program: PathBuf::from(env!("CARGO_BIN_EXE_git-odyssey")),
        home: None,
        cargo_home: None,
        agents: Homes::default(),
        prices: None,
        probe: None,
        received: Received::default(),
        json: false,
        monitor,
    }
}
