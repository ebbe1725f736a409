//! tower: requests that wait for a limit, in an axum server.

use super::{Gate, Raw, told, until};
use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use runtime_metrics::collectors::web::Server;
use std::convert::Infallible;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

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

/// As the documentation of `Server::queue` has it: one runs, some wait in the buffer, and the rest is shed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sheds_and_what_buffers_does_so_between_the_two_layers() {
    let (server, gate) = (Server::new("sheds"), Gate::new());
    let queue = server.queue();
    let handler = gate.clone();
    let service = ServiceBuilder::new()
        .layer(queue.enter())
        .load_shed()
        .buffer(2)
        .concurrency_limit(1)
        .layer(queue.admit())
        .service(service_fn(move |_: Request| {
            let gate = handler.clone();
            async move {
                gate.pass().await;
                Ok::<_, Infallible>(())
            }
        }));
    let ask = || {
        let mut service = service.clone();
        tokio::spawn(async move {
            let answer = service.ready().await.unwrap().call(Request::default()).await;
            answer.map_err(|error| error.to_string())
        })
    };
    let queued = || told("sheds", "http.requests.queued");
    let first = ask();
    until("running", || gate.came(), &1);

    let others: Vec<_> = (0..20).map(|_| ask()).collect();
    let over = || others.iter().filter(|other| other.is_finished()).count() as i64;
    // The buffer has two places, and its task one in hand.
    until("shed", || over() >= 17 && queued() == 20 - over(), &true);
    let waiting = queued();
    assert!((2..=3).contains(&waiting), "{waiting}");
    gate.open(21);
    assert_eq!(first.await.unwrap(), Ok(()));
    let mut done = 0;
    for other in others {
        match other.await.unwrap() {
            Ok(()) => done += 1,
            Err(why) => assert_eq!(why, "service overloaded"),
        }
    }
    assert_eq!((done, queued()), (waiting, 0));
}
