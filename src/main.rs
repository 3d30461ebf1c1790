//! The thin binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    git_odyssey::ui::start::start(std::env::args_os().collect())
}
