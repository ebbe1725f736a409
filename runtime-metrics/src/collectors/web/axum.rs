//! axum: a listener whose sockets are counted, and a service for each of them.

use super::answer::tunnels;
use super::{Answering, Counted, Io, Requests, Server};
use axum::body::Body;
use axum::extract::Request;
use axum::extract::connect_info::Connected;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

/// A listener whose connections are counted; from [`Server::listen`].
///
/// ```
/// # async fn serve(listener: tokio::net::TcpListener, router: axum::Router) -> std::io::Result<()> {
/// let server = runtime_metrics::collectors::web::Server::new("api");
/// axum::serve(server.listen(listener), server.make_service(router)).await
/// # }
/// ```
#[derive(Debug)]
pub struct Listening<L> {
    listener: L,
    server: Server,
}

/// Makes for each connection of a [`Listening`] a service that counts its requests; from
/// [`Server::make_service`].
///
/// ```
/// # fn name<M>(make: runtime_metrics::collectors::web::MakeService<M>) {}
/// ```
#[derive(Clone, Debug)]
pub struct MakeService<M>(M);

/// Who is on the other end: axum's `ConnectInfo` behind a [`Listening`].
///
/// ```
/// use axum::extract::ConnectInfo;
/// use runtime_metrics::collectors::web::{Peer, Server};
/// use std::net::SocketAddr;
///
/// async fn handler(ConnectInfo(Peer(address)): ConnectInfo<Peer<SocketAddr>>) -> String {
///     address.to_string()
/// }
///
/// let router: axum::Router = axum::Router::new().route("/", axum::routing::get(handler));
/// let make = Server::new("peers").make_service(router.into_make_service_with_connect_info::<Peer<SocketAddr>>());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer<A>(pub A);

impl Server {
    /// Counts the connections of `listener`, for `axum::serve`; the service goes through
    /// [`make_service`](Self::make_service).
    ///
    /// ```
    /// # async fn listen() -> std::io::Result<()> {
    /// let server = runtime_metrics::collectors::web::Server::new("api");
    /// let listening = server.listen(tokio::net::TcpListener::bind("127.0.0.1:0").await?);
    /// # Ok(()) }
    /// ```
    pub fn listen<L: Listener>(&self, listener: L) -> Listening<L> {
        // Told from the start, as zero.
        self.serving();
        Listening { listener, server: *self }
    }

    /// Counts the requests of each connection: for a `Router`, or for what its `into_make_service` and
    /// the like return. A request costs about 80 ns.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("api");
    /// let make = server.make_service(axum::Router::<()>::new());
    /// ```
    pub fn make_service<M>(&self, make: M) -> MakeService<M> {
        MakeService(make)
    }
}

impl<L: Listener> Listener for Listening<L> {
    type Io = Io<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = self.listener.accept().await;
        (self.server.io(io), address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl<L> Connected<IncomingStream<'_, Listening<L>>> for Peer<L::Addr>
where
    L: Listener,
    L::Addr: Clone + Send + Sync + 'static,
{
    fn connect_info(stream: IncomingStream<'_, Listening<L>>) -> Self {
        Self(stream.remote_addr().clone())
    }
}

impl<'a, M, L> Service<IncomingStream<'a, Listening<L>>> for MakeService<M>
where
    L: Listener,
    M: Service<IncomingStream<'a, Listening<L>>>,
{
    type Response = Counted<M::Response>;
    type Error = M::Error;
    type Future = Making<M::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, stream: IncomingStream<'a, Listening<L>>) -> Self::Future {
        let requests = Some(stream.io().connection().requests());
        Making { made: self.0.call(stream), requests }
    }
}

pin_project! {
    /// The future of a connection's service.
    #[derive(Debug)]
    pub struct Making<F> {
        #[pin]
        made: F,
        requests: Option<Requests>,
    }
}

impl<F, S, E> Future for Making<F>
where
    F: Future<Output = Result<S, E>>,
{
    type Output = Result<Counted<S>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let service = ready!(this.made.poll(context))?;
        // A future that is done is not polled again.
        let Some(requests) = this.requests.take() else { return Poll::Pending };
        Poll::Ready(Ok(Counted { service, requests }))
    }
}

impl<S> Service<Request> for Counted<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Boxing<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (running, tunnels) = (self.requests.begin(), tunnels(&request));
        Boxing { answer: Answering::new(self.service.call(request), Some(running), tunnels) }
    }
}

pin_project! {
    /// The future of an answer with axum's own type of body, which is all that `axum::serve` takes.
    #[derive(Debug)]
    pub struct Boxing<F> {
        #[pin]
        answer: Answering<F>,
    }
}

impl<F> Future for Boxing<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.project().answer.poll(context))?;
        Poll::Ready(Ok(answer.map(Body::new)))
    }
}
