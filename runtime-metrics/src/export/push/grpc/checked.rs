//! A channel on which an answer of somebody who does not speak gRPC, such as a proxy, is an error that says so: what
//! it has in its body is no message.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::transport::Channel;

/// The channel.
#[derive(Clone, Debug)]
pub(super) struct Checked(pub(super) Channel);

/// The status of such an answer, and when it wants to be asked again.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) status: u16,
    pub(super) again: Option<Duration>,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)
    }
}

impl Error for Foreign {}

type Wrong = Box<dyn Error + Send + Sync>;

impl Service<Request<Body>> for Checked {
    type Response = Response<Body>;
    type Error = Wrong;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Wrong>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Wrong>> {
        self.0.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers());
            if status == 200 || headers.contains_key("grpc-status") {
                return Ok(answer);
            }
            let again = headers.get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
            Err(Foreign { status, again: again.map(Duration::from_secs) }.into())
        })
    }
}
