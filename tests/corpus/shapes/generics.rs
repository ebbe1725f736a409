//! Generics, constants, lifetimes and bounds.

use super::{Failed, counts, ok, run};
use runtime_metrics::metered;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::marker::PhantomData;

#[metered]
fn generic<K, V>(map: &HashMap<K, V>, key: &K) -> Option<V>
where
    K: Eq + Hash,
    V: Clone,
{
    map.get(key).cloned()
}

#[metered]
fn constant<T: Default + Copy, const N: usize>() -> [T; N] {
    [T::default(); N]
}

#[metered]
fn elided(text: &str) -> &str {
    text.trim()
}

#[metered]
fn explicit<'a, 'b>(first: &'a str, _second: &'b str) -> (&'a str, Cow<'a, str>)
where
    'b: 'a,
{
    (first, Cow::Borrowed(first))
}

#[metered]
fn early_bound<'a: 'a, T: 'a + ?Sized>(value: &'a T) -> &'a T {
    value
}

#[metered]
fn opaque_arguments(shown: impl Display, many: impl IntoIterator<Item = impl Debug>) -> String {
    many.into_iter().fold(shown.to_string(), |text, each| format!("{text}{each:?}"))
}

#[metered]
async fn opaque_arguments_async(shown: impl Display + Send, suffix: &(impl Display + ?Sized)) -> String {
    format!("{shown}{suffix}")
}

#[metered]
fn unsized_generic<T: ?Sized + ToString>(value: &T) -> String {
    value.to_string()
}

#[metered]
fn unsized_box(text: Box<str>) -> Box<[u8]> {
    text.into_boxed_bytes()
}

#[metered]
fn higher_ranked<F>(function: F) -> Result<usize, Failed>
where
    F: for<'a> Fn(&'a str) -> Option<&'a str>,
{
    function(" a ").map(str::len).ok_or(Failed)
}

#[metered]
fn function_pointer(function: for<'a> fn(&'a str) -> &'a str, dynamic: &dyn Fn(&str) -> usize) -> usize {
    dynamic(function(" a "))
}

#[metered]
fn result_or_not<T>(value: T) -> T {
    value
}

#[metered]
fn opaque_with_lifetime<'a, T: Display + 'a>(values: &'a [T]) -> impl Iterator<Item = String> + use<'a, T> {
    values.iter().map(ToString::to_string)
}

struct Grid<'g, T, const W: usize> {
    rows: &'g [[T; W]],
    marker: PhantomData<T>,
}

trait Cell {
    const ZERO: Self;
    type Wide: From<bool>;
}

impl Cell for u8 {
    const ZERO: Self = 0;
    type Wide = u32;
}

impl<'g, T: Cell + Copy, const W: usize> Grid<'g, T, W> {
    #[metered]
    fn build(rows: &'g [[T; W]]) -> Self {
        Self { rows, marker: PhantomData }
    }

    #[metered]
    fn row(&self, at: usize) -> Result<&'g [T; W], Failed> {
        self.rows.get(at).ok_or(Failed)
    }

    #[metered]
    fn zero() -> [T; W]
    where
        Self: Sized,
    {
        [T::ZERO; W]
    }

    #[metered]
    fn wide(&self) -> <T as Cell>::Wide {
        T::Wide::from(W == 2)
    }

    #[metered]
    async fn row_async<U: Into<usize>>(&self, at: U) -> Option<&[T; W]> {
        self.rows.get(at.into())
    }
}

#[test]
fn generic_functions_share_one_count() {
    let map = HashMap::from([("a", 1)]);
    assert_eq!((generic(&map, &"a"), generic(&map, &"b")), (Some(1), None));
    assert_eq!(generic(&HashMap::from([(1, "x".to_owned())]), &1).as_deref(), Some("x"));
    assert_eq!(counts("generic"), ok(3));
    assert_eq!((constant::<u8, 2>(), constant::<i64, 3>(), counts("constant")), ([0; 2], [0; 3], ok(2)));
    // What a generic type stands for is not known in the function: a value is a value.
    assert_eq!((result_or_not::<Result<u8, Failed>>(Err(Failed)), counts("result_or_not")), (Err(Failed), ok(1)));
}

#[test]
fn lifetimes_stay_what_they_were() {
    assert_eq!((elided(" a "), counts("elided")), ("a", ok(1)));
    let (first, cow) = explicit("a", "b");
    assert_eq!((first, &*cow, counts("explicit")), ("a", "a", ok(1)));
    assert_eq!((early_bound("a"), counts("early_bound")), ("a", ok(1)));
    assert_eq!(opaque_with_lifetime(&[1, 2]).collect::<String>(), "12");
    assert_eq!(counts("opaque_with_lifetime"), ok(1));
}

#[test]
fn arguments_may_be_opaque_unsized_and_functions() {
    assert_eq!((opaque_arguments("x", [1, 2]), counts("opaque_arguments")), ("x12".into(), ok(1)));
    assert_eq!(run(opaque_arguments_async(1, "s")), "1s");
    assert_eq!(counts("opaque_arguments_async"), ok(1));
    assert_eq!((unsized_generic("a"), unsized_generic(&1), counts("unsized_generic")), ("a".into(), "1".into(), ok(2)));
    assert_eq!((&*unsized_box("a".into()), counts("unsized_box")), (&b"a"[..], ok(1)));
    assert_eq!((higher_ranked(|text| text.strip_prefix(' ')), higher_ranked(|_| None)), (Ok(2), Err(Failed)));
    assert_eq!(counts("higher_ranked"), [1, 1, 0, 0]);
    assert_eq!((function_pointer(str::trim, &str::len), counts("function_pointer")), (1, ok(1)));
}

#[test]
fn methods_of_generic_types_are_counted() {
    let rows = [[1, 2], [3, 4]];
    let grid = Grid::build(&rows);
    assert_eq!((grid.row(1), grid.row(2)), (Ok(&[3, 4]), Err(Failed)));
    assert_eq!((Grid::<u8, 3>::zero(), grid.wide(), run(grid.row_async(0_usize))), ([0; 3], 1, Some(&[1, 2])));
    assert_eq!(grid.marker, PhantomData);
    assert_eq!((counts("build"), counts("row"), counts("zero")), (ok(1), [1, 1, 0, 0], ok(1)));
    assert_eq!((counts("wide"), counts("row_async")), (ok(1), ok(1)));
}
