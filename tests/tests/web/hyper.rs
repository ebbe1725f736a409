//! Plain hyper, with HTTP/2: one connection with many requests is one that is active.

use super::{Gate, becomes, until};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use runtime_metrics::collectors::web::Server;
use std::convert::Infallible;
use std::net::{Shutdown, SocketAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

async fn serve(server: Server, gate: Gate) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (io, gate) = (server.io(stream), gate.clone());
            let answer = move |request: Request<Incoming>| {
                let gate = gate.clone();
                async move {
                    gate.pass().await;
                    assert_ne!(request.uri().path(), "/panics");
                    Ok::<_, Infallible>(Response::new(String::from("hello")))
                }
            };
            let service = io.serve(service_fn(answer));
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http2.serve_connection(TokioIo::new(io), service));
        }
    });
    address
}

type Client = SendRequest<Empty<Bytes>>;

/// A client, and its socket.
async fn connect(address: SocketAddr) -> (Client, std::net::TcpStream) {
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_nonblocking(true).unwrap();
    let io = TokioIo::new(TcpStream::from_std(stream.try_clone().unwrap()).unwrap());
    let (client, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    (client, stream)
}

fn send(client: &Client, path: &str) -> JoinHandle<Option<Bytes>> {
    let request = Request::builder().uri(format!("http://test{path}")).body(Empty::new()).unwrap();
    let mut client = client.clone();
    tokio::spawn(async move {
        let answer = client.send_request(request).await.ok()?;
        Some(answer.into_body().collect().await.ok()?.to_bytes())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_streams_of_a_connection_make_it_active_once() {
    let (server, gate) = (Server::new("http2"), Gate::new());
    let address = serve(server, gate.clone()).await;
    let (client, socket) = connect(address).await;
    let (other, other_socket) = connect(address).await;
    becomes("http2", 0, 2);

    let running = [(); 3].map(|()| send(&client, "/"));
    becomes("http2", 1, 1);
    // Each stream that ends is one less, until there is none.
    gate.open(2);
    until("streams", || running.iter().filter(|stream| stream.is_finished()).count(), &2);
    becomes("http2", 1, 1);
    gate.open(1);
    for stream in running {
        assert_eq!(stream.await.unwrap().unwrap(), "hello");
    }
    becomes("http2", 0, 2);

    // A client that resets its stream.
    let reset = send(&client, "/");
    becomes("http2", 1, 1);
    reset.abort();
    becomes("http2", 0, 2);

    // A handler that panics takes only its stream along.
    let (panics, runs) = (send(&other, "/panics"), send(&client, "/"));
    becomes("http2", 2, 0);
    gate.open(2);
    assert!(panics.await.unwrap().is_none());
    assert_eq!(runs.await.unwrap().unwrap(), "hello");
    becomes("http2", 0, 2);

    // A connection that breaks under its streams.
    let _running = [(); 3].map(|()| send(&client, "/"));
    becomes("http2", 1, 1);
    socket.shutdown(Shutdown::Both).unwrap();
    becomes("http2", 0, 1);
    drop((other, other_socket));
    becomes("http2", 0, 0);
}
