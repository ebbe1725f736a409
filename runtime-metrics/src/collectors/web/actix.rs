//! actix-web: what a server calls for each connection, and a middleware that counts its requests.

use super::{Answer, Answering, Connection, Server};
use crate::status::report;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, Service, ServiceRequest, ServiceResponse, Transform};
use pin_project_lite::pin_project;
use std::any::Any;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

impl Server {
    /// Counts connections: for `HttpServer::on_connect`, beside [`middleware`](Self::middleware).
    ///
    /// ```no_run
    /// use actix_web::{App, HttpServer};
    ///
    /// # async fn run() -> std::io::Result<()> {
    /// let server = runtime_metrics::collectors::web::Server::new("actix");
    /// HttpServer::new(move || App::new().wrap(server.middleware()))
    ///     .on_connect(server.on_connect())
    ///     .bind(("127.0.0.1", 8080))?
    ///     .run()
    ///     .await
    /// # }
    /// ```
    pub fn on_connect(&self) -> impl Fn(&dyn Any, &mut Extensions) + Clone + Send + Sync + 'static {
        let server = *self;
        server.serving();
        move |_, extensions| {
            extensions.insert(server.open());
        }
    }

    /// Counts the requests of connections: the outermost middleware of an `App`, beside
    /// [`on_connect`](Self::on_connect). Where a client hangs up, actix-web lets the handler go on: the
    /// connection is active until that ends.
    ///
    /// ```
    /// let server = runtime_metrics::collectors::web::Server::new("actix");
    /// let app = actix_web::App::new().wrap(server.middleware());
    /// ```
    pub fn middleware(&self) -> ActixMiddleware {
        ActixMiddleware(*self)
    }
}

/// The middleware of [`Server::middleware`].
///
/// ```
/// let middleware = runtime_metrics::collectors::web::Server::new("actix").middleware();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ActixMiddleware(Server);

impl<S, B> Transform<S, ServiceRequest> for ActixMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<Answer<B>>;
    type Error = Error;
    type Transform = ActixRequests<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(ActixRequests { service, server: self.0 }))
    }
}

/// A service of actix-web whose requests are counted.
///
/// ```
/// # fn name<S>(service: runtime_metrics::collectors::web::ActixRequests<S>) {}
/// ```
#[derive(Clone, Debug)]
pub struct ActixRequests<S> {
    service: S,
    server: Server,
}

impl<S, B> Service<ServiceRequest> for ActixRequests<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<Answer<B>>;
    type Error = Error;
    type Future = Serving<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let connection = request.conn_data::<Connection>();
        if connection.is_none() {
            report(
                "http.connections.active",
                format!(
                    "requests of `{}` have no connection; add `.on_connect(server.on_connect())` to its HttpServer",
                    self.server.name()
                ),
            );
        }
        let running = connection.map(|connection| connection.requests().begin());
        Serving { answer: Answering::new(self.service.call(request), running, false) }
    }
}

pin_project! {
    /// The future of an answer.
    #[derive(Debug)]
    pub struct Serving<F> {
        #[pin]
        answer: Answering<F>,
    }
}

impl<F, B> Future for Serving<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<Answer<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().answer.poll_actix(context)
    }
}
