//! axum: under keep-alive, hang-up, panics, streams and upgrades.

use super::{Gate, Raw, becomes};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use runtime_metrics::collectors::web::{Peer, Server};
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread::sleep;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Serves until its runtime ends.
async fn serve(name: &str, router: Router) -> SocketAddr {
    let server = Server::new(name);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    becomes(name, -1, -1);
    let make = router.into_make_service_with_connect_info::<Peer<SocketAddr>>();
    let serve = axum::serve(server.listen(listener), server.make_service(make));
    tokio::spawn(serve.into_future());
    becomes(name, 0, 0);
    address
}

fn waits_at(gate: &Gate) -> axum::routing::MethodRouter {
    let gate = gate.clone();
    get(move |ConnectInfo(Peer(peer)): ConnectInfo<Peer<SocketAddr>>| async move {
        gate.pass().await;
        format!("hello {}", peer.ip())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_active_while_they_are_answered_and_idle_between() {
    let gate = Gate::new();
    let address = serve("keep-alive", Router::new().route("/", waits_at(&gate))).await;
    let mut clients: Vec<Raw> = (0..6).map(|_| Raw::connect(address)).collect();
    becomes("keep-alive", 0, 6);
    for _ in 0..3 {
        clients.iter_mut().take(5).for_each(|client| client.send("/"));
        becomes("keep-alive", 5, 1);
        gate.open(1);
        becomes("keep-alive", 4, 2);
        gate.open(4);
        clients.iter_mut().take(5).for_each(|client| drop(client.until("hello 127.0.0.1")));
        becomes("keep-alive", 0, 6);
    }
    clients.truncate(2);
    becomes("keep-alive", 0, 2);
    // Two requests at once on one connection are answered one by one.
    clients[0].send("/");
    clients[0].send("/");
    becomes("keep-alive", 1, 1);
    gate.open(2);
    clients[0].until("hello 127.0.0.1");
    becomes("keep-alive", 0, 2);
    // Half a request is none yet.
    clients[1].0.write_all(b"GET / HTTP/1.1\r\nhost:").unwrap();
    sleep(Duration::from_millis(20));
    becomes("keep-alive", 0, 2);
    drop(clients);
    becomes("keep-alive", 0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_hang_up_and_handlers_that_panic_leave_nothing() {
    let gate = Gate::new();
    let panics = get(async || -> StatusCode { panic!("on purpose") });
    let router = Router::new().route("/", waits_at(&gate)).route("/panics", panics);
    let address = serve("hang-up", router).await;
    let mut clients: Vec<Raw> = (0..3).map(|_| Raw::connect(address)).collect();
    for client in &mut clients {
        client.send("/");
    }
    becomes("hang-up", 3, 0);
    clients.pop();
    becomes("hang-up", 2, 0);
    let mut panicked = Raw::connect(address);
    panicked.send("/panics");
    assert!(panicked.is_closed());
    becomes("hang-up", 2, 0);
    drop(clients);
    becomes("hang-up", 0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_active_until_the_last_of_the_answer_is_handed_over() {
    let gate = Gate::new();
    let body = gate.clone();
    let router = Router::new().route("/", get(async move || Body::new(Slow { gate: body, left: 2, passing: None })));
    let address = serve("streaming", router).await;
    let (mut reads, mut hangs_up) = (Raw::connect(address), Raw::connect(address));
    reads.send("/");
    reads.until("transfer-encoding: chunked\r\n");
    hangs_up.send("/");
    becomes("streaming", 2, 0);
    drop(hangs_up);
    becomes("streaming", 1, 0);
    gate.open(1);
    reads.until("part 2");
    becomes("streaming", 1, 0);
    gate.open(2);
    reads.until("\r\n0\r\n");
    becomes("streaming", 0, 1);
}

/// A body whose parts, and whose end, wait at a gate.
struct Slow {
    gate: Gate,
    left: u8,
    passing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl hyper::body::Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let gate = self.gate.clone();
        let passing = self.passing.get_or_insert_with(|| Box::pin(async move { gate.pass().await }));
        ready!(passing.as_mut().poll(context));
        self.passing = None;
        let part = format!("part {}", self.left);
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(part.into()))))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgraded_connection_is_active_until_it_closes() {
    async fn upgrade(request: Request) -> Response {
        tokio::spawn(async move {
            let mut io = TokioIo::new(hyper::upgrade::on(request).await.unwrap());
            let _ = io.read_to_end(&mut Vec::new()).await;
        });
        (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")]).into_response()
    }
    let address = serve("upgrading", Router::new().route("/", get(upgrade))).await;
    let mut client = Raw::connect(address);
    let request = "GET / HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    client.0.write_all(request.as_bytes()).unwrap();
    assert!(client.until("\r\n\r\n").starts_with("HTTP/1.1 101"));
    becomes("upgrading", 1, 0);
    client.0.write_all(b"not HTTP").unwrap();
    sleep(Duration::from_millis(50));
    becomes("upgrading", 1, 0);
    drop(client);
    becomes("upgrading", 0, 0);
}
