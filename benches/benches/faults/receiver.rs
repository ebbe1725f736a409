//! Receivers in every state, in a process of their own: what they take of the machine is not the program's.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener as Listener;

pub const RECEIVER: &str = "--receiver";

/// How a receiver serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// Takes all, over gRPC.
    Grpc,
    /// Answers 503, over HTTP/2.
    Grpc503,
    /// Takes all, over HTTP/1.1.
    Http,
    /// Answers 503, over HTTP/1.1.
    Http503,
    /// Accepts connections, and reads and answers nothing.
    Nothing,
    /// Reads a byte a second, and answers nothing.
    Slowly,
    /// Resets connections when something comes.
    Resets,
    /// Takes all datagrams.
    Datagrams,
    /// Has a socket for datagrams, and never reads.
    DatagramsNever,
    /// Reads a datagram a second.
    DatagramsSlowly,
}

const ALL: [Serves; 10] = [
    Serves::Grpc,
    Serves::Grpc503,
    Serves::Http,
    Serves::Http503,
    Serves::Nothing,
    Serves::Slowly,
    Serves::Resets,
    Serves::Datagrams,
    Serves::DatagramsNever,
    Serves::DatagramsSlowly,
];

/// The process, and where its receivers are.
pub struct Receivers {
    process: Child,
    addresses: [SocketAddr; ALL.len()],
}

impl Receivers {
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?);
        let mut process = process.arg(RECEIVER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(process.stdout.take().ok_or("the receivers say nothing")?).lines();
        let addresses = lines.take(ALL.len()).map(|line| Ok(line?.parse()?));
        let addresses: Vec<SocketAddr> = addresses.collect::<Result<_, Box<dyn Error>>>()?;
        let addresses = addresses.try_into().map_err(|_| "the receivers did not start")?;
        Ok(Self { process, addresses })
    }

    pub fn address(&self, serves: Serves) -> SocketAddr {
        self.addresses[serves as usize]
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the program ends that wants it.
pub fn child() -> ExitCode {
    let served = serve();
    if let Err(error) = served {
        eprintln!("the receivers can't be started: {error}");
        return ExitCode::FAILURE;
    }
    // Its end is the end of what is read here, however it ends.
    let _ = io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for serves in ALL {
        let address = match serves {
            Serves::Grpc | Serves::Grpc503 | Serves::Http | Serves::Http503 => {
                let listener = runtime.block_on(Listener::bind("127.0.0.1:0"))?;
                let address = listener.local_addr()?;
                runtime.spawn(answers(listener, serves));
                address
            }
            Serves::Nothing | Serves::Slowly | Serves::Resets => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                // Who waits for it to read shall wait for it, and not for the system, which would take much at once.
                set_socket_recv_buffer_size(&listener, 4 << 10)?;
                let address = listener.local_addr()?;
                thread::spawn(move || fails(&listener, serves));
                address
            }
            Serves::Datagrams | Serves::DatagramsNever | Serves::DatagramsSlowly => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                let address = socket.local_addr()?;
                thread::spawn(move || takes(&socket, serves));
                address
            }
        };
        println!("{address}");
    }
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(())
}

/// Accepts, and fails as it is to.
fn fails(listener: &TcpListener, serves: Serves) {
    let mut kept: Vec<TcpStream> = Vec::new();
    for mut stream in listener.incoming().flatten() {
        match serves {
            // What is closed with something unread is reset.
            Serves::Resets => drop(stream.read(&mut [0; 8])),
            Serves::Slowly => drop(thread::spawn(move || slowly(&stream))),
            _ => kept.push(stream),
        }
        // Those who gave up are forgotten at some time.
        if kept.len() > 100 {
            kept.drain(..50);
        }
    }
}

fn slowly(mut stream: &TcpStream) {
    // Nobody waits for so long, but what has come would be read for ever.
    for _ in 0..10 {
        if !stream.read(&mut [0]).is_ok_and(|read| read > 0) {
            return;
        }
        thread::sleep(Duration::from_secs(1));
    }
}

fn takes(socket: &UdpSocket, serves: Serves) {
    let mut datagram = vec![0; 65_507];
    while serves == Serves::DatagramsNever || socket.recv(&mut datagram).is_ok() {
        match serves {
            Serves::Datagrams => {}
            _ => thread::sleep(Duration::from_secs(1)),
        }
    }
}

async fn answers(listener: Listener, serves: Serves) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let (stream, answer) = (TokioIo::new(stream), service_fn(move |request| answer(request, serves)));
            if matches!(serves, Serves::Grpc | Serves::Grpc503) {
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(stream, answer).await);
            } else {
                drop(hyper::server::conn::http1::Builder::new().serve_connection(stream, answer).await);
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    serves: Serves,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        frame?;
    }
    let mut response = Response::new(Empty::new().boxed());
    match serves {
        Serves::Grpc => {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            // An empty message.
            let message = Full::new(Bytes::from_static(&[0; 5]));
            *response.body_mut() = message.with_trailers(async { Some(Ok(trailers)) }).boxed();
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        }
        Serves::Http => {}
        _ => *response.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE,
    }
    Ok(response)
}
