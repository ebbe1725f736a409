//! `#[metered]`, `#[metrics]` and `#[metric]`: everyday shapes, and every way out of them.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use async_trait::async_trait;
use runtime_metrics::{
    Counter, Distribution, Gauge, Histogram, MeasuredService, Reading, Timer, add_label, increment, metered, metric,
    metrics, observe, registry, timer,
};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// How often an action ended in each way: ok, error, panic, cancelled.
fn outcomes(labels: &[(&str, &str)]) -> [u64; 4] {
    outcomes_of("action_requests_total", labels)
}

fn outcomes_of(name: &str, labels: &[(&str, &str)]) -> [u64; 4] {
    ["ok", "error", "panic", "cancelled"].map(|outcome| {
        let mut labels = labels.to_vec();
        labels.push(("outcome", outcome));
        match registry().get(name, &labels) {
            Some(Reading::Counter(count)) => count,
            None => 0,
            other => panic!("{other:?}"),
        }
    })
}

fn active(labels: &[(&str, &str)]) -> f64 {
    match registry().get("action_active_requests", labels) {
        Some(Reading::Gauge(active)) => active,
        other => panic!("{other:?}"),
    }
}

fn times(name: &str, labels: &[(&str, &str)]) -> Distribution {
    match registry().get(name, labels) {
        Some(Reading::Distribution(times)) => times,
        other => panic!("{other:?}"),
    }
}

fn catch(body: impl FnOnce()) {
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err());
}

#[derive(Debug)]
struct Failed;

impl From<std::num::ParseIntError> for Failed {
    fn from(_: std::num::ParseIntError) -> Self {
        Self
    }
}

#[metered]
fn sync_all_ways(way: u8) -> Result<u32, Failed> {
    if way == 0 {
        return Ok(0);
    }
    match way {
        1 => Err(Failed),
        2 => Ok("x".parse::<u32>()?),
        3 => panic!("on purpose"),
        _ => Ok(1),
    }
}

#[test]
fn a_function_is_counted_once_on_every_way_out() {
    assert_eq!(outcomes(&[("action", "sync_all_ways")]), [0; 4]);
    for way in [0, 1, 2, 4, 4] {
        let _ = sync_all_ways(way);
    }
    catch(|| {
        let _ = sync_all_ways(3);
    });
    let labels = [("action", "sync_all_ways")];
    assert_eq!(outcomes(&labels), [3, 2, 1, 0]);
    assert_eq!(active(&labels), 0.0);
    assert_eq!(times("action_duration_seconds", &labels).count, 6);
}

#[metered]
async fn async_all_ways(way: u8) -> Result<u32, Failed> {
    tokio::task::yield_now().await;
    match way {
        1 => Err(Failed),
        2 => Ok("x".parse::<u32>()?),
        3 => panic!("on purpose"),
        4 => std::future::pending().await,
        _ => Ok(1),
    }
}

#[tokio::test]
async fn a_future_is_counted_once_on_every_way_out() {
    let labels = [("action", "async_all_ways")];
    for way in [0, 1, 2] {
        let _ = async_all_ways(way).await;
    }
    assert!(tokio::spawn(async { async_all_ways(3).await.is_ok() }).await.is_err());
    // By timeout, by abort, and by select!.
    assert!(tokio::time::timeout(Duration::from_millis(5), async_all_ways(4)).await.is_err());
    let task = tokio::spawn(async { async_all_ways(4).await.is_ok() });
    while active(&labels) < 1.0 {
        tokio::task::yield_now().await;
    }
    task.abort();
    let _ = task.await;
    tokio::select! {
        biased;
        _ = async_all_ways(4) => unreachable!(),
        () = tokio::task::yield_now() => {}
    }
    // Never polled is never called.
    drop(async_all_ways(4));
    assert_eq!(outcomes(&labels), [1, 2, 1, 3]);
    assert_eq!(active(&labels), 0.0);
}

#[tokio::test]
async fn the_running_calls_return_to_zero_after_a_storm_of_cancellations() {
    #[metered]
    async fn stormed() {
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
    let labels = [("action", "stormed")];
    let tasks: Vec<_> = (0..500).map(|_| tokio::spawn(stormed())).collect();
    while active(&labels) < 500.0 {
        tokio::task::yield_now().await;
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    for task in tasks {
        let _ = task.await;
    }
    assert_eq!((active(&labels), outcomes(&labels)), (0.0, [0, 0, 0, 500]));
}

#[metrics]
struct Shop {
    stock: u32,
}

impl Shop {
    #[metered]
    fn sell(&mut self, count: u32) -> Result<u32, Failed> {
        self.stock = self.stock.checked_sub(count).ok_or(Failed)?;
        Ok(self.stock)
    }

    #[metered]
    async fn restock(&mut self, count: u32) -> &u32 {
        tokio::task::yield_now().await;
        self.stock += count;
        &self.stock
    }

    #[metered]
    fn open(stock: u32) -> Self {
        Self { stock }
    }
}

#[tokio::test]
async fn the_methods_of_a_service_add_up_to_the_service() {
    let mut shop = Shop::open(5);
    assert_eq!(shop.sell(2).unwrap(), 3);
    assert!(shop.sell(9).is_err());
    assert_eq!(*shop.restock(4).await, 7);
    let service = [("service", "Shop")];
    let of = |action| [("service", "Shop"), ("action", action)];
    assert_eq!(outcomes(&of("open")), [1, 0, 0, 0]);
    assert_eq!(outcomes(&of("sell")), [1, 1, 0, 0]);
    assert_eq!(outcomes(&of("restock")), [1, 0, 0, 0]);
    assert_eq!(registry().get("service_requests_total", &service), Some(Reading::Counter(4)));
    assert_eq!(registry().get("service_errors_total", &service), Some(Reading::Counter(1)));
    assert_eq!(registry().get("service_active_requests", &service), Some(Reading::Gauge(0.0)));
    assert_eq!(times("service_response_time_seconds", &service).count, 4);
}

#[metrics(prefix = "depot_")]
struct Depot<T> {
    items: Vec<T>,
    #[metric_field(description = "Items in the depot.")]
    level: Gauge,
    #[metric_field(unit = "bytes", buckets = [10, 100])]
    item_size: Histogram,
    #[metric_field]
    sorting: Timer,
    #[metric_field(name = "arrivals_total")]
    arrived: Counter,
}

#[metrics]
impl<T: Clone + Ord> Depot<T> {
    #[metered(skip)]
    fn new() -> Self {
        Self {
            items: Vec::new(),
            level: Self::metric_level(),
            item_size: Self::metric_item_size(),
            sorting: Self::metric_sorting(),
            arrived: Self::metric_arrived(),
        }
    }

    fn put(&mut self, item: T) -> usize {
        self.items.push(item);
        self.level.increment();
        self.item_size.observe(50);
        self.arrived.increment();
        self.items.len()
    }

    #[metered(name = "depot_sort")]
    fn sorted(&self) -> Vec<T> {
        let _timing = self.sorting.start();
        let mut items = self.items.clone();
        items.sort();
        items
    }
}

#[test]
fn the_fields_and_methods_of_a_generic_service_are_there_before_the_first_call() {
    let put = [("service", "Depot"), ("action", "put")];
    assert_eq!(outcomes(&put), [0; 4]);
    assert!(
        registry()
            .get("action_requests_total", &[("service", "Depot"), ("action", "put"), ("outcome", "ok")])
            .is_some()
    );
    assert_eq!(registry().get("depot_level", &[]), Some(Reading::Gauge(0.0)));

    let mut depot = Depot::new();
    depot.put(3);
    depot.put(1);
    assert_eq!(depot.sorted(), [1, 3]);
    let mut words = Depot::new();
    words.put("a");

    assert_eq!(outcomes(&put), [3, 0, 0, 0]);
    assert_eq!(registry().get("depot_level", &[]), Some(Reading::Gauge(3.0)));
    assert_eq!(registry().get("depot_arrivals_total", &[]), Some(Reading::Counter(3)));
    assert_eq!(times("depot_sorting", &[]).count, 1);
    assert_eq!(times("depot_item_size", &[]).count, 3);
    let requests = registry().get("depot_service_requests_total", &[("service", "Depot")]);
    assert_eq!(requests, Some(Reading::Counter(4)));
    assert_eq!(outcomes_of("depot_sort_requests_total", &[("service", "Depot"), ("action", "sorted")]), [1, 0, 0, 0]);
}

#[async_trait]
trait Handler: Send + Sync {
    async fn handle(&self, word: &str) -> Result<usize, Failed>;
}

#[metrics]
struct Words;

#[async_trait]
impl Handler for Words {
    #[metered]
    async fn handle(&self, word: &str) -> Result<usize, Failed> {
        tokio::task::yield_now().await;
        if word.is_empty() {
            return Err(Failed);
        }
        Ok(word.len())
    }
}

#[tokio::test]
async fn methods_under_async_trait_are_measured_and_find_their_service() {
    let handler: Box<dyn Handler> = Box::new(Words);
    assert_eq!(handler.handle("four").await.unwrap(), 4);
    assert!(handler.handle("").await.is_err());
    let _ = tokio::time::timeout(Duration::ZERO, handler.handle("late")).await;
    let [ok, error, panic, cancelled] = outcomes(&[("service", "Words"), ("action", "handle")]);
    assert_eq!((ok + cancelled, error, panic), (2, 1, 0));
    assert_eq!(registry().get("service_requests_total", &[("service", "Words")]), Some(Reading::Counter(3)));
}

trait Native {
    fn answer(&self) -> impl Future<Output = Result<u8, Failed>> + Send;
    async fn ask(&self) -> Option<u8>;
    fn boxed(&self) -> Pin<Box<dyn Future<Output = Result<u8, Failed>> + Send + '_>>;
}

#[metrics]
struct Oracle;

impl Native for Oracle {
    #[metered]
    fn answer(&self) -> impl Future<Output = Result<u8, Failed>> + Send {
        async { Err(Failed) }
    }

    #[metered]
    async fn ask(&self) -> Option<u8> {
        Some(1)
    }

    #[metered]
    fn boxed(&self) -> Pin<Box<dyn Future<Output = Result<u8, Failed>> + Send + '_>> {
        let future = async { Err(Failed) };
        Box::pin(future)
    }
}

#[tokio::test]
async fn a_returned_future_is_measured_when_it_runs() {
    assert!(Oracle.answer().await.is_err());
    assert_eq!(Oracle.ask().await, Some(1));
    assert!(Oracle.boxed().await.is_err());
    let of = |action| outcomes(&[("service", "Oracle"), ("action", action)]);
    assert_eq!((of("answer"), of("ask"), of("boxed")), ([0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]));
}

#[metered]
fn generic<'a, T, const N: usize>(
    first: &'a T,
    (_, rest): (u8, [T; N]),
    mut count: usize,
) -> Result<Option<&'a T>, Box<dyn std::error::Error>>
where
    T: PartialEq,
{
    count += rest.len();
    if count > 3 {
        Err("too many")?;
    }
    Ok(rest.contains(first).then_some(first))
}

#[metered]
fn shapes(mut words: Vec<String>, extra: &mut Vec<String>) -> impl Iterator<Item = String> + use<> {
    words.append(extra);
    words.into_iter()
}

#[metered]
async fn mixed(flag: bool) -> Result<impl Iterator<Item = u8>, Box<dyn std::error::Error + Send + Sync>> {
    if flag {
        return Err("flag".into());
    }
    let parsed: u8 = "7".parse()?;
    Ok(std::iter::once(parsed))
}

#[metered]
fn r#match() -> Box<dyn Fn() -> u8> {
    #![allow(clippy::needless_return)]
    return Box::new(|| 1);
}

#[tokio::test]
async fn generics_lifetimes_and_opaque_types_stay_what_they_are() {
    assert_eq!(generic(&1, (0, [1, 2]), 0).unwrap(), Some(&1));
    assert!(generic(&"a", (0, ["a", "b"]), 5).is_err());
    assert_eq!(outcomes(&[("action", "generic")]), [1, 1, 0, 0]);
    let mut extra = vec!["b".to_owned()];
    assert_eq!(shapes(vec!["a".to_owned()], &mut extra).count(), 2);
    assert_eq!(mixed(false).await.unwrap().next(), Some(7));
    assert!(mixed(true).await.is_err());
    assert_eq!(outcomes(&[("action", "mixed")]), [1, 1, 0, 0]);
    assert_eq!(r#match()(), 1);
    assert_eq!(outcomes(&[("action", "match")]), [1, 0, 0, 0]);
}

#[metered(event = "user.updated")]
async fn handle_user_updated(fails: bool) -> Result<(), Failed> {
    if fails { Err(Failed) } else { Ok(()) }
}

#[tokio::test]
async fn an_event_has_the_three_metrics_of_events() {
    handle_user_updated(false).await.unwrap();
    handle_user_updated(true).await.unwrap_err();
    let event = [("event", "user.updated")];
    assert_eq!(registry().get("event_received_total", &event), Some(Reading::Counter(2)));
    assert_eq!(registry().get("event_failures_total", &event), Some(Reading::Counter(1)));
    assert_eq!(times("event_processing_time_seconds", &event).count, 2);
}

#[metered(name = "profile", prefix = "web_", buckets = [0.001, 60], labels = ["tier", "zone"])]
async fn profile(user: u32) -> Result<u32, Failed> {
    tokio::task::yield_now().await;
    choose_tier(user);
    tokio::task::yield_now().await;
    add_label!("zone", user);
    if user == 9 { Err(Failed) } else { Ok(user) }
}

#[metered]
fn choose_tier(user: u32) {
    add_label!("tier", if user == 1 { "gold" } else { "free" });
}

#[tokio::test]
async fn labels_reach_the_call_from_helpers_and_across_awaits() {
    let (one, two, nine) = tokio::join!(profile(1), profile(2), profile(9));
    assert!(one.is_ok() && two.is_ok() && nine.is_err());
    let of = |tier, zone| {
        outcomes_of("web_profile_requests_total", &[("action", "profile"), ("tier", tier), ("zone", zone)])
    };
    assert_eq!((of("gold", "1"), of("free", "2"), of("free", "9")), ([1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]));
    let times = times("web_profile_duration_seconds", &[("action", "profile"), ("tier", "gold"), ("zone", "1")]);
    assert_eq!((times.count, times.buckets().count()), (1, 3));
    let running = registry().get("web_profile_active_requests", &[("action", "profile")]);
    assert_eq!(running, Some(Reading::Gauge(0.0)));
}

#[test]
fn labels_without_bounds_are_folded_and_the_total_stays_right() {
    #[metered(name = "exploding", labels = ["id"])]
    fn exploding(id: u32) {
        add_label!("id", id);
    }
    let limit = runtime_metrics::Limits::default().series_per_metric as u32;
    (0..limit * 2).for_each(exploding);
    let snapshot = registry().snapshot();
    let total: u64 = snapshot
        .family("exploding_requests_total")
        .unwrap()
        .series
        .iter()
        .map(|series| match series.value {
            Reading::Counter(count) => count,
            _ => 0,
        })
        .sum();
    assert_eq!(total, u64::from(limit) * 2);
    let durations = snapshot.family("exploding_duration_seconds").unwrap();
    assert!(durations.series.len() <= limit as usize + 1, "{}", durations.series.len());
    let folded = [("action", "exploding"), ("overflow", "true")];
    let folded = times("exploding_duration_seconds", &folded).count;
    assert!(folded >= u64::from(limit), "{folded}");
    let counted = registry().get("runtime_metrics_overflowed", &[("metric", "exploding_duration_seconds")]);
    assert_eq!(counted, Some(Reading::Counter(folded)));
}

#[metric(type = "counter", name = "registrations_total", description = "Registrations.", labels = ["source", "type"])]
pub(crate) struct Registrations;

#[metric(type = "timer", name = "checkout_time")]
struct CheckoutTime;

#[test]
fn a_declared_metric_is_recorded_by_type_by_name_and_by_handle() {
    let source = String::from("web");
    increment!(Registrations, labels: {"source" => source, "type" => "free"});
    increment!("registrations_total", labels: {"type" => "free", "source" => "web"});
    Registrations::with("web", "free").increment();
    assert_eq!(
        registry().get("registrations_total", &[("source", "web"), ("type", "free")]),
        Some(Reading::Counter(3))
    );

    observe!(CheckoutTime, value: Duration::from_secs(1));
    timer!(CheckoutTime).stop();
    CheckoutTime::handle().start().stop();
    assert_eq!(times("checkout_time", &[]).count, 3);
}

#[tokio::test]
async fn an_axum_handler_stays_a_handler_and_its_5xx_is_an_error() {
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};

    #[metered]
    async fn reports(axum::extract::Path(code): axum::extract::Path<u16>) -> Response {
        StatusCode::from_u16(code).unwrap_or_default().into_response()
    }

    #[metered]
    async fn tuples(
        axum::extract::Path(fails): axum::extract::Path<bool>,
    ) -> Result<(StatusCode, &'static str), StatusCode> {
        if fails { Err(StatusCode::BAD_GATEWAY) } else { Ok((StatusCode::SERVICE_UNAVAILABLE, "later")) }
    }

    let router: axum::Router = axum::Router::new()
        .route("/reports/{code}", axum::routing::get(reports))
        .route("/tuples/{fails}", axum::routing::get(tuples));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    for path in ["/reports/200", "/reports/404", "/reports/503", "/tuples/true", "/tuples/false"] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    }
    server.abort();
    assert_eq!(outcomes(&[("action", "reports")]), [2, 1, 0, 0]);
    assert_eq!(outcomes(&[("action", "tuples")]), [0, 2, 0, 0]);
}

#[test]
fn a_service_is_one_by_its_type() {
    fn is_service<T: MeasuredService>() {}
    is_service::<Shop>();
    is_service::<Depot<u8>>();
}
