//! What a library could offer to others: everything public is documented, and expansions add nothing public.

use runtime_metrics::{Counter, metered, metric, metrics};

/// Requests that were greeted.
#[metric(type = "counter", name = "greeted_total", labels = ["tone"])]
pub struct Greeted;

/// Greets people.
#[metrics(prefix = "greeter_")]
#[derive(Debug)]
pub struct Greeter {
    /// What it says before the name.
    pub word: String,
    /// How many were greeted.
    #[metric_field]
    pub greeted: Counter,
}

#[metrics]
impl Greeter {
    /// Greets with this word.
    #[metered(skip)]
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self { word: word.to_owned(), greeted: Self::metric_greeted() }
    }

    /// Greets somebody.
    ///
    /// # Errors
    ///
    /// If nobody is there.
    pub async fn greet(&self, name: &str) -> Result<String, std::fmt::Error> {
        if name.is_empty() {
            return Err(std::fmt::Error);
        }
        self.greeted.increment();
        std::future::ready(()).await;
        Ok(self.word.clone() + greeting(name).as_str())
    }
}

/// The end of a greeting.
#[metered]
#[must_use]
pub fn greeting(name: &str) -> String {
    Greeted::with("kind").increment();
    format!(" {name}")
}

/// Somebody who can be greeted.
pub trait Guest {
    /// The name to greet by.
    #[metered]
    fn name(&self) -> String {
        String::new()
    }
}

impl Guest for Greeter {}

#[test]
fn public_items_are_counted() {
    use crate::shapes::{counts, counts_of, ok, run};

    let greeter = Greeter::new("hello");
    assert_eq!(run(greeter.greet("you")).as_deref(), Ok("hello you"));
    assert!(run(greeter.greet(&greeter.name())).is_err());
    assert_eq!((counts_of("Greeter", "greet"), counts("greeting")), ([1, 1, 0, 0], ok(1)));
    // A default method is no service's: it is compiled once, for every `Self`.
    assert_eq!(counts("name"), ok(1));
}
