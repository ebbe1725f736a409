//! What functions return, and the ways they have to do it.

use super::{Failed, catch, counts, ok};
use runtime_metrics::metered;
use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::ops::ControlFlow;

#[metered]
fn borrowed(list: &mut [u8], at: usize) -> Option<&mut u8> {
    list.get_mut(at)
}

#[metered]
fn borrowed_cell<'a>(cell: &'a RefCell<Option<u8>>, fails: &str) -> Result<Option<Ref<'a, u8>>, Failed> {
    if fails.is_empty() {
        return Err(Failed);
    }
    Ok(Ref::filter_map(cell.borrow(), Option::as_ref).ok())
}

#[metered]
fn borrowed_cell_mut(cell: &RefCell<u8>) -> Result<RefMut<'_, u8>, Box<dyn Error + '_>> {
    Ok(cell.try_borrow_mut()?)
}

#[metered]
fn temporary_in_tail(cell: RefCell<Vec<u8>>) -> usize {
    cell.borrow().len()
}

#[metered]
fn diverges(code: u8) -> ! {
    if code == 0 {
        panic!("nothing");
    }
    loop {
        assert!(code > 9, "on purpose");
    }
}

#[metered]
fn ends_in_panic(number: u8) -> u8 {
    match number {
        0 => unreachable!("on purpose"),
        1 => return 1,
        _ => {}
    }
    panic!("{}", number)
}

#[metered]
fn unit() {
    unit_with_tail();
}

#[metered]
fn unit_with_tail() -> () {
    drop(String::new());
}

#[metered]
fn returns_early(way: u8) -> Result<Option<u8>, Failed> {
    if way == 0 {
        return Ok(None);
    }
    let Some(left) = way.checked_sub(2) else { return Err(Failed) };
    for each in 0..left {
        if each == 2 {
            return Ok(Some(each));
        }
    }
    let text = if left == 1 { "x" } else { "7" };
    let number = text.parse()?;
    Some(number).filter(|number| *number == 7).map_or(Err(Failed), |number| Ok(Some(number)))
}

#[metered]
fn option_asks(list: &[u8]) -> Option<u8> {
    let first = list.first()?;
    list.get(usize::from(*first)).copied()
}

#[metered]
fn boxes_errors(text: &str) -> Result<u8, Box<dyn Error>> {
    if text.is_empty() {
        Err("nothing")?;
    }
    if text == "e" {
        return Err(Box::new(Failed));
    }
    Ok(text.parse::<u8>()?)
}

#[metered]
fn collects(words: &[&str]) -> Result<BTreeMap<u8, usize>, Failed> {
    words.iter().map(|word| Ok((word.parse()?, word.len()))).collect()
}

#[metered]
fn sums(numbers: &[u8]) -> u64 {
    numbers.iter().copied().map(u64::from).sum()
}

#[metered]
fn integers() -> u64 {
    let mut total = 0;
    for each in 0..5 {
        total += each;
    }
    total << 33
}

#[metered]
fn narrowed(list: &Vec<u8>) -> &[u8] {
    list
}

#[metered]
fn dynamic(one: bool) -> Box<dyn Display> {
    if one {
        return Box::new(1);
    }
    Box::new("one")
}

#[metered]
fn dynamic_in_match<'a>(text: &'a String, number: &'a u8) -> &'a dyn Display {
    match *number {
        0 => text as _,
        _ => number,
    }
}

#[metered]
fn pointer(double: bool) -> fn(u8) -> u8 {
    fn twice(number: u8) -> u8 {
        number * 2
    }
    fn same(number: u8) -> u8 {
        number
    }
    if double {
        return twice;
    }
    same
}

#[metered]
fn unsizes() -> Box<[u8]> {
    Box::new([1, 2, 3])
}

#[metered]
fn boxed_closure(add: u8) -> Box<dyn Fn(&str) -> usize + Send> {
    Box::new(move |text| text.len() + usize::from(add))
}

#[metered]
fn closure(add: usize) -> impl Fn(u8) -> usize {
    move |number: u8| usize::from(number) + add
}

#[metered]
fn closure_of_reference(add: usize) -> impl Fn(&str) -> usize {
    move |text| text.len() + add
}

#[metered]
#[rustfmt::skip]
fn closure_on_one_line() -> impl Fn(u8) -> u8 { |number| number }

#[metered]
fn closure_that_lends() -> impl for<'a> Fn(&'a str, &str) -> &'a str {
    |text, _| text.trim()
}

#[metered]
fn closure_in_result(fails: bool) -> Result<impl Fn(&str) -> usize, Failed> {
    if fails {
        return Err(Failed);
    }
    Ok(|text: &str| text.len())
}

#[metered]
fn opaque_list(list: Vec<u8>) -> impl Iterator<Item = u8> + Clone + Debug {
    list.into_iter()
}

#[metered]
fn opaque_inferred() -> impl Iterator<Item = u64> {
    (0..3).map(|each| each + 1)
}

#[metered]
fn opaque_collects() -> impl IntoIterator<Item = u8> + AsRef<[u8]> {
    let list: Vec<_> = (1..3).collect();
    list
}

#[metered]
fn opaque_within_a_box() -> Box<dyn Iterator<Item = impl Display>> {
    Box::new(0..3)
}

#[metered]
fn opaque_in_opaque() -> impl Iterator<Item = impl Debug + PartialEq<u8>> {
    [1_u8, 2].iter().copied()
}

#[metered]
fn opaque_results(fails: bool) -> Result<impl Display + Debug, impl Debug> {
    if fails {
        return Err(Failed);
    }
    Ok(1)
}

#[metered]
fn flow(stops: bool) -> ControlFlow<Failed, u8> {
    if stops {
        ControlFlow::Break(Failed)?;
    }
    ControlFlow::Continue(1)
}

type Aliased<T = u8> = Result<T, Failed>;

#[metered]
fn aliased(fails: bool) -> Aliased {
    if fails { Err(Failed) } else { Ok(1) }
}

macro_rules! a_type {
    ($of:ty) => { Result<$of, Failed> };
}

#[metered]
fn by_macro(fails: bool) -> a_type!(u8) {
    if fails { Err(Failed) } else { Ok(1) }
}

#[test]
fn what_is_borrowed_is_returned() {
    let mut list = [1, 2];
    *borrowed(&mut list, 1).unwrap() = 3;
    assert_eq!((list, borrowed(&mut [], 1), counts("borrowed")), ([1, 3], None, ok(2)));
    let cell = RefCell::new(Some(1));
    assert_eq!(borrowed_cell(&cell, "no").unwrap().as_deref(), Some(&1));
    assert!(borrowed_cell(&cell, "").is_err());
    assert_eq!(counts("borrowed_cell"), [1, 1, 0, 0]);
    let cell = RefCell::new(1);
    let guard = borrowed_cell_mut(&cell);
    assert!(guard.is_ok() && borrowed_cell_mut(&cell).is_err());
    assert_eq!(counts("borrowed_cell_mut"), [1, 1, 0, 0]);
    assert_eq!((temporary_in_tail(RefCell::default()), counts("temporary_in_tail")), (0, ok(1)));
}

#[test]
fn every_way_to_return_is_counted_once() {
    catch(|| diverges(0));
    catch(|| diverges(1));
    assert_eq!(counts("diverges"), [0, 0, 2, 0]);
    assert_eq!(ends_in_panic(1), 1);
    catch(|| assert_eq!(ends_in_panic(0), 9));
    catch(|| assert_eq!(ends_in_panic(2), 9));
    assert_eq!(counts("ends_in_panic"), [1, 0, 2, 0]);
    unit();
    assert_eq!((counts("unit"), counts("unit_with_tail")), (ok(1), ok(1)));
    let returned: Vec<_> = (0..6).map(|way| returns_early(way).ok()).collect();
    assert_eq!(returned, [Some(None), None, Some(Some(7)), None, Some(Some(7)), Some(Some(2))]);
    assert_eq!(counts("returns_early"), [4, 2, 0, 0]);
    assert_eq!((option_asks(&[]), option_asks(&[1, 5]), counts("option_asks")), (None, Some(5), ok(2)));
    assert!(boxes_errors("").is_err() && boxes_errors("e").is_err() && boxes_errors("1").is_ok());
    assert_eq!(counts("boxes_errors"), [1, 2, 0, 0]);
    assert!(matches!(flow(true), ControlFlow::Break(Failed)) && matches!(flow(false), ControlFlow::Continue(1)));
    assert_eq!(counts("flow"), ok(2));
    assert!(aliased(true).is_err() && aliased(false).is_ok() && by_macro(true).is_err() && by_macro(false).is_ok());
    assert_eq!((counts("aliased"), counts("by_macro")), ([1, 1, 0, 0], [1, 1, 0, 0]));
}

#[test]
fn types_are_inferred_as_before() {
    assert_eq!((collects(&["1", "22"]).unwrap().len(), collects(&["x"])), (2, Err(Failed)));
    assert_eq!(counts("collects"), [1, 1, 0, 0]);
    assert_eq!((sums(&[1, 2]), counts("sums"), integers(), counts("integers")), (3, ok(1), 10 << 33, ok(1)));
}

#[test]
fn values_are_coerced_as_before() {
    assert_eq!((narrowed(&vec![1]), counts("narrowed")), (&[1][..], ok(1)));
    assert_eq!((dynamic(true).to_string(), dynamic(false).to_string()), ("1".into(), "one".into()));
    let text = "a".to_owned();
    assert_eq!(dynamic_in_match(&text, &0).to_string() + &dynamic_in_match(&text, &1).to_string(), "a1");
    assert_eq!((counts("dynamic"), counts("dynamic_in_match")), (ok(2), ok(2)));
    assert_eq!((pointer(true)(2), pointer(false)(2), counts("pointer")), (4, 2, ok(2)));
    assert_eq!((unsizes().len(), counts("unsizes")), (3, ok(1)));
    assert_eq!((boxed_closure(1)("ab"), counts("boxed_closure")), (3, ok(1)));
}

#[test]
fn what_has_no_name_is_returned() {
    assert_eq!((closure(1)(1), counts("closure")), (2, ok(1)));
    assert_eq!((closure_of_reference(1)("a"), counts("closure_of_reference")), (2, ok(1)));
    assert_eq!((closure_on_one_line()(1), counts("closure_on_one_line")), (1, ok(1)));
    assert_eq!((closure_that_lends()(" a", ""), counts("closure_that_lends")), ("a", ok(1)));
    assert!(closure_in_result(true).is_err() && closure_in_result(false).is_ok_and(|closure| closure("a") == 1));
    assert_eq!(counts("closure_in_result"), [1, 1, 0, 0]);
    assert_eq!((opaque_list(vec![1]).clone().count(), counts("opaque_list")), (1, ok(1)));
    assert_eq!((opaque_inferred().sum::<u64>(), counts("opaque_inferred")), (6, ok(1)));
    assert_eq!((opaque_collects().as_ref().len(), counts("opaque_collects")), (2, ok(1)));
    assert_eq!((opaque_within_a_box().count(), counts("opaque_within_a_box")), (3, ok(1)));
    assert!(opaque_in_opaque().eq([1, 2]));
    assert_eq!(counts("opaque_in_opaque"), ok(1));
    assert!(opaque_results(true).is_err() && opaque_results(false).is_ok());
    assert_eq!(counts("opaque_results"), [1, 1, 0, 0]);
}

#[metered]
fn polls(now: std::task::Poll<Result<u8, Failed>>) -> std::task::Poll<Result<u8, Failed>> {
    now
}

#[metered]
fn looks_at(outcome: &Result<u8, Failed>) -> &Result<u8, Failed> {
    outcome
}

#[metered]
fn next_of(list: &mut Vec<Result<u8, Failed>>) -> Option<Result<u8, Failed>> {
    list.pop()
}

#[test]
fn an_error_inside_of_something_is_an_error() {
    use std::task::Poll::{Pending, Ready};
    assert!(polls(Pending).is_pending() && polls(Ready(Ok(1))).is_ready() && polls(Ready(Err(Failed))).is_ready());
    assert!(looks_at(&Ok(1)).is_ok() && looks_at(&Err(Failed)).is_err());
    assert!(next_of(&mut vec![Err(Failed)]).is_some() && next_of(&mut vec![Ok(1)]).is_some());
    assert_eq!((counts("polls"), counts("looks_at"), counts("next_of")), ([2, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]));
}
