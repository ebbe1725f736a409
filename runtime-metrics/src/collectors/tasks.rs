//! What Linux tells thread by thread only: how long each waited for a core, and how often it left one.

use super::linux::{self, Status};
use procfs::process::{Process, Schedstat};
use std::collections::HashMap;
use std::time::Duration;

/// Adds up over all threads, a few at each collection, since a thread takes some 15 µs to read: with more than
/// `AT_ONCE` threads the totals lag behind, by the number of threads divided by that many
/// collections. What a thread did between the last visit and its end is not known to anybody.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Threads to visit before they are listed anew.
    ahead: Vec<i32>,
    /// What each thread was last found to have.
    seen: HashMap<i32, Waits>,
    total: Waits,
    begun: bool,
}

/// How often and how long threads did not run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waits {
    /// How long they could have run and had no core.
    pub(super) run_delay: Duration,
    pub(super) voluntary: u64,
    pub(super) involuntary: u64,
}

const AT_ONCE: usize = 4;

impl Tasks {
    /// Visits the next threads, and returns the totals of all that were ever visited.
    pub(super) fn visit(&mut self) -> Result<Waits, String> {
        if self.ahead.is_empty() {
            self.list()?;
            // To list many costs as much as to visit some. But the first totals are whole, or their growth
            // would be taken for something that happens.
            if self.begun && self.ahead.len() > AT_ONCE {
                return Ok(self.total);
            }
        }
        let visited = if self.begun { AT_ONCE } else { usize::MAX };
        for task in self.ahead.drain(self.ahead.len().saturating_sub(visited)..) {
            // One that fails has ended since it was listed, unless it is the first thread.
            match waits(task) {
                Ok(now) => {
                    let before = self.seen.insert(task, now).unwrap_or_default();
                    self.total.add(now, before);
                }
                Err(why) if task as u32 == std::process::id() => return Err(why),
                Err(_) => {}
            }
        }
        self.begun = true;
        Ok(self.total)
    }

    fn list(&mut self) -> Result<(), String> {
        let directory = "/proc/self/task";
        let tasks = std::fs::read_dir(directory).map_err(|error| format!("{directory}: {error}"))?;
        self.ahead.extend(tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse::<i32>().ok()));
        self.seen.retain(|task, _| self.ahead.contains(task));
        Ok(())
    }
}

impl Waits {
    /// Adds what `now` has more than `before`; all of it, if a new thread has the number of an old one.
    fn add(&mut self, now: Self, before: Self) {
        let same = now.run_delay >= before.run_delay
            && now.voluntary >= before.voluntary
            && now.involuntary >= before.involuntary;
        let before = if same { before } else { Self::default() };
        self.run_delay += now.run_delay.saturating_sub(before.run_delay);
        self.voluntary += now.voluntary - before.voluntary;
        self.involuntary += now.involuntary - before.involuntary;
    }
}

fn waits(task: i32) -> Result<Waits, String> {
    linux::read(|process: &Process| {
        let Schedstat { run_delay, .. } = process.read(format!("task/{task}/schedstat"))?;
        let status: Status = process.read(format!("task/{task}/status"))?;
        Ok(Waits {
            run_delay: Duration::from_nanos(run_delay),
            voluntary: status.number("voluntary_ctxt_switches")?,
            involuntary: status.number("nonvoluntary_ctxt_switches")?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_only_grow_whatever_threads_come_and_go() {
        let waits = |millis, voluntary| Waits { run_delay: Duration::from_millis(millis), voluntary, involuntary: 1 };
        let mut total = Waits::default();
        total.add(waits(5, 3), Waits::default());
        total.add(waits(7, 4), waits(5, 3));
        // Another thread has got the number.
        total.add(waits(1, 1), waits(7, 4));
        assert_eq!((total.run_delay, total.voluntary, total.involuntary), (Duration::from_millis(8), 5, 2));
    }

    #[test]
    fn with_many_threads_each_has_its_turn() {
        let mut tasks = Tasks::default();
        let first = tasks.visit().unwrap();
        let (ready, readied) = std::sync::mpsc::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let finished = std::sync::Mutex::new(finished);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    // Each gives up its core some times.
                    (0..10).for_each(|_| std::thread::sleep(Duration::from_micros(100)));
                    ready.send(()).unwrap();
                    let _ = finished.lock().unwrap().recv();
                });
            }
            (0..20).for_each(|_| readied.recv().unwrap());
            // Lists them, and goes round once; other tests have threads too.
            for _ in 0..100 {
                tasks.visit().unwrap();
            }
            drop(finish);
        });
        let voluntary = tasks.total.voluntary - first.voluntary;
        assert!(voluntary >= 200, "{voluntary}");
    }
}
