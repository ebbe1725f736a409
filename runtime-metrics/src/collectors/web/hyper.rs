//! Plain hyper: a service that counts the requests of its connection.

use super::answer::tunnels;
use super::{Answer, Answering, Connection, Io, Requests};
use http::{Request, Response};
use hyper::service::Service;

/// A service of one connection whose requests are counted; from [`Connection::serve`] or [`Io::serve`].
/// A request costs it about 60 ns.
///
/// ```
/// use hyper::service::service_fn;
/// use runtime_metrics::collectors::web::Server;
/// use std::convert::Infallible;
///
/// let connection = Server::new("counted").open();
/// let service = connection.serve(service_fn(|_: http::Request<()>| async {
///     Ok::<_, Infallible>(http::Response::new(String::from("hello")))
/// }));
/// ```
#[derive(Clone, Debug)]
pub struct Counted<S> {
    pub(super) service: S,
    pub(super) requests: Requests,
}

impl Connection {
    /// Counts the requests that `service` answers on this connection.
    ///
    /// ```
    /// # fn serve<S>(service: S) {
    /// let connection = runtime_metrics::collectors::web::Server::new("serve").open();
    /// let counted = connection.serve(service);
    /// # }
    /// ```
    pub fn serve<S>(&self, service: S) -> Counted<S> {
        Counted { service, requests: self.requests() }
    }
}

impl<T> Io<T> {
    /// Counts the requests that `service` answers on this connection.
    ///
    /// ```
    /// use hyper::service::service_fn;
    /// use hyper_util::rt::TokioIo;
    ///
    /// # async fn answer(_: http::Request<hyper::body::Incoming>) -> Result<http::Response<String>, std::fmt::Error> {
    /// #     Ok(http::Response::new(String::new()))
    /// # }
    /// # async fn accept(listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
    /// let server = runtime_metrics::collectors::web::Server::new("plain hyper");
    /// let io = server.io(listener.accept().await?.0);
    /// let service = io.serve(service_fn(answer));
    /// hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(io), service).await?;
    /// # Ok(()) }
    /// ```
    pub fn serve<S>(&self, service: S) -> Counted<S> {
        self.connection().serve(service)
    }
}

impl<S, A, B> Service<Request<A>> for Counted<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<Answer<B>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    #[inline]
    fn call(&self, request: Request<A>) -> Self::Future {
        let (running, tunnels) = (self.requests.begin(), tunnels(&request));
        Answering::new(self.service.call(request), Some(running), tunnels)
    }
}
