//! tower: requests that wait for a limit, in an axum server.

use super::{Gate, Raw, told, until};
use axum::Router;
use axum::routing::get;
use runtime_metrics::collectors::web::Server;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_queued_until_they_are_let_in_or_given_up() {
    let (server, gate) = (Server::new("limited"), Gate::new());
    let queue = server.queue();
    // One limit for all connections, each of which has layers of its own.
    let limit = GlobalConcurrencyLimitLayer::new(2);
    let limit = ServiceBuilder::new().layer(queue.enter()).layer(limit).layer(queue.admit());
    let handler = gate.clone();
    let router = Router::new().route("/", get(async move || handler.pass().await)).layer(limit);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());

    let becomes = |queued| until("queued", || told("limited", "http.requests.queued"), &queued);
    becomes(0);
    let mut clients: Vec<Raw> = (0..5).map(|_| Raw::connect(address)).collect();
    let ask = |client: &mut Raw| client.send("/");
    let (running, waiting) = clients.split_at_mut(2);
    running.iter_mut().for_each(ask);
    until("running", || gate.came(), &2);
    waiting.iter_mut().for_each(ask);
    becomes(3);
    assert_eq!(told("limited", "http.connections.idle"), -1, "nobody counts its connections");

    // A client that hangs up while it waits, and one that does while it runs: that lets in another.
    drop(clients.pop());
    becomes(2);
    drop(clients.remove(0));
    becomes(1);
    gate.open(3);
    becomes(0);
    for mut client in clients {
        client.until("200 OK");
    }
}
