//! `MetricsService`: a scrape as a service in a server of the program's own.

use super::answer::Answers;
use crate::export::error::ExportError;
use crate::export::exporter::MetricsExporter;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

/// Answers scrapes within a server of the program's own: a tower service, which axum takes as a route. From
/// [`MetricsExporter::service`].
///
/// It answers whatever the path is that leads to it, GET and HEAD, in the format that is set or asked for, and asks
/// for the exporter's token. A scrape takes the worker that it runs on some milliseconds if there are 100,000
/// series; and it is not answered while all workers are blocked, as that of an exporter's own server is.
///
/// ```
/// use runtime_metrics::MetricsExporter;
///
/// let metrics = MetricsExporter::new().token("a long secret").service().unwrap();
/// # #[cfg(feature = "axum")] {
/// let app: axum::Router = axum::Router::new().route_service("/internal/metrics", metrics);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MetricsService(Arc<Answers>);

impl MetricsExporter {
    /// The service that answers scrapes as this exporter would: its format, token and filter count.
    ///
    /// # Errors
    ///
    /// The format is one that is pushed, or the token is empty.
    ///
    /// ```
    /// let metrics = runtime_metrics::MetricsExporter::new().service().unwrap();
    /// # drop(metrics);
    /// ```
    pub fn service(self) -> Result<MetricsService, ExportError> {
        if self.format.is_pushed() {
            let mend = "it is pushed, not fetched: use `start`";
            return Err(ExportError::setting("format", self.format.to_string(), mend));
        }
        self.check_token()?;
        crate::collectors::install();
        crate::health::install();
        Ok(MetricsService(Arc::new(Answers::of(self))))
    }
}

impl<B> tower_service::Service<Request<B>> for MetricsService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.0.scrape(&request)))
    }
}
