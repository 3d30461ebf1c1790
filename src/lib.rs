//! git odyssey: people and AI agents work on one repository at the same time, and nobody's work is lost.
//!
//! Each task gets an isolated worktree, an exclusive branch and a lease over the regions that it may change. All of it
//! is recorded in one ref, `refs/odyssey/ledger`. Git hooks refuse writes into a region that somebody else holds, and a
//! landing moves the target only while the lease stands.
//!
//! # The house
//!
//! Imports go down only; `tests/house.rs` holds the floors.
//!
//! | floor | room | for | never |
//! |---:|---|---|---|
//! | 0 | [`base`] | durations, time, atomic files, locks, failures with hints, pages | knows the domain |
//! | 1 | [`domain`] | regions, leases, fences, events, notices, reviews, accounts and budgets, the policy: the rules | I/O, clock, git |
//! | 1 | [`git`] | the only room that talks to git, through gix or the binary | knows what a lease is |
//! | 2 | [`ledger`] | the domain kept in refs: the ledger, reviews; intents that survive a kill, the journal of notices | decides policy |
//! | 2 | [`merge`] | parties and their live trees, the conflict matrix, the commit that would land, what or who decides it | moves a ref |
//! | 2 | [`agents`] | what agents leave behind: transcripts of what they used, prices of their models | touches the ledger |
//! | 2 | [`guard`] | gathers what a hook judges, and judges it by the rules | writes anything |
//! | 2 | [`agents`] | the harnesses that agents run in: what they ask, what they are answered, what a shell command writes | touches the ledger |
//! | 2 | [`workspace`] | a task's worktree: its place, its copy of the lease, how it goes without loss | touches the ledger |
//! | 3 | [`commands`] | one file a request: arguments, run, outcome | prints, exits, reads the environment |
//! | 4 | [`ui`] | terminal text, JSON, the review's screen, the page in the browser, agents' tools, help, completions: who is asking | touches git |
//!
//! # Invariants
//!
//! 1. No two active exclusive leases overlap, ever; nor an exclusive with another's shared. ([`domain::book`];
//!    what lines of a file are after edits, and what touches them: [`domain::span`])
//! 2. Fences strictly rise, and a change that carries an old fence is refused. ([`domain::book`], [`domain::judge`]; on a
//!    server [`domain::transition`], [`guard::push`])
//! 3. Safety never depends on a clock: clocks decide only when a lease may be taken over. ([`ledger::seen`])
//! 4. A landing verifies the ledger in the transaction that moves the target, and a sync in the one that moves the
//!    branch; on a remote one atomic push moves both. ([`commands::landing`], [`commands::syncing`], [`ledger::landing`])
//! 5. Nothing is destroyed that was not saved first; what cannot be read is never taken for clean.
//!    ([`commands::removal`], [`workspace::salvage`])
//! 6. Every operation of several steps writes an intent first; after a kill it is finished or undone.
//!    ([`ledger::intent`], [`commands::recover`])
//! 7. Work that has not landed is parked, and the next claimant of its regions chooses. ([`domain::book`])
//! 8. A merge verdict is a function of its inputs, and equals git's own. ([`git::merge`]) What a strategy or a person decides
//!    beyond it is told, and kept in the commit. ([`merge::strategy`], [`merge::review`])
//!
//! # What is deliberately absent
//!
//! No daemon, no server, no database: the state is in the repository, or in that of a remote which decides for several
//! machines by what a git server does anyway ([`ledger::remote`]). A watcher, or the server of the page in the browser
//! ([`ui::serve`]), is a process that somebody runs, and nothing depends on there being one. No stash is ever used. No
//! lease state is kept in git's configuration, because worktrees made at the same time fight for that file.

pub mod agents;
pub mod base;
pub mod commands;
pub mod domain;
pub mod git;
pub mod guard;
pub mod ledger;
pub mod merge;
pub mod ui;
pub mod workspace;
