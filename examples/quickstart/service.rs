//! The service from its start to its end, with the load on it.

use crate::client::Client;
use crate::flags::Flags;
use crate::load::Load;
use crate::orders::{Order, Orders, on_order_placed};
use crate::screen::Screen;
use crate::store::Store;
use crate::verdict::{Verdict, compare};
use crate::{Failure, api, dashboard};
use hyper::Method;
use runtime_metrics::Snapshot;
use runtime_metrics::collectors::web::Server;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{interval, sleep, timeout};

/// How long what is in flight may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the service under load until its time is up, or until Ctrl-C; then compares the accounts.
pub async fn run(
    flags: &Flags,
    screen: &Screen,
    metrics: Option<SocketAddr>,
    sentry_line: &str,
) -> Result<Verdict, Failure> {
    let directory = Scratch::new()?;
    let store = Store::open(&directory.0.join("orders.db")).await?;
    let (placed, parcels) = mpsc::unbounded_channel();
    let (begun, _) = broadcast::channel(1024);
    let orders = Arc::new(Orders::new(store, placed, begun.clone()));
    let packing = tokio::spawn(pack(parcels));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let counted = Server::new("orders").accepts(address);
    let server = axum::serve(counted.listen(listener), counted.make_service(api::router(Arc::clone(&orders))));
    let server = tokio::spawn(server.with_graceful_shutdown(async { drop(stopped.await) }).into_future());

    screen.say(&format!("order service  http://{address}\n{}\n{sentry_line}\n{}", scraping(metrics), ending(flags)));

    let started = Instant::now();
    let load = Load::start(address, &begun);
    let until = async {
        match flags.seconds {
            Some(seconds) => sleep(seconds).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = watch(screen, started) => {}
        () = until => {}
        pressed = tokio::signal::ctrl_c() => pressed?,
    }
    screen.show(dashboard::table(&Snapshot::take(), started.elapsed()));
    screen.keep();
    screen.say("\nstopping: each client ends what it has begun");

    let tally = load.stop().await;
    // The service learns a moment later than its client that the client has hung up.
    timeout(PATIENCE, idle()).await.map_err(|_| "requests are still running; did you send some yourself?")?;
    let _ = stop.send(());
    // A connection that somebody else keeps open is not waited for.
    let _ = timeout(PATIENCE, server).await;
    orders.close().await;
    drop(orders);
    timeout(PATIENCE, packing).await.map_err(|_| "events are left that nobody handles")??;

    let scrape = match metrics {
        Some(address) => scrape(address).await?,
        None => runtime_metrics::export::prometheus(&Snapshot::take()),
    };
    Ok(compare(&tally, &scrape))
}

/// Keeps the live table up to date.
async fn watch(screen: &Screen, started: Instant) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        screen.show(dashboard::table(&Snapshot::take(), started.elapsed()));
    }
}

/// Handles the events of orders that were placed, until nobody is left to place one.
async fn pack(mut parcels: mpsc::UnboundedReceiver<Order>) {
    while let Some(order) = parcels.recv().await {
        // The metrics of the event tell what failed.
        let _ = on_order_placed(&order).await;
    }
}

/// Waits until no handler is running.
async fn idle() {
    let mut looks = interval(Duration::from_millis(10));
    loop {
        looks.tick().await;
        if dashboard::sum(&Snapshot::take(), "http_active_requests", &[]) == 0.0 {
            return;
        }
    }
}

/// What Prometheus would get.
async fn scrape(address: SocketAddr) -> Result<String, Failure> {
    let (status, body) = Client::connect(address).await?.ask(&Method::GET, "/metrics", String::new()).await?;
    if !status.is_success() {
        return Err(format!("/metrics answered {status}").into());
    }
    Ok(String::from_utf8(body.to_vec())?)
}

fn scraping(metrics: Option<SocketAddr>) -> String {
    let Some(address) = metrics else { return "metrics        not served".to_owned() };
    let url = format!("http://{address}/metrics");
    format!(
        "metrics        {url}\n\
         {0:<15}curl -s {url} | promtool check metrics\n\
         {0:<15}curl -s -H 'Accept: application/openmetrics-text' {url}",
        ""
    )
}

fn ending(flags: &Flags) -> String {
    let after = flags.seconds.map_or(String::new(), |seconds| format!("after {} s, or ", seconds.as_secs_f64()));
    format!(
        "{:<15}an envelope every {} s\n\
         ends           {after}with Ctrl-C",
        "",
        flags.interval.as_secs_f64()
    )
}

/// A directory of our own, gone when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("runtime-metrics-quickstart-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is left to the system, which clears that place from time to time.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
