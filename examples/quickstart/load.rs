//! The load generator: clients that buy, look, complain and lose their patience, and that count.

use crate::client::Client;
use hyper::{Method, StatusCode};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How requests ended, as their clients saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub ok: u64,
    pub error: u64,
    pub cancelled: u64,
    /// Neither answered nor given up: the connection broke, which must not happen.
    pub lost: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.ok += other.ok;
        self.error += other.error;
        self.cancelled += other.cancelled;
        self.lost += other.lost;
    }
}

/// Counts for each handler.
pub type Tally = BTreeMap<&'static str, Counts>;

/// What some clients do again and again.
struct Habit {
    action: &'static str,
    clients: u64,
    every: Duration,
    /// The request of a round.
    ask: fn(u64) -> (Method, String, String),
    /// Whether they hang up as soon as the service has begun.
    hangs_up: bool,
}

/// About a hundred requests per second in all.
const HABITS: [Habit; 5] = [
    Habit { action: "place", clients: 4, every: Duration::from_millis(80), ask: place, hangs_up: false },
    Habit { action: "find", clients: 2, every: Duration::from_millis(80), ask: find, hangs_up: false },
    Habit { action: "refund", clients: 1, every: Duration::from_millis(120), ask: refund, hangs_up: false },
    Habit { action: "daily_report", clients: 2, every: Duration::from_millis(400), ask: daily, hangs_up: false },
    Habit { action: "yearly_report", clients: 2, every: Duration::from_millis(250), ask: yearly, hangs_up: true },
];

/// One in four wants what is sold out.
fn place(round: u64) -> (Method, String, String) {
    let (customer, product, quantity) = (1 + round % 3, 1 + round % 4, 1 + round % 5);
    let body = format!(r#"{{"customer":{customer},"product":{product},"quantity":{quantity}}}"#);
    (Method::POST, "/orders".to_owned(), body)
}

/// One in five looks for an order that is not there.
fn find(round: u64) -> (Method, String, String) {
    let id = if round % 5 == 4 { 0 } else { 1 + round % 100 };
    (Method::GET, format!("/orders/{id}"), String::new())
}

fn refund(round: u64) -> (Method, String, String) {
    (Method::POST, format!("/orders/{}/refund", 1 + round % 100), String::new())
}

fn daily(_: u64) -> (Method, String, String) {
    (Method::GET, "/reports/daily".to_owned(), String::new())
}

fn yearly(round: u64) -> (Method, String, String) {
    (Method::GET, format!("/reports/yearly/{round}"), String::new())
}

/// Nothing on one machine takes that long; who waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// The clients at work.
pub struct Load {
    stop: watch::Sender<bool>,
    clients: JoinSet<Tally>,
}

impl Load {
    /// Starts the clients. `begun` tells the numbers of the yearly reports that have begun.
    pub fn start(address: SocketAddr, begun: &broadcast::Sender<u64>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut clients = JoinSet::new();
        for habit in &HABITS {
            for number in 0..habit.clients {
                clients.spawn(live(habit, number, address, begun.clone(), stopped.clone()));
            }
        }
        Self { stop, clients }
    }

    /// Lets each client end what it has begun, and adds up what they counted.
    pub async fn stop(self) -> Tally {
        // An error means that all clients have gone already.
        let _ = self.stop.send(true);
        let mut all = Tally::new();
        for (action, counts) in self.clients.join_all().await.into_iter().flatten() {
            *all.entry(action).or_default() += counts;
        }
        all
    }
}

/// The life of one client.
async fn live(
    habit: &Habit,
    number: u64,
    address: SocketAddr,
    begun: broadcast::Sender<u64>,
    mut stopped: watch::Receiver<bool>,
) -> Tally {
    let mut counts = Counts::default();
    let mut client = None;
    let mut ticks = interval(habit.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Rounds of two clients differ, so that each report has a number of its own.
    for round in (number..).step_by(habit.clients as usize) {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
        let ended = if habit.hangs_up {
            timeout(PATIENCE, ask_and_hang_up(habit, round, address, &begun)).await
        } else {
            timeout(PATIENCE, ask(habit, round, address, &mut client)).await
        };
        match ended {
            Ok(Some(Ended::Answered(status))) if status.is_success() => counts.ok += 1,
            Ok(Some(Ended::Answered(_))) => counts.error += 1,
            Ok(Some(Ended::HungUp)) => counts.cancelled += 1,
            Ok(None) | Err(_) => {
                counts.lost += 1;
                client = None;
            }
        }
    }
    Tally::from([(habit.action, counts)])
}

enum Ended {
    Answered(StatusCode),
    HungUp,
}

/// One request over a connection that is kept; `None` if it breaks.
async fn ask(habit: &Habit, round: u64, address: SocketAddr, kept: &mut Option<Client>) -> Option<Ended> {
    let (method, path, body) = (habit.ask)(round);
    let mut client = match kept.take() {
        Some(client) => client,
        None => Client::connect(address).await.ok()?,
    };
    let (status, _) = client.ask(&method, &path, body).await.ok()?;
    *kept = Some(client);
    Some(Ended::Answered(status))
}

/// One request that is given up. A client that hangs up too early has asked nothing, as far as the
/// service knows; so this one waits until the service says that it is at work.
async fn ask_and_hang_up(
    habit: &Habit,
    round: u64,
    address: SocketAddr,
    begun: &broadcast::Sender<u64>,
) -> Option<Ended> {
    let (method, path, body) = (habit.ask)(round);
    let mut begun = begun.subscribe();
    let mut client = Client::connect(address).await.ok()?;
    let at_work = async {
        loop {
            match begun.recv().await {
                Ok(number) if number == round => return Some(Ended::HungUp),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    };
    tokio::select! {
        answer = client.ask(&method, &path, body) => answer.ok().map(|(status, _)| Ended::Answered(status)),
        ended = at_work => ended,
    }
}
