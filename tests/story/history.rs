//! A repository with real history: the published sources of the crate `cargo`, one commit a release.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// The releases, oldest first.
const RELEASES: [&str; 5] = ["0.94.0", "0.95.0", "0.96.0", "0.97.0", "0.98.0"];

/// What the last commit is called when all files, names and dates are as published and as written below.
const TIP: &str = "bf93498430f43b67014eb9bee9ad516afad92d13";

/// The repository, made once below `target/`; afterwards no network is needed.
pub fn repository() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-history");
    if tip(&place).as_deref() != Some(TIP) {
        make(&place);
    }
    place
}

fn tip(place: &Path) -> Option<String> {
    let folder = place.to_str().unwrap();
    let output = git(&["-C", folder, "rev-parse", "--verify", "--quiet", "main"]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

fn make(place: &Path) {
    let building = tempfile::tempdir_in(place.parent().unwrap()).unwrap();
    let folder = building.path().join("cargo-history");
    let name = folder.to_str().unwrap();
    run(&mut git(&["init", "--quiet", "--initial-branch", "main", name]));
    for (number, release) in RELEASES.iter().enumerate() {
        let sources = sources(release);
        run(&mut git(&["-C", name, "rm", "-r", "--quiet", "--ignore-unmatch", "."]));
        copy(&sources, &folder);
        run(&mut git(&["-C", name, "add", "--all", "--force"]));
        let date = format!("@{} +0000", 1_700_000_001 + number);
        let message = format!("cargo {release}");
        let mut commit = git(&["-C", name, "commit", "--quiet", "--message", &message]);
        run(commit.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date));
    }
    assert_eq!(tip(&folder).as_deref(), Some(TIP), "the sources of cargo are not those that were published");
    // Another test process may have been quicker: then its result is as good.
    if std::fs::rename(&folder, place).is_err() {
        assert_eq!(tip(place).as_deref(), Some(TIP), "{} is something else", place.display());
    }
}

/// git without anybody's configuration.
fn git(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=f", "-c", "user.email=f@example", "-c", "core.autocrlf=false"]);
    command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// The sources of a release as cargo unpacks them, fetched from the registry if they are not here yet.
fn sources(release: &str) -> PathBuf {
    if let Some(found) = unpacked(release) {
        return found;
    }
    // `cargo info` fetches and unpacks the one crate, where `cargo fetch` would want hundreds that it depends on.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let package = format!("cargo@{release}");
    let mut command = Command::new(cargo);
    command.args(["info", "--quiet", "--registry", "crates-io", &package]).current_dir("/");
    let output = command.output().unwrap();
    let found = unpacked(release);
    found.unwrap_or_else(|| {
        panic!(
            "this test needs the published sources of the crate cargo {release}, which are not in {}, and \
             `cargo info {package}` did not bring them there; run it once with a network. It said: {}",
            cargo_home().display(),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn unpacked(release: &str) -> Option<PathBuf> {
    let registries = std::fs::read_dir(cargo_home().join("registry/src")).ok()?;
    let places = registries.map(|registry| registry.unwrap().path().join(format!("cargo-{release}")));
    // Cargo writes this file last.
    places.into_iter().find(|place| place.join(".cargo-ok").exists())
}

fn cargo_home() -> PathBuf {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        // What cargo adds when it packs and unpacks.
        if [".cargo-ok", ".cargo_vcs_info.json", "Cargo.toml.orig"].contains(&name.to_str().unwrap()) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
