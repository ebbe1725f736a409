//! What bodies hold: items, loops, closures, and calls of themselves.

use super::{Failed, counts, ok, run, turn};
use runtime_metrics::metered;
use std::cell::RefCell;

#[metered]
fn items() -> usize {
    use std::collections::BTreeSet as Set;
    const LIMIT: usize = 3;
    static NAMES: [&str; 2] = ["a", "b"];
    #[derive(Default)]
    struct Local(Set<&'static str>);
    impl Local {
        #[metered]
        fn add(&mut self, name: &'static str) -> bool {
            self.0.insert(name)
        }
    }
    macro_rules! add {
        ($to:ident, $name:expr) => {
            $to.add($name) && $to.0.len() < LIMIT
        };
    }
    fn count(local: &Local) -> usize {
        local.0.len()
    }
    let mut local = Local::default();
    for name in &NAMES {
        assert!(add!(local, name));
    }
    count(&local)
}

#[metered]
async fn items_async(text: &str) -> Result<usize, Failed> {
    use std::collections::BTreeSet as Set;
    struct Local(Set<u8>);
    macro_rules! parsed {
        ($text:expr) => {
            $text.parse::<u8>()?
        };
    }
    let mut local = Local(Set::new());
    local.0.insert(parsed!(text));
    turn().await;
    Ok(local.0.len())
}

#[metered]
fn loops(rows: &[&[u8]]) -> Option<(usize, usize)> {
    let mut row = 0;
    let found = 'rows: loop {
        let Some(cells) = rows.get(row) else { break None };
        let mut cell = 0;
        while cell < cells.len() {
            if cells[cell] == 0 {
                row += 1;
                continue 'rows;
            }
            if cells[cell] == 7 {
                break 'rows Some((row, cell));
            }
            cell += 1;
        }
        row += 1;
    };
    found.filter(|(row, _)| *row < 9)
}

#[metered]
fn recursive_sync(number: u64) -> u64 {
    if number < 2 { number } else { recursive_sync(number - 1) + recursive_sync(number - 2) }
}

#[metered]
fn recursive_with_errors(depth: u8) -> Result<u8, Failed> {
    match depth {
        0 => Err(Failed),
        1 => Ok(0),
        _ => recursive_with_errors(depth - 2).map(|below| below + 1),
    }
}

#[metered]
fn calls_closures(mut call: impl FnMut(u8) -> u8, once: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let mut list = once();
    let mut add = |number| list.push(call(number));
    add(1);
    add(2);
    list
}

#[metered]
fn closure_returns(fails: bool) -> Result<u8, Failed> {
    let inner = || -> Result<u8, Failed> {
        if fails {
            return Err(Failed);
        }
        Ok(1)
    };
    let _ = inner()?;
    [1, 2]
        .iter()
        .try_fold(0_u8, |sum, each| {
            if *each == 9 {
                return None;
            }
            sum.checked_add(*each)
        })
        .ok_or(Failed)
}

#[metered]
fn let_else(text: &str) -> Result<(&str, u8), Failed> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(Failed);
    };
    let (Ok(value), false) = (value.parse(), key.is_empty()) else { return Err(Failed) };
    Ok((key, value))
}

#[metered]
fn patterns(way: Result<u8, Option<&str>>) -> usize {
    if let Ok(number @ (1..=5 | 7)) = way {
        usize::from(number)
    } else if let Err(Some(text)) = way {
        text.len()
    } else {
        match way {
            Ok(number) if number > 100 => 100,
            Ok(_) => 0,
            Err(_) => usize::MAX,
        }
    }
}

#[metered]
fn nested_functions() -> u8 {
    #[metered]
    fn outer() -> u8 {
        #[metered]
        fn inner() -> u8 {
            1
        }
        inner() + 1
    }
    outer() + 1
}

#[metered]
fn mutates_captures(list: &RefCell<Vec<u8>>) -> usize {
    let mut total = 0;
    list.borrow().iter().for_each(|each| total += usize::from(*each));
    total
}

#[metered]
async fn closures_in_async(mut list: Vec<u8>) -> Vec<u8> {
    let mut add = |number| list.push(number);
    add(1);
    turn().await;
    add(2);
    list
}

#[test]
fn items_in_bodies_stay_there() {
    assert_eq!((items(), counts("items"), counts("add")), (2, ok(1), ok(2)));
    assert_eq!((run(items_async("1")), run(items_async("x"))), (Ok(1), Err(Failed)));
    assert_eq!(counts("items_async"), [1, 1, 0, 0]);
    assert_eq!(nested_functions(), 3);
    assert_eq!((counts("nested_functions"), counts("outer"), counts("inner")), (ok(1), ok(1), ok(1)));
}

#[test]
fn bodies_branch_loop_and_close_over_as_before() {
    assert_eq!((loops(&[&[0], &[1, 7]]), loops(&[&[1]]), counts("loops")), (Some((1, 1)), None, ok(2)));
    assert_eq!((recursive_sync(5), counts("recursive_sync")), (5, ok(15)));
    assert_eq!((recursive_with_errors(3), recursive_with_errors(2)), (Ok(1), Err(Failed)));
    assert_eq!(counts("recursive_with_errors"), [2, 2, 0, 0]);
    assert_eq!((calls_closures(|each| each * 2, Vec::new), counts("calls_closures")), (vec![2, 4], ok(1)));
    assert_eq!((closure_returns(false), closure_returns(true)), (Ok(3), Err(Failed)));
    assert_eq!(counts("closure_returns"), [1, 1, 0, 0]);
    assert!(let_else("a=1").is_ok() && let_else("a").is_err() && let_else("=1").is_err());
    assert_eq!(counts("let_else"), [1, 2, 0, 0]);
    assert_eq!((patterns(Ok(3)), patterns(Ok(200)), patterns(Err(Some("ab")))), (3, 100, 2));
    assert_eq!((mutates_captures(&RefCell::new(vec![1, 2])), counts("mutates_captures")), (3, ok(1)));
    assert_eq!((run(closures_in_async(vec![])), counts("closures_in_async")), (vec![1, 2], ok(1)));
}
