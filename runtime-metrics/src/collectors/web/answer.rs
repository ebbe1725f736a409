//! An answer in the making: its request runs until the last of its body is handed over, or until it is
//! dropped.

use super::Running;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The body of an answer; its request runs until the last of it has been handed over.
    ///
    /// ```
    /// # fn size<B>(answer: http::Response<runtime_metrics::collectors::web::Answer<B>>) {}
    /// ```
    #[derive(Debug)]
    pub struct Answer<B> {
        #[pin]
        body: B,
        // Nothing once the body has ended.
        running: Option<Running>,
    }
}

pin_project! {
    /// The future of an answer whose request is counted.
    ///
    /// ```
    /// # fn answers<F>(future: runtime_metrics::collectors::web::Answering<F>) {}
    /// ```
    #[derive(Debug)]
    pub struct Answering<F> {
        #[pin]
        answer: F,
        // Goes on to the body.
        running: Option<Running>,
        tunnels: bool,
    }
}

impl<F> Answering<F> {
    /// `tunnels`: if it is answered with success, the connection is no longer HTTP.
    pub(super) fn new(answer: F, running: Option<Running>, tunnels: bool) -> Self {
        Self { answer, running, tunnels }
    }
}

#[cfg(feature = "hyper")]
mod of_http {
    use super::{Answer, Answering, Context, Pin, Poll};
    use http::{Method, Request, Response, StatusCode, Version};
    use http_body::{Body, Frame, SizeHint};

    /// Whether an answer of success makes of the connection a tunnel. In HTTP/2 it is but one stream of it.
    pub(in super::super) fn tunnels<B>(request: &Request<B>) -> bool {
        request.method() == Method::CONNECT && request.version() < Version::HTTP_2
    }

    impl<F, B, E> Future for Answering<F>
    where
        F: Future<Output = Result<Response<B>, E>>,
    {
        type Output = Result<Response<Answer<B>>, E>;

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            let this = self.project();
            let answer = std::task::ready!(this.answer.poll(context));
            let mut running = this.running.take();
            Poll::Ready(answer.map(|answer| {
                let upgraded = answer.status() == StatusCode::SWITCHING_PROTOCOLS
                    || (*this.tunnels && answer.status().is_success());
                if upgraded && let Some(running) = running.take() {
                    running.upgraded();
                }
                answer.map(|body| Answer { body, running })
            }))
        }
    }

    impl<B: Body> Body for Answer<B> {
        type Data = B::Data;
        type Error = B::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
            let this = self.project();
            let frame = std::task::ready!(this.body.poll_frame(context));
            if frame.is_none() {
                *this.running = None;
            }
            Poll::Ready(frame)
        }

        fn is_end_stream(&self) -> bool {
            self.body.is_end_stream()
        }

        fn size_hint(&self) -> SizeHint {
            self.body.size_hint()
        }
    }
}
#[cfg(feature = "hyper")]
pub(super) use of_http::tunnels;

#[cfg(feature = "actix-web")]
mod of_actix {
    use super::{Answer, Answering, Context, Pin, Poll};
    use actix_web::body::{BodySize, MessageBody};
    use actix_web::dev::ServiceResponse;
    use actix_web::web::Bytes;

    impl<F> Answering<F> {
        /// As the `Future` of hyper's answers, of which there can be but one.
        pub(in super::super) fn poll_actix<B, E>(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Result<ServiceResponse<Answer<B>>, E>>
        where
            F: Future<Output = Result<ServiceResponse<B>, E>>,
        {
            let this = self.project();
            let answer = std::task::ready!(this.answer.poll(context));
            let running = this.running.take();
            // What comes after an upgrade is the answer's body, too.
            Poll::Ready(answer.map(|answer| answer.map_body(|_, body| Answer { body, running })))
        }
    }

    impl<B: MessageBody> MessageBody for Answer<B> {
        type Error = B::Error;

        fn size(&self) -> BodySize {
            self.body.size()
        }

        fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
            let this = self.project();
            let bytes = std::task::ready!(this.body.poll_next(context));
            if bytes.is_none() {
                *this.running = None;
            }
            Poll::Ready(bytes)
        }
    }
}
