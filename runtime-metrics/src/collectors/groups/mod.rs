//! The control groups of this process, and their files. Version 2, and 1 where a controller is still there.

#[cfg(feature = "process")]
mod cpu;
#[cfg(feature = "memory")]
mod memory;

#[cfg(feature = "process")]
pub(super) use cpu::Cpu;
#[cfg(feature = "memory")]
pub(super) use memory::Memory;

use super::linux;
use procfs::process::Process;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

/// The group of one controller, found once.
#[derive(Debug, Default)]
struct Found(OnceLock<Option<Group>>);

/// A group of one hierarchy.
#[derive(Debug)]
struct Group {
    version: Version,
    /// Its directory.
    own: PathBuf,
    /// The topmost one that there is to see.
    mount: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    One,
    Two,
}

impl Found {
    /// The group that this controller has this process in; `None` where it has none.
    fn get(&self, controller: &str) -> Result<Option<&Group>, String> {
        self.get_from(|| Group::find(controller))
    }

    /// What fails, for want of a descriptor perhaps, is looked for again the next time.
    fn get_from(&self, find: impl FnOnce() -> Result<Option<Group>, String>) -> Result<Option<&Group>, String> {
        if let Some(found) = self.0.get() {
            return Ok(found.as_ref());
        }
        let found = find()?;
        Ok(self.0.get_or_init(|| found).as_ref())
    }
}

impl Group {
    fn find(controller: &str) -> Result<Option<Self>, String> {
        let (groups, mounts) = linux::read(|process: &Process| Ok((process.cgroups()?, process.mountinfo()?)))?;
        let find = |version| {
            let group = groups.0.iter().find(|group| match version {
                Version::One => group.controllers.iter().any(|name| name == controller),
                Version::Two => group.hierarchy == 0,
            });
            let mount = mounts.0.iter().find(|mount| match version {
                Version::One => mount.fs_type == "cgroup" && mount.super_options.contains_key(controller),
                Version::Two => mount.fs_type == "cgroup2",
            });
            let (group, mount) = group.zip(mount)?;
            Some(Self::at(version, &mount.mount_point, Path::new(&mount.root), Path::new(&group.pathname)))
        };
        Ok(find(Version::One).or_else(|| find(Version::Two)))
    }

    /// The group `path`, where the hierarchy is mounted at `mount` from its group `root` on.
    fn at(version: Version, mount: &Path, root: &Path, path: &Path) -> Self {
        let below = path.strip_prefix(root).or_else(|_| path.strip_prefix("/")).unwrap_or(path);
        let own = mount.join(below);
        // In a container its own group may be mounted at the top, and called by its name outside.
        let inside = own.is_dir() && !below.components().any(|part| part == Component::ParentDir);
        Self { version, own: if inside { own } else { mount.to_owned() }, mount: mount.to_owned() }
    }

    /// Its directory, then those around it: their limits hold for it too.
    fn levels(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|level| level.starts_with(&self.mount))
    }
}

/// The text of a file; `None` where there is none, as in the topmost group, or where what it tells is
/// turned off.
fn text(file: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported) => Ok(None),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// The number that stands after a name, on a line of its own.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

fn strange(file: &Path) -> String {
    format!("{} is not what it is expected to be", file.display())
}

#[cfg(test)]
mod tests;
