//! With tower: a `Service` whose `call` is measured until its future ends.

use super::{counts, counts_of};
use runtime_metrics::{metered, metrics};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

#[derive(Debug, PartialEq)]
struct Failed;

/// Passes on what is not zero.
#[metrics]
#[derive(Clone)]
struct NotZero<S> {
    inner: S,
}

impl<S> Service<u8> for NotZero<S>
where
    S: Service<u8, Response = u8, Error = Failed> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = u8;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<u8, Failed>> + Send>>;

    #[metered]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.inner.poll_ready(context)
    }

    #[metered]
    fn call(&mut self, number: u8) -> Pin<Box<dyn Future<Output = Result<u8, Failed>> + Send>> {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            if number == 0 {
                return Err(Failed);
            }
            inner.call(number).await
        })
    }
}

struct Guard;

impl<S> Layer<S> for Guard {
    type Service = NotZero<S>;

    #[metered]
    fn layer(&self, inner: S) -> Self::Service {
        NotZero { inner }
    }
}

#[metered]
async fn innermost(number: u8) -> Result<u8, Failed> {
    tokio::task::yield_now().await;
    number.checked_add(1).ok_or(Failed)
}

#[tokio::test]
async fn a_call_of_a_service_is_counted_when_its_future_ends() {
    let service = ServiceBuilder::new().layer(Guard).service(service_fn(innermost));
    let mut service = service.map_err(|error| error).boxed();
    for (number, result) in [(1, Ok(2)), (0, Err(Failed)), (255, Err(Failed))] {
        assert_eq!(service.ready().await.unwrap().call(number).await, result);
    }
    // The body of `call` has run, and what it began was given up.
    drop(service.ready().await.unwrap().call(1));
    assert_eq!((counts_of("NotZero", "call"), counts("innermost")), ([1, 2, 0, 1], [1, 1, 0, 0]));
    assert_eq!((counts_of("NotZero", "poll_ready"), counts("layer")), ([4, 0, 0, 0], [1, 0, 0, 0]));
}

/// The same, with the type by its name.
struct Named;

impl Service<u8> for Named {
    type Response = u8;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<u8, Failed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    #[metered(name = "named")]
    fn call(&mut self, number: u8) -> Self::Future {
        Box::pin(async move { number.checked_sub(1).ok_or(Failed) })
    }
}

#[tokio::test]
async fn a_call_that_returns_self_future_is_counted_when_it_ends() {
    assert_eq!((Named.oneshot(1).await, Named.oneshot(0).await), (Ok(0), Err(Failed)));
    let outcomes = ["ok", "error"].map(|outcome| {
        runtime_metrics::registry().get("named_requests_total", &[("action", "call"), ("outcome", outcome)])
    });
    assert_eq!(outcomes, [1, 1].map(|count| Some(runtime_metrics::Reading::Counter(count))));
}

#[tokio::test]
async fn an_axum_router_takes_a_measured_service() {
    #[metered]
    async fn answers(_: axum::extract::Request) -> Result<&'static str, Infallible> {
        Ok("hello")
    }
    #[metered]
    async fn answers_in_response(request: axum::extract::Request) -> Result<axum::response::Response, Infallible> {
        let answer = answers(request).await?;
        Ok(axum::response::IntoResponse::into_response(answer))
    }
    let router: axum::Router = axum::Router::new().route_service("/", service_fn(answers_in_response));
    let request = axum::http::Request::builder().uri("/").body(axum::body::Body::empty()).unwrap();
    assert_eq!(router.oneshot(request).await.unwrap().status(), 200);
    assert_eq!((counts("answers"), counts("answers_in_response")), ([1, 0, 0, 0], [1, 0, 0, 0]));
}
