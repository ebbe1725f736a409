//! Methods of traits: `#[async_trait]`, `async fn`, `impl Trait`, default and dynamic ones.

use super::{Failed, cancel, counts, counts_of, ok, run, send, turn};
use async_trait::async_trait;
use runtime_metrics::{metered, metrics};
use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;

#[async_trait]
trait Store: Send + Sync {
    const LIMIT: usize = 2;

    async fn load(&self, key: &str) -> Result<String, Failed>;

    async fn save<'a>(&mut self, key: &'a str, value: String) -> Result<&'a str, Failed>
    where
        Self: Sized;

    #[metered]
    async fn load_or_default(&self, key: &str) -> String {
        if let Ok(value) = self.load(key).await {
            return value;
        }
        String::new()
    }

    #[metered]
    async fn describe() -> String
    where
        Self: Sized,
    {
        format!("at most {}", Self::LIMIT)
    }
}

#[metrics]
#[derive(Default)]
struct Memory<V> {
    values: HashMap<String, V>,
}

impl<V> Memory<V> {
    const NAME: &'static str = "memory";
}

#[async_trait]
impl<V: Display + From<String> + Send + Sync> Store for Memory<V> {
    #[metered]
    async fn load(&self, key: &str) -> Result<String, Failed> {
        turn().await;
        let value = self.values.get(key).ok_or(Failed)?;
        Ok(format!("{}:{}", Self::NAME, value))
    }

    #[metered(name = "save")]
    async fn save<'a>(&mut self, key: &'a str, value: String) -> Result<&'a str, Failed> {
        if self.values.len() == Self::LIMIT {
            return Err(Failed);
        }
        self.values.insert(key.to_owned(), V::from(value));
        turn().await;
        Ok(key)
    }
}

#[async_trait(?Send)]
trait Local {
    async fn local(&self, (a, b): (u8, u8), mut list: Vec<u8>) -> Box<dyn Display>;
    async fn nothing(self: Box<Self>);
}

#[async_trait(?Send)]
impl Local for u8 {
    #[metered]
    async fn local(&self, (a, b): (u8, u8), mut list: Vec<u8>) -> Box<dyn Display> {
        list.extend([a, b, *self]);
        Box::new(list.len())
    }

    #[metered]
    async fn nothing(self: Box<Self>) {}
}

#[test]
fn methods_under_async_trait_are_counted() {
    let mut memory = Memory::<String>::default();
    for key in ["a", "b", "c"] {
        let _ = run(send(memory.save(key, "v".into())));
    }
    cancel(memory.load("a"));
    assert_eq!((run(memory.load("a")), run(memory.load("x"))), (Ok("memory:v".into()), Err(Failed)));
    assert_eq!(run(memory.load_or_default("x")), "");
    assert_eq!(run(Memory::<String>::describe()), "at most 2");
    assert_eq!(counts_of("Memory", "load"), [1, 2, 0, 1]);
    assert_eq!(super::outcomes("save_requests_total", &[("service", "Memory"), ("action", "save")]), [2, 1, 0, 0]);
    assert_eq!((counts("load_or_default"), counts("describe")), (ok(1), ok(1)));
    assert_eq!(run(1.local((1, 2), vec![])).to_string(), "3");
    run(Box::new(1).nothing());
    assert_eq!((counts("local"), counts("nothing")), (ok(1), ok(1)));
}

trait Native {
    type Item: Default;

    async fn fetch(&self, found: bool) -> Result<Self::Item, Failed>;

    fn stream(&self) -> impl Iterator<Item = Self::Item> + '_;

    fn later(&self, found: bool) -> impl Future<Output = Result<Self::Item, Failed>> + Send;

    fn name() -> &'static str
    where
        Self: Sized;

    #[metered]
    async fn fetch_or_default(&self) -> Self::Item {
        self.fetch(false).await.unwrap_or_default()
    }

    #[metered]
    fn later_by_default(&self) -> impl Future<Output = u8> {
        async { 1 }
    }

    #[metered]
    fn two(&self) -> (Self::Item, Self::Item)
    where
        Self: Sized,
    {
        Default::default()
    }

    #[metered]
    fn into_self(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

#[metrics]
struct Line(Vec<u16>);

impl Native for Line {
    type Item = u16;

    #[metered]
    async fn fetch(&self, found: bool) -> Result<u16, Failed> {
        turn().await;
        if found { Ok(self.0[0]) } else { Err(Failed) }
    }

    #[metered]
    fn stream(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().copied()
    }

    #[metered]
    fn later(&self, found: bool) -> impl Future<Output = Result<Self::Item, Failed>> + Send {
        async move { if found { Ok(1) } else { Err(Failed) } }
    }

    #[metered]
    fn name() -> &'static str
    where
        Self: Sized,
    {
        "line"
    }
}

#[test]
fn methods_of_native_async_traits_are_counted() {
    let line = Line(vec![1, 2]).into_self();
    assert_eq!((run(line.fetch(true)), run(line.fetch(false))), (Ok(1), Err(Failed)));
    cancel(line.fetch(true));
    assert_eq!((line.stream().count(), run(line.later(true)), run(line.later(false))), (2, Ok(1), Err(Failed)));
    assert_eq!((run(line.fetch_or_default()), run(line.later_by_default()), line.two()), (0, 1, (0, 0)));
    assert_eq!(Line::name(), "line");
    let of = |action| counts_of("Line", action);
    assert_eq!((of("fetch"), of("stream"), of("later"), of("name")), ([1, 2, 0, 1], ok(1), [1, 1, 0, 0], ok(1)));
    assert_eq!((counts("fetch_or_default"), counts("later_by_default")), (ok(1), ok(1)));
    assert_eq!((counts("two"), counts("into_self")), (ok(1), ok(1)));
}

trait Shape {
    const SIDES: u8;
    type Size<'a>: Into<u64>
    where
        Self: 'a;

    fn size<'a>(&'a self, scale: &'a u32) -> Self::Size<'a>;

    #[metered]
    fn sides(&self) -> [u8; 2] {
        [Self::SIDES; 2]
    }
}

struct Square(u32);

impl Shape for Square {
    const SIDES: u8 = 4;
    type Size<'a> = u32;

    #[metered]
    fn size<'a>(&'a self, scale: &'a u32) -> Self::Size<'a> {
        self.0 * scale
    }
}

trait Speak {
    #[metered]
    fn speak(&self) -> String {
        "…".into()
    }
}

impl Speak for u8 {}
impl Speak for str {}

impl dyn Speak {
    #[metered]
    fn shout(&self) -> String {
        self.speak().to_uppercase()
    }
}

impl<T: Speak + ?Sized> Speak for &T {
    #[metered]
    fn speak(&self) -> String {
        (**self).speak() + "!"
    }
}

impl Iterator for Line {
    type Item = u16;

    #[metered(name = "line_next")]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.pop()
    }
}

impl Drop for Line {
    #[metered(name = "line_drop")]
    fn drop(&mut self) {}
}

#[test]
fn associated_items_and_dynamic_methods_stay_what_they_were() {
    let square = Square(2);
    assert_eq!((u64::from(square.size(&3)), square.sides()), (6, [4, 4]));
    assert_eq!((counts("size"), counts("sides")), (ok(1), ok(1)));
    let speaker: &dyn Speak = &1;
    assert_eq!(
        (speaker.shout(), "".speak(), 1.speak(), Speak::speak(&&1)),
        ("…".into(), "…".into(), "…".into(), "…!".into())
    );
    assert_eq!((counts("shout"), counts("speak")), (ok(1), ok(5)));
    let mut line = Line(vec![1]);
    assert_eq!((line.next(), line.next()), (Some(1), None));
    let next = super::outcomes("line_next_requests_total", &[("service", "Line"), ("action", "next")]);
    assert_eq!(next, ok(2));
    drop(line);
    let [dropped, ..] = super::outcomes("line_drop_requests_total", &[("service", "Line"), ("action", "drop")]);
    assert!(dropped > 0);
}

trait Shared: runtime_metrics::MeasuredService {
    #[metered]
    fn shared(&self) {}
}

#[metrics]
struct First;

#[metrics]
struct Second;

impl Shared for First {}
impl Shared for Second {}

#[test]
fn a_default_method_counts_for_the_service_that_it_is_called_on() {
    First.shared();
    Second.shared();
    assert_eq!((counts_of("First", "shared"), counts_of("Second", "shared")), (ok(1), ok(1)));
}

#[async_trait]
trait Labelled {
    async fn labelled(&self, pair: (u8, u8)) -> u8;
    async fn labelled_by_self(&mut self, add: String);
}

#[async_trait]
impl Labelled for Memory<String> {
    #[metered(name = "labelled", labels(second = b))]
    async fn labelled(&self, (a, b): (u8, u8)) -> u8 {
        a + b
    }

    #[metered(name = "labelled_by_self", labels(count = self.values.len()))]
    async fn labelled_by_self(&mut self, mut add: String) {
        let kept = std::mem::take(&mut add);
        self.values.insert(kept, add);
    }
}

#[test]
fn labels_under_async_trait_see_arguments_that_are_taken_apart() {
    assert_eq!(run(Memory::default().labelled((1, 2))), 3);
    let labels = [("service", "Memory"), ("action", "labelled"), ("second", "2")];
    assert_eq!(super::outcomes("labelled_requests_total", &labels), ok(1));
    run(Memory::<String>::default().labelled_by_self("a".into()));
    let labels = [("service", "Memory"), ("action", "labelled_by_self"), ("count", "0")];
    assert_eq!(super::outcomes("labelled_by_self_requests_total", &labels), ok(1));
}
