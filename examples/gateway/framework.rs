//! What a service framework would bring along: contexts for its handlers, a store, an event bus.

use runtime_metrics::LabelValue;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Who asks, and from where.
#[derive(Default)]
pub struct RequestContext {
    pub fare_class: Option<FareClass>,
    pub network: String,
}

/// A value for labels: `tourist`, `first`.
#[derive(Clone, Copy, LabelValue)]
pub enum FareClass {
    Tourist,
    #[label("first")]
    FirstClass,
}

/// When an event came about.
pub struct EventContext {
    pub emitted_at: SystemTime,
}

/// Which run of a job this is.
pub struct JobContext {
    pub run: u32,
}

/// Why the gateway says no.
#[derive(Debug)]
pub enum Refused {
    NoSuchTraveller(String),
    Full,
    Unpaid,
    BusAway,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTraveller(name) => write!(f, "nobody is called {name}"),
            Self::Full => f.write_str("the ferry is full"),
            Self::Unpaid => f.write_str("nothing was paid"),
            Self::BusAway => f.write_str("the event bus is away"),
        }
    }
}

impl std::error::Error for Refused {}

pub type Result<T, E = Refused> = std::result::Result<T, E>;

/// Where travellers, timetables and seats are kept.
#[derive(Default)]
pub struct Store {
    travellers: Mutex<Vec<String>>,
    cached: Mutex<BTreeMap<String, String>>,
    seats_taken: Mutex<u32>,
}

/// Seats of the ferry.
const SEATS: u32 = 3;

impl Store {
    pub async fn add_traveller(&self, name: &str) {
        tokio::task::yield_now().await;
        lock(&self.travellers).push(name.to_owned());
    }

    pub async fn find_traveller(&self, name: &str) -> Result<String> {
        tokio::task::yield_now().await;
        let found = lock(&self.travellers).iter().find(|known| *known == name).cloned();
        found.ok_or_else(|| Refused::NoSuchTraveller(name.to_owned()))
    }

    /// The timetable of a pier, and whether it was in the cache.
    pub async fn timetable(&self, pier: &str) -> (String, bool) {
        if let Some(known) = lock(&self.cached).get(pier) {
            return (known.clone(), true);
        }
        tokio::task::yield_now().await;
        let table = format!("{pier}: 06:00, 12:00, 18:00");
        lock(&self.cached).insert(pier.to_owned(), table.clone());
        (table, false)
    }

    pub async fn take_seats(&self, wanted: u32) -> Result<u32> {
        tokio::task::yield_now().await;
        let mut taken = lock(&self.seats_taken);
        if *taken + wanted > SEATS {
            return Err(Refused::Full);
        }
        *taken += wanted;
        Ok(*taken)
    }

    /// Gives back what was held and never paid for.
    pub async fn release_seats(&self) -> u32 {
        tokio::task::yield_now().await;
        std::mem::take(&mut *lock(&self.seats_taken))
    }
}

/// Takes events, while somebody listens.
pub struct EventBus {
    pub connected: bool,
}

impl EventBus {
    pub async fn publish(&self, _topic: &str, _event: &str) -> Result<()> {
        tokio::task::yield_now().await;
        if self.connected { Ok(()) } else { Err(Refused::BusAway) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic left behind is still whole: each change here is a single step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
