//! One HTTP connection of a client that may hang up.

use crate::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A connection. Dropping it is hanging up.
pub struct Client {
    address: SocketAddr,
    requests: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        // A broken connection shows in the answer of the request that it breaks.
        let connection = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { address, requests, connection })
    }

    /// Sends a request and reads the whole answer.
    pub async fn ask(&mut self, method: &Method, path: &str, body: String) -> Result<(StatusCode, Bytes), Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(ACCEPT, "*/*")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        self.requests.ready().await?;
        let response = self.requests.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
