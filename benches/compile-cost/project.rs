//! The generated workspace: a package for each variant, and Cargo to build it.

use crate::variant::Variant;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How many functions a group has.
pub const GROUP: usize = 10;

const GROUP_SOURCE: &str = include_str!("template/group.rs");
const NESTED_SOURCE: &str = include_str!("template/nested.rs");
const SHARED_SOURCE: &str = include_str!("template/shared.rs");

/// One variant, with so many groups of functions.
#[derive(Clone, Copy)]
pub struct Crate {
    pub variant: Variant,
    pub groups: usize,
}

impl Crate {
    /// The package, and its binary.
    pub fn name(self) -> String {
        format!("{}-{}", self.variant.name(), self.groups * GROUP)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Check,
    Debug,
    Release,
    /// The release build without symbols.
    Stripped,
}

impl Mode {
    pub const TIMED: [Self; 3] = [Self::Check, Self::Debug, Self::Release];

    pub fn title(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Stripped => "stripped",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Check => &["check"],
            Self::Debug => &["build"],
            Self::Release => &["build", "--release"],
            Self::Stripped => &["rustc", "--release"],
        }
    }
}

/// What a build took.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    /// What all its processes took of the processors, where that can be known.
    pub cpu: Option<Duration>,
}

impl Cost {
    pub const MAX: Self = Self { wall: Duration::MAX, cpu: Some(Duration::MAX) };

    pub fn min(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), cpu: self.cpu.min(other.cpu) }
    }
}

pub struct Project {
    root: PathBuf,
    /// The lock file, as Cargo left it.
    lock: String,
}

impl Project {
    /// Writes the workspace, below the target directory that this program was built into.
    pub fn create(crates: &[Crate]) -> Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the package is not in the workspace")?;
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2).ok_or("the program is not in a target directory")?;
        let root = target.join("compile-cost");
        fs::create_dir_all(&root)?;

        let mut members = String::new();
        for one in crates {
            let _ = write!(members, "{:?}, ", one.name());
            one.write(&root.join(one.name()), &workspace.join("runtime-metrics"))?;
        }
        fs::write(root.join("Cargo.toml"), format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n"))?;
        let ours = fs::read_to_string(workspace.join("Cargo.lock"))?;
        fs::write(root.join("Cargo.lock"), &ours)?;

        let mut project = Self { root, lock: String::new() };
        finished(project.cargo(&["metadata", "--format-version=1"]).output()?)?;
        project.lock = fs::read_to_string(project.root.join("Cargo.lock"))?;
        let mut unlocked: Vec<_> = packages(&project.lock).difference(&packages(&ours)).copied().collect();
        unlocked.retain(|(name, _)| crates.iter().all(|one| one.name() != *name));
        if unlocked.is_empty() {
            Ok(project)
        } else {
            Err(format!("the workspace's Cargo.lock does not have these: {unlocked:?}").into())
        }
    }

    /// The version of a package that is measured.
    pub fn version(&self, package: &str) -> &str {
        packages(&self.lock).into_iter().find(|(name, _)| *name == package).map_or("", |(_, version)| version)
    }

    /// Builds a package whose dependencies are built, from nothing.
    pub fn build(&self, one: Crate, mode: Mode) -> Result<Cost> {
        let main = self.root.join(one.name()).join("src/main.rs");
        fs::write(&main, fs::read(&main)?)?; // newer than what was built from it
        let mut command = self.cargo(mode.arguments());
        command.args(["--package", &one.name()]);
        if mode == Mode::Stripped {
            command.args(["--", "-Cstrip=symbols"]);
        }
        let (began, cpu_before) = (Instant::now(), cpu_of_children());
        let output = command.output()?;
        let wall = began.elapsed();
        let cpu = cpu_of_children().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        finished(output)?;
        Ok(Cost { wall, cpu })
    }

    /// The size of the release binary.
    pub fn size(&self, one: Crate) -> Result<u64> {
        Ok(fs::metadata(self.binary(one))?.len())
    }

    /// What the release binary prints.
    pub fn run(&self, one: Crate) -> Result<String> {
        Ok(String::from_utf8(finished(Command::new(self.binary(one)).output()?)?)?)
    }

    fn binary(&self, one: Crate) -> PathBuf {
        self.root.join("target/release").join(one.name()).with_extension(std::env::consts::EXE_EXTENSION)
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).args(arguments);
        command.env("CARGO_TARGET_DIR", self.root.join("target"));
        // Nothing is taken from a build before.
        command.env("CARGO_INCREMENTAL", "0").env("RUSTC_WRAPPER", "");
        command
    }
}

impl Crate {
    fn write(self, package: &Path, library: &Path) -> Result<()> {
        let source = package.join("src");
        fs::create_dir_all(&source)?;
        let dependency = self.variant.package().map(|name| {
            let requirement = self.variant.requirement(&library.to_string_lossy());
            format!("[dependencies]\n{name} = {requirement}\n")
        });
        let name = self.name();
        let manifest = format!("[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n");
        fs::write(package.join("Cargo.toml"), manifest + &dependency.unwrap_or_default())?;

        let (mut modules, mut calls) = (String::new(), String::new());
        for group in 0..self.groups {
            let _ = writeln!(modules, "mod group_{group};");
            let _ = writeln!(calls, "    group_{group}::run(&mut report);");
            let numbered = GROUP_SOURCE.replace("_n(", &format!("_{group}(")).replace("_n\"", &format!("_{group}\""));
            let seeded = numbered.replace("SEED: u64 = 0", &format!("SEED: u64 = {}", group + 1));
            fs::write(source.join(format!("group_{group}.rs")), self.annotated(&seeded))?;
        }
        fs::write(source.join("nested.rs"), self.annotated(NESTED_SOURCE))?;
        fs::write(source.join("shared.rs"), SHARED_SOURCE)?;
        let main = format!(
            "mod nested;\nmod shared;\n{modules}\nfn main() {{\n    let mut report = shared::Report::default();\n\
             {calls}    nested::run(&mut report);\n    report.print();\n}}\n"
        );
        Ok(fs::write(source.join("main.rs"), main)?)
    }

    fn annotated(self, source: &str) -> String {
        source.replace("#[attribute]", self.variant.attribute())
    }
}

/// The names and versions in a lock file.
fn packages(lock: &str) -> BTreeSet<(&str, &str)> {
    let lines: Vec<&str> = lock.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| match pair {
        [name, version] => Some((quoted(name, "name")?, quoted(version, "version")?)),
        _ => None,
    });
    pairs.collect()
}

/// What stands in the quotes of `key = "value"`.
fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

/// What a program printed, or what it complained about.
fn finished(output: Output) -> Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// The processor time of all processes that this one has waited for, and of theirs.
fn cpu_of_children() -> Option<Duration> {
    /// Linux tells all programs hundredths of a second, whatever it counts in itself.
    const TICK: Duration = Duration::from_millis(10);
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in brackets, which may have spaces; these are the 16th and 17th.
    let mut rest = text.rsplit_once(')')?.1.split_whitespace().skip(13);
    let (user, system): (u32, u32) = (rest.next()?.parse().ok()?, rest.next()?.parse().ok()?);
    Some(TICK * (user + system))
}
