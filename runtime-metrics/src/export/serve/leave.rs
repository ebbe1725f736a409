//! How connections end when the server stops: at once, but for answers that are under way.

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1::Connection;
use hyper::service::HttpService;
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// What comes of this, unless the server stops before.
#[cfg(feature = "tls")]
pub(super) async fn unless<T>(leaving: watch::Receiver<bool>, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut stopped) = (pin!(future), pin!(stopped(leaving)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Pending => stopped.as_mut().poll(context).map(|()| None),
        Poll::Ready(value) => Poll::Ready(Some(value)),
    })
    .await
}

/// The connection, to its end; if the server stops, to the end of an answer. Whoever has not `asked` gets none.
pub(super) async fn after_answer<T, S, B>(
    leaving: watch::Receiver<bool>,
    mut connection: Pin<&mut Connection<hyper_util::rt::TokioIo<T>, S>>,
    asked: &AtomicBool,
) where
    T: AsyncRead + AsyncWrite + Unpin,
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut stopped = pin!(stopped(leaving));
    let mut told = false;
    poll_fn(|context| {
        if !told && stopped.as_mut().poll(context).is_ready() {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        let over = connection.as_mut().poll(context).map(drop);
        if told && !asked.load(Relaxed) { Poll::Ready(()) } else { over }
    })
    .await;
}

async fn stopped(mut leaving: watch::Receiver<bool>) {
    // An error means that the server is no more.
    let _ = leaving.wait_for(|leaving| *leaving).await;
}
