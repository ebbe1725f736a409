use super::*;
use std::time::Duration;

/// A hierarchy of files in a directory that goes away.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("runtime-metrics-{name}-{}", std::process::id()));
        for (file, text) in files {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(root)
    }

    /// The group `path`, mounted from `root` on, as if it had been found.
    fn group(&self, version: Version, root: &str, path: &str) -> Found {
        let found = Found::default();
        found.0.set(Some(Group::at(version, &self.0, Path::new(root), Path::new(path)))).unwrap();
        found
    }

    #[cfg(feature = "memory")]
    fn memory(&self, version: Version, root: &str, path: &str) -> Memory {
        Memory { group: self.group(version, root, path), ..Memory::default() }
    }

    #[cfg(feature = "process")]
    fn cpu(&self, version: Version, root: &str, path: &str) -> Cpu {
        Cpu { group: self.group(version, root, path), ..Cpu::default() }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

const TWO: &[(&str, &str)] = &[
    ("memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"),
    ("pod/memory.max", "1000\n"),
    ("pod/memory.current", "900\n"),
    ("pod/memory.stat", "anon 500\ninactive_file 300\n"),
    ("pod/cpu.max", "50000 100000\n"),
    ("pod/cpu.stat", "usage_usec 9\nnr_periods 40\nnr_throttled 3\nthrottled_usec 2500\n"),
    ("pod/app/memory.max", "max\n"),
    ("pod/app/memory.events", "low 0\noom 4\noom_kill 2\noom_group_kill 1\n"),
    ("pod/app/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.53 total=8009117\nfull avg10=0.00 total=5\n"),
    ("pod/app/cpu.max", "max 100000\n"),
    ("pod/app/cpu.stat", "usage_usec 7\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n"),
];

#[test]
#[cfg(feature = "memory")]
fn memory_of_version_two() {
    let tree = Tree::new("memory-two", TWO);
    let memory = tree.memory(Version::Two, "/", "/pod/app");
    // The limit of the group around it, and what can't be dropped.
    assert_eq!(memory.limit(), Ok(Some(memory::Limit { bytes: 1000, ratio: 0.6 })));
    assert_eq!(memory.oom_kills(), Ok(Some(2)));
    assert_eq!(memory.stall(), Ok((Duration::from_micros(8_009_117), "group")));
}

#[test]
#[cfg(feature = "process")]
fn throttling_of_version_two_is_that_of_the_group_with_the_quota() {
    let tree = Tree::new("cpu-two", TWO);
    let throttling = cpu::Throttling { periods: 40, throttled: 3, time: Duration::from_micros(2500) };
    assert_eq!(tree.cpu(Version::Two, "/", "/pod/app").throttling(), Ok(Some(throttling)));
    assert_eq!(tree.cpu(Version::Two, "/", "/").throttling(), Ok(None));
}

#[test]
#[cfg(feature = "memory")]
fn the_limit_is_the_least_and_the_ratio_that_of_the_fullest() {
    let tree = Tree::new(
        "fullest",
        &[
            ("pod/memory.max", "4000\n"),
            ("pod/memory.current", "3900\n"),
            ("pod/memory.stat", "inactive_file 100\n"),
            ("pod/app/memory.max", "1000\n"),
            ("pod/app/memory.current", "250\n"),
        ],
    );
    let told = |path| tree.memory(Version::Two, "/", path).limit();
    assert_eq!(told("/pod/app"), Ok(Some(memory::Limit { bytes: 1000, ratio: 0.95 })));
    assert_eq!(told("/pod"), Ok(Some(memory::Limit { bytes: 4000, ratio: 0.95 })));
}

#[test]
#[cfg(feature = "process")]
fn throttling_is_that_of_the_level_that_costs_most_and_only_grows() {
    let stat =
        |periods, throttled, time| format!("nr_periods {periods}\nnr_throttled {throttled}\nthrottled_usec {time}\n");
    let quota = "50000 100000\n";
    let tree = Tree::new(
        "costs",
        &[
            ("pod/cpu.max", quota),
            ("pod/cpu.stat", &stat(100, 90, 8000)),
            ("pod/app/cpu.max", quota),
            ("pod/app/cpu.stat", &stat(100, 1, 10)),
        ],
    );
    let cpu = tree.cpu(Version::Two, "/", "/pod/app");
    let told = || cpu.throttling().unwrap().map(|told| (told.periods, told.throttled, told.time.as_micros()));
    assert_eq!(told(), Some((100, 90, 8000)));
    // Now it is its own quota that holds it up.
    fs::write(tree.0.join("pod/cpu.stat"), stat(110, 91, 8100)).unwrap();
    fs::write(tree.0.join("pod/app/cpu.stat"), stat(120, 11, 1010)).unwrap();
    assert_eq!(told(), Some((120, 100, 9000)));
    // Nobody is held up: periods go on as those of its own.
    fs::write(tree.0.join("pod/app/cpu.stat"), stat(130, 11, 1010)).unwrap();
    assert_eq!(told(), Some((130, 100, 9000)));
}

#[test]
fn a_group_that_could_not_be_found_is_looked_for_again() {
    let found = Found::default();
    let failed = found.get_from(|| Err("too many open files".to_owned()));
    assert_eq!(failed.err().as_deref(), Some("too many open files"));
    let group = |path: &str| Group::at(Version::Two, Path::new("/"), Path::new("/"), Path::new(path));
    for path in ["/tmp", "/usr"] {
        let own = found.get_from(|| Ok(Some(group(path)))).unwrap().map(|group| &*group.own);
        assert_eq!(own, Some(Path::new("/tmp")));
    }
}

#[test]
#[cfg(all(feature = "memory", feature = "process"))]
fn version_one_in_a_container_that_sees_its_own_group_at_the_top() {
    let tree = Tree::new(
        "one",
        &[
            ("memory.limit_in_bytes", "2000\n"),
            ("memory.usage_in_bytes", "700\n"),
            ("memory.stat", "inactive_file 1\ntotal_inactive_file 100\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"),
            ("cpu.cfs_quota_us", "20000\n"),
            ("cpu.stat", "nr_periods 10\nnr_throttled 2\nthrottled_time 4000\n"),
        ],
    );
    for root in ["/docker/7f3a", "/"] {
        let memory = tree.memory(Version::One, root, "/docker/7f3a");
        assert_eq!(memory.limit(), Ok(Some(memory::Limit { bytes: 2000, ratio: 0.3 })));
        assert_eq!(memory.oom_kills(), Ok(Some(5)));
        let throttling = cpu::Throttling { periods: 10, throttled: 2, time: Duration::from_micros(4) };
        assert_eq!(tree.cpu(Version::One, root, "/docker/7f3a").throttling(), Ok(Some(throttling)));
        assert_eq!(memory.stall().map(|(_, scope)| scope), Ok("machine"));
    }
}

#[test]
#[cfg(feature = "memory")]
fn no_limit_is_none() {
    let tree = Tree::new("none", &[("memory.limit_in_bytes", "9223372036854771712\n"), ("memory.max", "max\n")]);
    for version in [Version::One, Version::Two] {
        let memory = tree.memory(version, "/", "/");
        assert_eq!((memory.limit(), memory.oom_kills()), (Ok(None), Ok(None)));
    }
}

#[test]
fn the_groups_of_this_process_are_found() {
    for group in ["memory", "cpu"].into_iter().filter_map(|controller| Group::find(controller).unwrap()) {
        assert!(group.levels().all(|level| level.join("cgroup.procs").exists()), "{group:?}");
    }
}
