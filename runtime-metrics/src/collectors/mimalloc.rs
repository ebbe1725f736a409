//! What mimalloc tells of the heap.

use super::heap::Allocator;
use mimalloc::MiMalloc;
use std::hint::black_box;
use std::sync::OnceLock;

/// It tells all it knows as a text of 15 kB, 25 µs after it was asked. In a release build it does not count what
/// the program has, only what it has from the system itself: for the rest there is the counting allocator.
#[derive(Debug, Default)]
pub(super) struct Mimalloc {
    /// Whether the program allocates with it: the feature may be on for other reasons.
    used: OnceLock<bool>,
}

impl Mimalloc {
    pub(super) fn read(&self) -> Option<Allocator> {
        let told = match self.used() {
            Ok(true) => stat("committed", "current").map(|committed| Allocator {
                allocated: Some(committed),
                system: Some(committed),
                ..Allocator::default()
            }),
            // With both features, as in `full`, one of them is not used in any case.
            Ok(false) if cfg!(feature = "jemalloc") => return None,
            Ok(false) => Err("the program's global allocator is not mimalloc".to_owned()),
            Err(why) => Err(why),
        };
        told.map_err(|why| super::missing("mimalloc", why)).ok()
    }

    /// What could not be found out, for want of memory perhaps, is tried again the next time.
    fn used(&self) -> Result<bool, String> {
        match self.used.get() {
            Some(used) => Ok(*used),
            None => serves().map(|used| *self.used.get_or_init(|| used)),
        }
    }
}

/// Whether what this thread allocates comes from mimalloc. It counts only what is huge; as nobody writes to
/// it, it takes no memory.
fn serves() -> Result<bool, String> {
    let before = stat("malloc_huge", "total")?;
    let mut huge = Vec::<u8>::new();
    // A program that may not have so much must not end by it.
    huge.try_reserve_exact(32 << 20).map_err(|error| error.to_string())?;
    drop(black_box(huge));
    Ok(stat("malloc_huge", "total")? != before)
}

/// The number that is called `part` of the statistic `name`.
fn stat(name: &str, part: &str) -> Result<u64, String> {
    let text = MiMalloc::stats_json()?;
    let text = text.to_str().map_err(|error| error.to_string())?;
    number(text, name, part).ok_or_else(|| format!("its statistics have no `{name}`"))
}

fn number(text: &str, name: &str, part: &str) -> Option<u64> {
    let stat = text.split_once(&format!("\"{name}\":"))?.1.split_once('}')?.0;
    let value = stat.split_once(&format!("\"{part}\":"))?.1.trim_start();
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    value[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_names() {
        let text =
            r#"{ "page_committed": { "total": 1 }, "committed": { "total": 2, "current": 34406400 }, "reset": 0 }"#;
        assert_eq!(number(text, "committed", "current"), Some(34_406_400));
        assert_eq!((number(text, "reset", "current"), number(text, "gone", "total")), (None, None));
    }

    #[test]
    fn it_tells_that_these_tests_do_not_use_it() {
        assert_eq!(serves(), Ok(false));
    }
}
